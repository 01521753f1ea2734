#!/usr/bin/env bash
# The function under Lambda's own Runtime Interface Emulator (the binary inside the SAM CLI's package, which
# "sam local invoke" puts into its containers), over "cargo local serve".
#
#     tests/deploy/emulator.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam
cargo build --locked --workspace
machine=$(uname -m)
emulator=$(echo "$tools"/sam/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-"${machine/aarch64/arm64}")
[ -x "$emulator" ] || chmod +x "$emulator"
exec python3 -B tests/deploy/emulator.py "$emulator" "$(realpath "${CARGO_TARGET_DIR:-target}")/debug/pushbuild"
