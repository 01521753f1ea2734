#!/usr/bin/env bash
# "cargo lambda watch" and "cargo lambda invoke --data-file events/push.json" over "cargo local serve".
#
#     tests/deploy/watch.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool cargo-lambda
PATH="$tools/cargo-lambda/bin:$PATH"
cargo build --locked --workspace
exec python3 -B tests/deploy/watch.py
