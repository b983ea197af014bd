#!/bin/sh
# Installs the Debian packages a task needs, and says which.  What is there already is left alone.
#
#   tool/packages.sh build|demo|check
#
# Debian 12, as root or with sudo.  node is only asked for by demo and check, and only when there is none on the PATH.
set -eu

build='gcc libc6-dev make pkg-config meson ninja-build python3 libuv1-dev libssl-dev libsqlite3-dev zlib1g-dev
       libpcre2-dev libzip-dev libexpat1-dev libseccomp-dev node-llhttp'
demo="$build awscli"
check="$build awscli python3-boto3 clang clang-format libclang-rt-14-dev curl ca-certificates"

case "${1:-}" in
    build) want=$build ;;
    demo)  want=$demo ;;
    check) want=$check ;;
    *)     echo "usage: tool/packages.sh build|demo|check" >&2; exit 2 ;;
esac
[ "$1" = build ] || command -v node >/dev/null || want="$want nodejs"
[ "$1" != check ] || command -v npm >/dev/null || want="$want npm"

missing=
for package in $want; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
if [ -z "$missing" ]; then
    echo "packages: all there"
    exit 0
fi

echo "packages to install:$missing"
root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "packages: run as root, or install sudo" >&2; exit 1; }
    root=sudo
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >>"$log" 2>&1; }
# Lists that are fresh enough need no update; where they are not, update and try once more.
if ! install; then
    $root apt-get update -q >>"$log" 2>&1 || true
    install || { tail -20 "$log" >&2; echo "packages: apt-get could not install:$missing" >&2; exit 1; }
fi
echo "packages: installed"
