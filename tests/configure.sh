#!/bin/bash
# configure ends with one line that names the Debian package where something is missing, and goes on
# with a warning where only the unit tests need it.
set -u
command -v pkg-config >/dev/null || { echo "pkg-config is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
mkdir pc build
# All that pkg-config knows, without one at a time.
pkg-config --variable pc_path pkg-config | tr ':' '\n' | while read -r dir; do
	[ ! -d "$dir" ] || cp -n "$dir"/*.pc pc/ 2>/dev/null
done
configure() {
	(cd build && PKG_CONFIG_LIBDIR="$work/pc" PKG_CONFIG_PATH='' "$top_srcdir/configure" -q --no-create \
		--cache-file="$work/cache" CC="$CC" "$@") >out 2>err
	status=$?
	# What the compiler can do stays; what pkg-config has said does not.
	sed -i '/pkg_cv_\|ac_cv_env_/d' cache 2>/dev/null
}
hidden() { # .pc file, exit status, what is said in the last line
	mv "pc/$1.pc" gone || { echo "$1.pc: not installed"; bad=1; return; }
	configure
	mv gone "pc/$1.pc"
	[ $status -eq "$2" ] && tail -n 1 err | grep -qF -- "$3" || {
		echo "without $1.pc: status $status, '$(tail -n 1 err)', expected $2 and '$3'"
		bad=1
	}
}
configure
[ $status -eq 0 ] && [ ! -s err ] || { echo "configure: status $status: $(cat err)"; bad=1; }
hidden libpcap 1 "error: libpcap 1.9 or later was not found. On Debian: apt-get install libpcap-dev"
hidden zlib 1 "error: zlib was not found. On Debian: apt-get install zlib1g-dev"
hidden libzstd 1 "error: libzstd 1.4 or later was not found. On Debian: apt-get install libzstd-dev"
hidden liblzma 1 "error: liblzma 5.2 or later was not found. On Debian: apt-get install liblzma-dev"
hidden liblz4 1 "error: liblz4 1.8 or later was not found. On Debian: apt-get install liblz4-dev"
hidden libcrypto 1 "error: libcrypto 1.1 or later was not found. On Debian: apt-get install libssl-dev"
hidden libcap-ng 1 "error: libcap-ng was not found. On Debian: apt-get install libcap-ng-dev"
hidden libseccomp 1 "error: libseccomp was not found. On Debian: apt-get install libseccomp-dev"
hidden libpcre2-8 1 "error: libpcre2 was not found. On Debian: apt-get install libpcre2-dev"
hidden libmaxminddb 1 "error: libmaxminddb 1.3 or later was not found. On Debian: apt-get install libmaxminddb-dev"
hidden ncursesw 1 "error: ncurses 6.1 or later, with wide characters was not found. On Debian: apt-get install libncurses-dev"
hidden libnghttp2 1 "error: libnghttp2 1.40 or later was not found. On Debian: apt-get install libnghttp2-dev"
hidden json-c 1 "error: json-c 0.15 or later was not found. On Debian: apt-get install libjson-c-dev"
hidden libmicrohttpd 1 "error: libmicrohttpd 0.9.75 or later was not found. On Debian: apt-get install libmicrohttpd-dev"
hidden sqlite3 1 "error: SQLite 3.24 or later was not found. On Debian: apt-get install libsqlite3-dev"
hidden cmocka 0 "the unit tests need cmocka. On Debian: apt-get install libcmocka-dev"
# An old one is as good as none.
sed -i 's/^Version:.*/Version: 1.8.1/' pc/libpcap.pc
configure
grep -q "libpcap 1.9 or later was not found" err || { echo "an old libpcap: $(tail -n 1 err)"; bad=1; }
[ $bad -eq 0 ] && echo "configure: says what is missing"
exit $bad
