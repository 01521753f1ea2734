#!/usr/bin/env bash
# `sam local invoke` in a container, as a user runs it, over `cargo local serve`.
#
# Needs root, podman, runc, busybox and socat (`.ci/install`).
#
#     tests/deploy/local_invoke.sh                 builds the function with `sam build`
#     tests/deploy/local_invoke.sh --binary PATH   with this binary in its place
#
# The container engine is Debian's podman, which needs no daemon: it serves Docker's API on a socket for as long as this
# script runs, and keeps everything in a folder that goes with it. The base image is made here of busybox and this
# machine's libraries, since AWS's is on a registry that a build machine may not reach. All of it runs in a network
# namespace of its own, from which nothing leads out: a function that looked for AWS itself would find nothing.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/deploy/tools.sh
tool sam

if [ -z "${PUSHBUILD_OWN_NETWORK-}" ]; then
    if [ "${1-}" != --binary ]; then
        tool cargo-lambda
        PATH="$tools/cargo-lambda/bin:$PATH"
        "$tools/sam/bin/sam" build > /dev/null
    fi
    cargo build --locked --package pushbuild-local
    PUSHBUILD_OWN_NETWORK=1 exec unshare --net "$0" "$@"
fi
ip link set lo up

work=$(mktemp -d /var/tmp/pushbuild-podman-XXXXXX)
engine=
clean_up() {
    podman rm --all --force > /dev/null 2>&1 || true
    [ -z "$engine" ] || kill "$engine" 2> /dev/null || true
    wait
    rm -rf "$work"
}
trap clean_up EXIT

# crun refuses the mixed control groups of some build machines, and their kernels some system call filters.
cat > "$work/containers.conf" << 'END'
[containers]
cgroups = "enabled"
seccomp_profile = "unconfined"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
runtime = "runc"
events_logger = "file"
END
cat > "$work/storage.conf" << END
[storage]
driver = "vfs"
runroot = "$work/run"
graphroot = "$work/graph"
END
export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf

image=$work/image
mkdir -p "$image"/{bin,tmp,etc/ssl/certs}
cp "$(command -v busybox)" "$image/bin/busybox"
for name in sh ls cat env; do ln -s busybox "$image/bin/$name"; done
for library in libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1; do
    for path in /lib/*-linux-gnu/$library /lib*/$library; do
        if [ -e "$path" ]; then
            mkdir -p "$image/$(dirname "$path")"
            cp --dereference "$path" "$image/$path"
        fi
    done
done
cp --dereference /etc/ssl/certs/ca-certificates.crt "$image/etc/ssl/certs/"
machine=$(uname -m)
tar -C "$image" -c . | podman import - localhost/base:1 2> /dev/null
podman tag localhost/base:1 "public.ecr.aws/lambda/provided:al2023-${machine/aarch64/arm64}"

podman system service --time=0 "unix://$work/podman.sock" > "$work/podman.log" 2>&1 &
engine=$!
export DOCKER_HOST=unix://$work/podman.sock

python3 -B tests/deploy/local_invoke.py --python "$tools/sam/bin/python" --work "$work" "$@"
