#!/usr/bin/env bash
# Deploys the real template with the real SAM CLI to a local AWS, and looks at what comes out at the other end.
#
#     tests/deploy/ministack.sh --stub     a stub in the function's place: rules, queue, mapping, environment, deletion
#     tests/deploy/ministack.sh            the real function, built by "sam build", over CodeCommit served by local/
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam; tool ministack
[ "${1-}" = --stub ] || {
  tool cargo-lambda
  PATH="$tools/cargo-lambda/bin:$PATH"
  cargo build --locked --workspace
}
exec "$tools/ministack/bin/python" -B tests/deploy/end_to_end.py --sam "$tools/sam/bin/sam" "$@"
