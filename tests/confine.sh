#!/bin/bash
# What is denied when everything is open: confine-try.c makes each call on each kind of thread, and in
# each phase, and what it may do is what is listed here, nothing else. Crashes end as they should, and
# where neither filters nor Landlock can be had, or there is no /proc, the same comes out.
set -u
if grep -qaE '__(asan|tsan)_init' "$TSUMARI"; then
	echo "a build with sanitizers makes calls of its own"
	exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
fail() {
	echo "FAIL: $*"
	bad=1
}
chmod 755 "$work"
cc -std=c11 -Wall -Wextra -Werror -O1 -shared -fPIC -DTSM_PLUGIN -I"$top_srcdir/src/api" -o "$work/try.so" \
	"$top_srcdir/tests/confine-try.c" -ldl || exit 1
cp "$top_srcdir/pcaps/redis.pcap" "$work/in.pcap"
chmod 644 "$work/in.pcap"
mkdir -m 777 "$work/folder"
cd "$work/folder" || exit 1
echo kept >victim
chmod 666 victim

filters=$(python3 -c '
import ctypes
c = ctypes.CDLL(None, use_errno=True)
print(c.prctl(21, 0, 0, 0, 0) == 0, c.syscall(444, None, 0, 1) > 0)')
case $filters in "True "*) ;; *) echo "this kernel has no filters of system calls"; exit 77 ;; esac
as=
stays= # it ends when all is tried, by a signal
may_connect=
# Ends it when all of its calls are tried.
until_tried() { # where
	local pid=$! i
	for i in $(seq 600); do
		[ "$(grep -c "^try $1" err)" -lt 75 ] && kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill -INT $pid 2>/dev/null
	wait $pid
}
tried() { # where, what is not denied, options
	local where=$1 want=$2 got
	shift 2
	rm -f made ../outside
	# shellcheck disable=SC2086
	if [ -n "$stays" ]; then
		$as env LD_PRELOAD="$work/try.so" TRY="$where" "$TSUMARI" --plugin "$work/try.so" -r ../in.pcap "$@" \
			>out 2>err &
		until_tried "$where"
	else
		$as env LD_PRELOAD="$work/try.so" TRY="$where" "$TSUMARI" --plugin "$work/try.so" -r ../in.pcap "$@" \
			>out 2>err
	fi || fail "$where $*: exit status $?: $(grep -v '^try' err | tail -n 1)"
	[ "$(grep -c "^try $where" err)" -eq 75 ] || fail "$where $*: $(grep -c ^try err) calls were tried, not 75"
	got=$(sed -n "/ denied\$/d; s/^try $where \([^ ]*\) .*/\1/p" err | sort | tr '\n' ' ')
	[ "$got" = "$(printf '%s\n' $want | sort | tr '\n' ' ')" ] ||
		fail "$where $* ${as:+(as nobody)}: not denied is: $got"
	# What is denied is told, but for what the C library tries.
	for call in execve connect kill ptrace io_uring_setup; do
		[ $call != connect ] || [ -z "$may_connect" ] || continue
		[ "$(grep -c "^tsumari: system call denied: $call, " err)" -eq 1 ] ||
			fail "$where $*: $call is not told in one line"
	done
	! grep -q 'system call denied: openat' err || fail "$where: openat is told: $(grep openat err)"
	[ ! -e ../outside ] || [ "${filters#* }" = False ] || fail "$where $*: a file was made in another folder"
	[ "$(cat victim)" = kept ] || fail "$where $*: a file was written to"
}
outside=
[ "${filters#* }" = True ] || outside=open-outside
each() {
	# What a thread that dissects may do: end, by its own signal.
	tried dissecting "tgkill-own" --json -j2
	tried dissecting "tgkill-own" --report -j3
	tried dissecting "tgkill-own" --json -j2 -w w.pcap -C 1
	tried reading "tgkill-own read lseek close fstat ioctl-size" --json -j2
	tried reading "tgkill-own read lseek close fstat ioctl-size write ftruncate unlink open-write open-make $outside" \
		--json -j2 -w w.pcap -C 1
	tried main "tgkill-own write lseek close fstat ioctl-size ftruncate seccomp" --json -j2
	# A report is written in the last phase.
	tried last "tgkill-own write lseek close fstat ioctl-size ftruncate" --report -j2
	# Who sends may connect, and who answers may take connections: neither has any file.
	stays=1
	tried serving "accept4 close read recvfrom sendmsg sendto tgkill-own write" --web 0 -j2
	tried serving "accept4 close read recvfrom sendmsg sendto tgkill-own write" --web 0 -j0
	stays=
	may_connect=1
	rm -f ../socket
	python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
s.listen()
if os.fork():
    os._exit(0)
c = s.accept()[0]
while c.recv(65536):
    pass' "$work/socket"
	tried sending "close connect sendto setsockopt socket tgkill-own" --to "unix:$work/socket" -j2
	may_connect=
	# One thread does all.
	tried dissecting "tgkill-own read write lseek close fstat ioctl-size ftruncate seccomp" --json -j0
}
each
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null; then
	as="setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all"
	rm -f made ../outside w.pcap* out err
	chmod 777 "$work"
	each
	as=
