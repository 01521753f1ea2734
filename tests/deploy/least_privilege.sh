#!/usr/bin/env bash
# Least privilege is checked, not believed: runs the test suite with every AWS call of the function on record, and holds
# the calls against the templates' policies.
#
#     tests/deploy/least_privilege.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool ministack
record=$(mktemp -d)
trap 'rm -rf "$record"' EXIT
PUSHBUILD_CALL_RECORD=$record cargo test --locked --workspace --test it
"$tools/ministack/bin/python" -B tests/deploy/least_privilege.py "$record"
