#!/usr/bin/env bash
# What of the deployment can be seen in CI: everything here but the release build. Installs its tools from PyPI under
# target/ the first time.
#
#     tests/deploy/ci.sh              after "cargo test --workspace", whose build it uses
set -euo pipefail
cd "$(dirname "$0")/../.."
for step in lint.sh least_privilege.sh emulator.sh watch.sh 'ministack.sh --stub'; do
  printf '\n== tests/deploy/%s\n' "$step"
  # shellcheck disable=SC2086 # a script and its arguments
  tests/deploy/$step
done
