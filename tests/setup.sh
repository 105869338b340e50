#!/bin/bash
# Installs the Debian packages that are missing: `setup.sh build` for building, `setup.sh tests` for
# the tests too, `setup.sh static` for looking at the source (tests/static.sh). Says nothing where nothing is missing.
set -eu
packages="autoconf automake make pkg-config gcc libc6-dev libpcap-dev zlib1g-dev libzstd-dev liblzma-dev liblz4-dev libbz2-dev libssl-dev libcap-ng-dev libseccomp-dev libpcre2-dev libmaxminddb-dev libncurses-dev libnghttp2-dev libjson-c-dev libmicrohttpd-dev libsqlite3-dev"
if [ "${1:-build}" = static ]; then
	packages="$packages clang clang-tidy clang-tools cppcheck"
fi
if [ "${1:-build}" = tests ]; then
	packages="$packages clang clang-format libclang-rt-14-dev libcmocka-dev python3 tcpdump tshark zstd xz-utils bzip2 lz4 iproute2 man-db mandoc jq tmux zsh git chromium valgrind openssl prometheus"
	command -v npm >/dev/null || packages="$packages npm"
fi
missing=
for p in $packages; do
	case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null) in
	*"install ok installed") ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || { echo "setup: missing packages:$missing - install them, or run as root" >&2; exit 1; }
	sudo=sudo
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
install="$sudo apt-get install -y -q --no-install-recommends"
# shellcheck disable=SC2086
$install $missing >/dev/null 2>&1 || { $sudo apt-get update -q >/dev/null && $install $missing >/dev/null; }
