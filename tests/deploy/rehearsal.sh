#!/usr/bin/env bash
# Rehearses accept.py against the stack on a local AWS, where it has to find everything as promised, and to notice a changed
# byte, a lost executable bit and a build too many; and to delete everything after Ctrl-C.
#
#     tests/deploy/rehearsal.sh                  with the debug build
#     tests/deploy/rehearsal.sh --binary PATH    with this binary
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam; tool ministack
cargo build --locked --workspace
exec "$tools/ministack/bin/python" -B tests/deploy/rehearsal.py --sam "$tools/sam/bin/sam" \
  --binary "$(realpath "${CARGO_TARGET_DIR:-target}")/debug/pushbuild" "$@"
