#!/usr/bin/env bash
# Holds the dependencies against deny.toml: licences, bans and sources.
#
#     tests/dependencies.sh               what needs no network beyond the crates themselves
#     tests/dependencies.sh advisories    RustSec's advisories too: clones their database from GitHub
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/deploy/tools.sh
tool cargo-deny
exec "$tools/cargo-deny/bin/cargo-deny" --locked check licenses bans sources "$@"