fi

# A crash on a thread that dissects is the program's.
crashed() { # how, status
	LD_PRELOAD=$work/try.so TRY=$1 "$TSUMARI" --plugin "$work/try.so" -r ../in.pcap --json -j2 >out 2>err
	[ $? -eq "$2" ] || fail "$1: exit status $?, not $2"
	! grep -q denied err || fail "$1: $(cat err)"
}
ulimit -c 0
crashed crash 139 2>/dev/null
crashed abort 134 2>/dev/null

# Where nothing can be denied it does the same, and says so where that is asked for.
"$TSUMARI" --plugin "$work/try.so" -r ../in.pcap --print -v >whole 2>err || fail "exit status $?"
[ ! -s err ] || [ "$filters" != "True True" ] || fail "something is missing: $(cat err)"
for v in "" -v; do
	LD_PRELOAD=$work/try.so TRY=refuse "$TSUMARI" --plugin "$work/try.so" -r ../in.pcap --print $v >out 2>err ||
		fail "without filters: exit status $?"
	[ -n "$v" ] || [ ! -s err ] || fail "without filters: $(cat err)"
	[ -z "$v" ] || cmp -s out whole || fail "without filters something else comes out"
done
grep -qx 'tsumari: not denied here: the files that can be opened (Landlock), the system calls (seccomp)' err ||
	fail "without filters: $(cat err)"

# Root in a place with nothing but the program and its libraries.
if [ "$(id -u)" -eq 0 ]; then
	mkdir -p "$work/place"
	for f in "$TSUMARI" $(ldd "$TSUMARI" | grep -o '/[^ ]*'); do
		mkdir -p "$work/place/$(dirname "$f")"
		cp "$f" "$work/place/$f"
	done
	cp ../in.pcap "$work/place/in.pcap"
	"$TSUMARI" -r ../in.pcap --json | sed 's/"observer":{[^}]*}//' >whole
	chroot "$work/place" "$TSUMARI" -r in.pcap --json -j2 2>err | sed 's/"observer":{[^}]*}//' >out
	[ ! -s err ] || fail "without /proc: $(cat err)"
	cmp -s out whole || fail "without /proc something else comes out"
fi

# The live view: what it may do, and how it ends when a dissector crashes.
cat >view.py <<'P'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
program, plugin, capture, way = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(TERM="xterm-256color", LD_PRELOAD=plugin, TRY=way, XDG_CONFIG_HOME=os.getcwd() + "/config")
    os.dup2(os.open("err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.execv(program, [program, "--plugin", plugin, "--live", "-r", capture])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
seen, sent, end = b"", 0, time.time() + float(os.environ.get("VIEW", "60"))
while time.time() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            more = os.read(fd, 65536)
        except OSError:
            break
        if not more:
            break
        seen += more
    elif sent == 0 and b"Quit" in seen and way == "drawing":
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
        os.kill(pid, signal.SIGWINCH)
        sent, seen = 1, b""
    elif sent == 1 and re.search(rb"\x1b\[(3[0-9]|40)[;d]", seen):
        sent = 2 # it has drawn on the lines that are new
    elif sent == 2:
        os.write(fd, b"q")
else:
    sys.stderr.write("step %d, the screen ends with %r\n" % (sent, seen[-400:]))
    os.kill(pid, signal.SIGKILL)
status = os.waitpid(pid, 0)[1]
want = {"drawing": 0, "crash": signal.SIGSEGV, "abort": signal.SIGABRT}[way]
if status & 0x7f != want and status != want:
    sys.exit("%s: status %d" % (way, status))
if b"\x1b[?1049l" not in seen:
    sys.exit("%s: the terminal is not given back: %r" % (way, seen[-200:]))
P
for way in drawing crash abort; do
	python3 view.py "$TSUMARI" "$work/try.so" "$work/in.pcap" $way || fail "the live view, $way: $(head -n 3 err)"
	[ $way = drawing ] || ! grep -q denied err || fail "the live view, $way: $(grep denied err)"
	[ $way != drawing ] || cp err drawing
done
got=$(sed -n '/ denied$/d; s/^try drawing \([^ ]*\) .*/\1/p' drawing | sort | tr '\n' ' ')
for call in fork execve socket connect sendmsg kill-parent ioctl-type ioctl-type-high ptrace chmod \
	open-write open-make open-outside unlink rename mkdir mmap-execute; do
	case " $got" in *" $call "*) fail "the live view may: $call" ;; esac
done
grep -q '^try drawing' drawing || fail "nothing was tried in the live view"
# It is told when the terminal is given back.
grep -q '^tsumari: system call denied: connect, ' drawing || fail "the live view does not tell what was denied"
[ $bad -eq 0 ] && echo "confine: each thread may do what it has to, and nothing else"
exit $bad
