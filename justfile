# What is typed often. `just` comes from your package manager, `cargo install just` or `pip install rust-just`; each
# recipe is one or two plain commands, which work without it too.

set shell := ["bash", "-euo", "pipefail", "-c"]

[private]
default:
    @just --list --unsorted

# before each change: format, lints, dependencies, tests
check:
    cargo fmt --all --check
    cargo clippy --locked --workspace --all-targets -- --deny warnings
    tests/dependencies.sh
    cargo test --locked --workspace

# the tests whose names contain NAME (all without one)
test NAME="":
    cargo test --locked --workspace -- {{ NAME }}

# push a repository through the function on a local AWS (`just local --help`)
local *ARGUMENTS:
    cargo local {{ ARGUMENTS }}

# lint the templates, deploy them to a local AWS, run the function in Lambda's emulator and under cargo lambda
deploy-tests:
    tests/deploy/lint.sh
    tests/deploy/emulator.sh
    tests/deploy/watch.sh
    tests/deploy/rehearsal.sh
    tests/deploy/ministack.sh --stub
    tests/deploy/ministack.sh

# what CI runs: installs what is missing, then everything (about half an hour on two cores)
ci:
    .ci/run

# the benchmark of docs/performance.md: ways from a push to its bundle
bench FILES="5000":
    benches/repository.sh target/bench-{{ FILES }} {{ FILES }}
    cargo bench --locked --bench push -- --latency 20 --runs 3 target/bench-{{ FILES }}

# make what a release consists of, under target/release-files/
release:
    . tests/deploy/tools.sh && tool cargo-lambda && PATH="$tools/cargo-lambda/bin:$PATH" python3 -B tools/release.py
