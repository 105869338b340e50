#!/bin/bash
# The command line: messages, exit statuses, what goes where. $TSUMARI is the program.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail() {
	echo "FAIL: $*"
	bad=1
}

# 30,000 UDP frames of 200 bytes, 100 a second: 6.5 MB in this machine's order, and the same in the
# other byte order, in nanoseconds, and with a second link type.
python3 - <<'P' || exit 1
import struct, sys
mac = bytes.fromhex("020000000001020000000002") + b"\x08\x00"
def frame(i):
    udp = struct.pack("!HHHH", 1024 + i % 500, 9, 166, 0) + bytes(158)
    return mac + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 186, i & 0xffff, 0, 64, 17, 0,
        bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) + udp
def write(name, order, magic, link, unit):
    with open(name, "wb") as f:
        f.write(struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link))
        for i in range(30000):
            b = frame(i)
            f.write(struct.pack(order + "IIII", 1700000000 + i // 100, i % 100 * unit, len(b), len(b)) + b)
here = "<" if sys.byteorder == "little" else ">"
there = ">" if here == "<" else "<"
write("plain.pcap", here, 0xa1b2c3d4, 1, 10000)
write("other.pcap", there, 0xa1b2c3d4, 1, 10000)
write("nano.pcap", here, 0xa1b23c4d, 1, 10000000)
write("wifi.pcap", here, 0xa1b2c3d4, 127, 10000)
def block(kind, body):
    n = len(body) + 12
    return struct.pack("=II", kind, n) + body + struct.pack("=I", n)
def interfaces(name, *links):
    with open(name, "wb") as f:
        f.write(block(0x0a0d0d0a, struct.pack("=IHHq", 0x1a2b3c4d, 1, 0, -1)))
        for link in links:
            f.write(block(1, struct.pack("=HHI", link, 0, 0)))
        for i in range(30):
            f.write(block(6, struct.pack("=IIIII", i % len(links), 0, i, 200, 200) + frame(i)))
interfaces("wifi.pcapng", 127, 105)
interfaces("some.pcapng", 1, 127, 119)
P
gzip -c plain.pcap >plain.pcap.gz
head -c 100000 plain.pcap >cut.pcap
head -c 10 plain.pcap >head.pcap
: >empty.pcap
echo "this is no capture, it is a text of some length" >text.pcap
cp plain.pcap $'evil\033[31m.txt'
echo "nonsense" >$'evil\033[31m.txt'

# run STATUS LINES ARGS...: the exit status, and so many lines on stderr, each said by the program
run() {
	local want=$1 lines=$2 got=0
	shift 2
	timeout -k 1 60 "$TSUMARI" "$@" >out 2>err </dev/null || got=$?
	[ $got -eq "$want" ] || fail "tsumari $*: exit status $got, expected $want: $(cat err)"
	[ "$(wc -l <err)" -eq "$lines" ] || fail "tsumari $*: $(wc -l <err) lines, expected $lines: $(cat err)"
}
says() {
	grep -qF -- "$1" err || fail "expected \"$1\" in: $(cat err)"
}

# What cannot begin: one line, status 2, no output.
run 2 1 -r missing.pcap && says "tsumari: missing.pcap: No such file or directory"
mkdir nothing
run 2 1 -r nothing && says "nothing: there is no capture file in this folder"
run 2 1 -r empty.pcap && says "is empty, not a capture file"
run 2 1 -r head.pcap && says "cut short in the file header"
run 2 1 -r text.pcap && says "is not a capture file"
run 2 1 -r - && says "standard input: is empty, not a capture file"
run 2 1 -r plain.pcap no such filter && says "bad filter: "
run 2 1 -r plain.pcap wlan type mgt && says "bad filter: "
run 2 1 -r plain.pcap -F missing && says "-F missing: No such file or directory"
run 2 1 -r plain.pcap -d tcp/80=nonsense && says "there is no such application protocol"
run 2 1 -r plain.pcap -d udp/80=fou:nonsense && says "-d fou:nonsense: an IP protocol behind UDP is needed"
run 2 1 -r plain.pcap -d tcp/80=fou:gre && says "-d fou:gre: an IP protocol behind UDP is needed"
run 2 1 -r plain.pcap -d tcp/80=vxlan && says "there is no such application protocol, or tunnel in UDP"
run 2 1 -r plain.pcap --types flow,nonsense && says nonsense
run 2 1 -r plain.pcap --plugin ./missing.so && says "plugin ./missing.so: No such file or directory"
run 2 1 -r plain.pcap -o /nonexistent/out && says "cannot write /nonexistent/out: No such file or directory"
run 2 1 -r plain.pcap -o . && says "cannot write .: Is a directory"
run 2 1 -r plain.pcap -w /nonexistent/out && says "cannot write /nonexistent/out"
run 2 1 -r plain.pcap -w plain.pcap && says "is the file that is being read"
cmp -s -n 24 plain.pcap nano.pcap && fail "-w over the input destroyed it"
cp plain.pcap same.pcap
for kind in --json --report; do
	run 2 1 -r same.pcap -o same.pcap $kind && says "is the file that is being read"
	timeout 60 "$TSUMARI" -r - -o same.pcap $kind <same.pcap 2>err && fail "-o over standard input: $kind"
	says "is the file that is being read"
done
cmp -s plain.pcap same.pcap || fail "-o over the input destroyed it"
run 2 1 --nonsense && says "--nonsense is not an option; try tsumari --help"
run 2 1 -r && says "-r needs a value; try tsumari --help"
run 2 1 -r plain.pcap -i lo && says "-r and -i exclude each other"
run 2 1 -i tsmnone0 && says "tsmnone0: "
run 2 1 plain.pcap && says "; to read the file: -r plain.pcap"
run 2 1 -r plain.pcap 'ip.addr == 10.0.0.1' && says "; as a display filter it stands behind -Y: -Y 'ip.addr == 10.0.0.1'"
run 2 1 -r plain.pcap -Y 'udp port 9' && says "; a filter expression stands without -Y, at the end: 'udp port 9'"
run 2 1 -r plain.pcap -Y 'port 9 or' && says "at character 6: and, or, or the end belongs here"
grep -q 'without -Y' err && fail "what is no filter expression is said to be one"
if [ "$(id -u)" -eq 0 ]; then
	run 2 1 -L -i tsmnone0 && says "tsmnone0: there is no such interface; tsumari -D lists them"
fi
run 0 1 -r plain.pcap -y EN10MB --count && says "-y: of an interface; a file is read as it is"
run 2 1 -r plain.pcap -w x -W 3 && says "-W needs -C or -G"
run 2 1 -r plain.pcap -C 1 && says "-C needs -w"
run 2 1 -r plain.pcap -w - -G 60 && says "-C and -G need a file, not -w -"
run 2 1 -r plain.pcap -w . && says "cannot write .: Is a directory"
# Nothing that a terminal acts on comes out as it is.
run 2 1 -r $'evil\033[31m.txt' && says 'evil\x1b[31m.txt'
grep -q $'\033' err && fail "an escape sequence reached the terminal"

# What goes wrong on the way: everything before it, one line, status 1.
run 1 1 -r cut.pcap --json && says "cut short in frame 463; 462 whole frames were read"
[ -s out ] || fail "a file that is cut short gives no records"
run 1 1 -r "$top_srcdir/pcaps/http-pcapng-mixed.pcapng" -w mixed.pcap && says "a pcap file holds one link type"
# Several files are one capture in the order of time, whichever way they are named.
python3 - <<'P' || exit 1
import struct
data = open("plain.pcap", "rb").read()
head, size = data[:24], 216
frames = [data[at:at + size] for at in range(24, len(data), size)]
for i in range(4):
    open("part%d.cap" % i, "wb").write(head + b"".join(frames[i * 7500:i * 7500 + 7500]))
P
mkdir set
cp part[0-3].cap set
gzip set/part2.cap
"$TSUMARI" -r plain.pcap -j0 --json udp >plain.json
for args in "-r part2.cap -r part0.cap -r part3.cap -r part1.cap" "-r part3.cap part2.cap part1.cap part0.cap" \
	"-r set" "-r part0.cap part1.cap part2.cap -r part3.cap"; do
	# shellcheck disable=SC2086
	run 0 0 $args -j0 --json udp && cmp -s out plain.json || fail "$args is another capture"
done
run 0 1 -r set -w merged.pcap && cmp -s merged.pcap plain.pcap || fail "-w of several files is another capture"
echo nothing >set/notes
head -c 100000 part3.cap >set/part3.cap
run 1 2 -r set --report && says "1 file left out: no capture" && says "part3.cap: cut short in frame 463; 462 whole"
grep -q '4 files in the order of time' out || fail "the report does not list the files"
run 2 1 -r part0.cap -r part0.cap && says "part0.cap is given twice"
run 2 1 -r part0.cap missing.cap && says "; there is no file missing.cap"
run 2 2 -r set -w set/part0.cap && says "is the file that is being read"
cp part1.cap udp
run 0 0 -r plain.pcap -j0 --json udp && cmp -s out plain.json || fail "a filter was taken for a file"
# Frames that nobody can read: one line, status 1 where there are no others, and they can be copied.
for f in wifi.pcap wifi.pcapng; do
	for kind in --json --report "--har copy.har"; do
		# shellcheck disable=SC2086
		run 1 1 -r $f -j0 -c 1 $kind && says "$f: frames of link type 127 (IEEE802_11_RADIO) are not read"
	done
done
run 1 1 -r wifi.pcapng && says "link type 105 (IEEE802_11), link type 127 (IEEE802_11_RADIO) are not read"
run 0 1 -r some.pcapng && says "20 of 30 frames of link type 119 (PRISM_HEADER), link type 127 (IEEE802_11_RADIO) are not"
[ -s out ] || fail "the frames that can be read were not"
run 0 1 -r wifi.pcap -w copy.pcap && cmp -s wifi.pcap copy.pcap || fail "frames that cannot be read are not copied"
run 1 1 --compare plain.pcap wifi.pcap && says "wifi.pcap: frames of link type 127"
# Compressed in any way it is the same capture, from a file or a pipe.
timeout 60 "$TSUMARI" -r plain.pcap -j0 --json >plain.json
for how in gzip zstd xz bzip2 lz4; do
	command -v $how >/dev/null || continue
	$how -c <plain.pcap >packed
	run 0 0 -r packed -j0 --json && cmp -s out plain.json || fail "compressed by $how it is another capture"
	timeout 60 "$TSUMARI" -r - --json <packed | cmp -s - plain.json || fail "$how: standard input"
	head -c -5 packed >short
	run 1 1 -r short --json && says "short: $how: the compressed data is cut short; "
done
# A pcapng file holds what a pcap file cannot: every frame, and the interfaces by name.
mixed=$top_srcdir/pcaps/http-pcapng-mixed.pcapng
run 0 2 -r "$mixed" -w copy.pcapng && says "31 packets written" && says "9 packets put in order of time"
no_numbers='s/"id":"[^"]*"//g; s/"[a-z]*_\(first\|last\)":[0-9]*//g'
"$TSUMARI" -r "$mixed" --json -j0 | sed "$no_numbers" >mixed.json
run 0 0 -r copy.pcapng -j0 --json && sed "$no_numbers" out | cmp -s - mixed.json ||
	fail "a copy as pcapng is another capture"
run 0 1 -r copy.pcapng -w again.pcapng && cmp -s copy.pcapng again.pcapng || fail "a copy of the copy is another file"
run 0 2 -r "$mixed" --extract 'url.path == "/nope"' -w nope.pcapng && says " packets written"
# A full disk and a closed output: one line each, and nothing said to be written that is not.
run 1 1 -r plain.pcap --json -o /dev/full && says "cannot write /dev/full: No space left on device"
run 1 1 -r plain.pcap --report -o /dev/full && says "cannot write the report: No space left on device"
run 1 1 -r plain.pcap -w /dev/full && says "cannot write /dev/full: No space left on device"
for args in "-r plain.pcap --json" "-r plain.pcap --report" "-r plain.pcap -w -" --help --version --fields \
	--list-protocols; do
	for to in full closed; do
		status=0
		if [ $to = full ]; then
			# shellcheck disable=SC2086
			"$TSUMARI" $args >/dev/full 2>err || status=$?
		else
			# shellcheck disable=SC2086
			"$TSUMARI" $args >&- 2>err || status=$?
		fi
		[ $status -eq 1 ] && [ "$(wc -l <err)" -eq 1 ] || fail "$args, $to: status $status, $(cat err)"
	done
done
# Files do not take the place of standard files that are closed.
"$TSUMARI" -r plain.pcap -w held.pcap --json <&- >&- 2>err
[ $? -eq 1 ] || fail "closed standard files: $(cat err)"
# The capture ends early, as its records go nowhere.
cmp -s -n "$(stat -c %s held.pcap)" plain.pcap held.pcap && [ -s held.pcap ] ||
	fail "closed standard files: records went to another file"

# What works.
run 0 0 --help
grep -q '^Usage: tsumari' out || fail "--help: no usage"
run 0 0 --version
for lib in tsumari libpcap zlib zstd OpenSSL libseccomp libcap-ng nghttp2 ncurses json-c libmaxminddb; do
	grep -q "$lib" out || fail "--version does not name $lib"
done
run 0 0 --list-protocols
grep -q '^http .*tcp/80' out || fail "--list-protocols: no http on tcp/80"
run 0 0 --fields
grep -q 'http.response.status_code' out || fail "--fields: no http.response.status_code"
if [ "$(id -u)" -eq 0 ]; then
	run 0 0 -D
	grep -q '^[0-9]*\.' out || fail "-D lists nothing"
fi

# One capture in every form gives the same records; a filter, -c and -s do what they say.
run 0 0 -r plain.pcap --json
mv out plain.json
[ "$(wc -l <plain.json)" -ge 500 ] || fail "plain.pcap: $(wc -l <plain.json) records, at least 500 flows expected"
for f in other.pcap nano.pcap plain.pcap.gz; do
	run 0 0 -r $f --json
	cmp -s plain.json out || fail "$f gives other records than plain.pcap"
done
for j in 0 1 3; do
	run 0 0 -j $j -r plain.pcap --json
	cmp -s plain.json out || fail "-j $j gives other records"
done
cat plain.pcap | "$TSUMARI" -r - --json >out 2>err || fail "a pipe: $(cat err)"
cmp -s plain.json out || fail "a pipe gives other records"
run 0 1 -r plain.pcap -w port.pcap udp src port 1030 && says "60 packets written"
echo "udp src port 1030 # the sixth" >filter
run 0 1 -r plain.pcap -w port2.pcap -F filter && says "60 packets written"
cmp -s port.pcap port2.pcap || fail "-F gives other frames than the same expression"
run 0 1 -r plain.pcap -c 7 -w seven.pcap && says "7 packets written"
[ "$(stat -c %s seven.pcap)" -eq $((24 + 7 * 216)) ] || fail "-c 7: wrong size"
run 0 1 -r plain.pcap -c 7 -s 60 -w short.pcap
[ "$(stat -c %s short.pcap)" -eq $((24 + 7 * 76)) ] || fail "-s 60: wrong size"
run 0 0 -r plain.pcap --duration 10s --json
run 0 0 -r plain.pcap --report -n
grep -q 30,000 out || fail "--report does not say 30,000 frames"
run 0 0 -r plain.pcap --report -o report.txt
[ -s report.txt ] && [ ! -s out ] || fail "-o: the report went elsewhere"

# -w gives back what was read, whatever the form.
for f in plain.pcap other.pcap plain.pcap.gz; do
	run 0 1 -r $f -w again.pcap && says "30000 packets written"
	cmp -s plain.pcap again.pcap || fail "-r $f -w: not the same bytes"
done
run 0 1 -r nano.pcap -w again.pcap
cmp -s nano.pcap again.pcap || fail "-w: nanoseconds are lost"
run 0 1 -r plain.pcap -w -
cmp -s plain.pcap out || fail "-w -: not the same bytes"
run 0 1 -r plain.pcap -w again.pcap --json -U
cmp -s plain.pcap again.pcap || fail "-w --json: not the same bytes"
cmp -s plain.json out || fail "-w --json: other records"

# Several outputs of one run are what each is alone.
web=$top_srcdir/pcaps/http-errors.pcap
run 0 0 -r "$web" --json -o alone.json
run 0 0 -r "$web" --json-flat -o alone.flat
run 0 0 -r "$web" --report -o alone.txt
run 0 1 -r "$web" -w many.pcap --report -o many.txt --report=json --json -o many.json --json-flat -o many.flat
"$TSUMARI" -r "$web" --report=json | cmp -s - out || fail "several outputs: another --report=json"
cmp -s many.pcap "$web" || fail "several outputs: other packets"
for form in json flat txt; do
	cmp -s alone.$form many.$form || fail "several outputs: $form is another one: $(diff alone.$form many.$form | head -n 4)"
done

# -C and -W, names and sizes as tcpdump has them.
mkdir c w g
run 0 1 -r plain.pcap -w c/f -C 1
run 0 1 -r plain.pcap -w w/f -C 1 -W 3
TZ=UTC0 run 0 1 -r plain.pcap -w g/%H%M%S -G 60
[ "$(cd c && echo *)" = "f f1 f2 f3 f4 f5 f6" ] || fail "-C: $(cd c && echo *)"
[ "$(cd w && echo *)" = "f0 f1 f2" ] || fail "-C -W: $(cd w && echo *)"
[ "$(cd g && echo *)" = "221320 221420 221520 221620 221720" ] || fail "-G: $(cd g && echo *)"
for f in g/*; do
	[ "$(stat -c %s "$f")" -eq $((24 + 6000 * 216)) ] || fail "-G: $f has $(stat -c %s "$f") bytes"
done
run 0 1 -r plain.pcap -w g/two-%M -G 60 -W 2
[ "$(cd g && echo two*)" = "two-13 two-14" ] || fail "-G -W: $(cd g && echo two*)"
if command -v tcpdump >/dev/null; then
	mkdir tc tw
	tcpdump -Z "$(id -un)" -r plain.pcap -w again.pcap 2>/dev/null
	cmp -s plain.pcap again.pcap || fail "tcpdump does not give back plain.pcap"
	tcpdump -Z "$(id -un)" -r plain.pcap -w tc/f -C 1 2>/dev/null
	tcpdump -Z "$(id -un)" -r plain.pcap -w tw/f -C 1 -W 3 2>/dev/null
	diff -r c tc >/dev/null || fail "-C differs from tcpdump's: $(diff -rq c tc)"
	diff -r w tw >/dev/null || fail "-C -W differs from tcpdump's: $(diff -rq w tw)"
fi

# A closed output pipe ends it quietly.
for args in "--json" "--report" "-w -" "--fields" "--help" "--version" "--list-protocols"; do
	# shellcheck disable=SC2086
	"$TSUMARI" -r plain.pcap $args 2>err | head -c 100 >/dev/null
	status=${PIPESTATUS[0]}
	[ "$status" -eq 0 ] && [ ! -s err ] || fail "$args to a closed pipe: status $status, $(cat err)"
done

# On terminals of several widths, and an interrupt there.
cat >terminal.py <<'P'
# What a terminal shows: the report keeps to its width, and an interrupt ends the reading of a file.
import fcntl, os, pty, re, signal, struct, sys, termios, time

def on_terminal(columns, argv, interrupt=False):
    """Status, text, and whether it was interrupted."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.environ["TERM"] = "xterm"
        os.execv(argv[0], argv)
    text, stopped = b"", False
    while True:
        try:
            got = os.read(fd, 65536)
        except OSError:
            break
        if not got:
            break
        text += got
        if interrupt and not stopped and b"packets/s" in text:
            os.write(fd, b"\x03")
            stopped = True
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.decode(), stopped

def lines_of(text):
    # What is redrawn in its place begins with a carriage return alone.
    return re.split("\r\n|\r", re.sub("\x1b\\[[0-9;]*[mK]|\\^C", "", text))

program, captures = sys.argv[1], sys.argv[2:]
bad = 0
for columns in 40, 80, 100, 200:
    for capture in captures:
        status, text, _ = on_terminal(columns, [program, "--report", "-r", capture])
        lines = lines_of(text)
        longest = max(len(line) for line in lines)
        if status or longest > columns or "Flows" not in lines:
            print("%s in %d columns: status %d, a line of %d" % (capture, columns, status, longest))
            bad = 1
os.mkfifo("slow")
writer = os.fork()
if writer == 0:
    with open("slow", "wb", buffering=0) as to, open("plain.pcap", "rb") as source:
        try:
            while data := source.read(65536):
                to.write(data)
                time.sleep(0.02)
            time.sleep(30)
        except BrokenPipeError:
            pass
    os._exit(0)
status, text, stopped = on_terminal(40, [program, "--report", "-r", "slow"], True)
lines = lines_of(text)
if status or not stopped or "Flows" not in lines or max(len(line) for line in lines) > 40:
    print("^C: status %d, sent %s, ends with %r" % (status, stopped, text[-200:]))
    bad = 1
os.kill(writer, signal.SIGKILL)
os.waitpid(writer, 0)
sys.exit(bad)
P
python3 terminal.py "$TSUMARI" "$top_srcdir"/pcaps/{http-slow,http-odd,http-loss-path,syn-backlog,icmp}.pcap ||
	fail "on a terminal"

# An interrupt while it waits for a pipe: what came is put out.
mkfifo pipe
timeout -k 30 60 "$TSUMARI" -r pipe --json >out 2>err &
pid=$!
exec 9<>pipe
cat plain.pcap >&9
sleep 0.5
kill -TERM $pid
wait $pid || fail "an interrupt: exit status $?: $(cat err)"
exec 9>&-
cmp -s plain.json out || fail "an interrupt loses records"

# Once the source is open there are no rights left, and only few calls of the system (where the build
# has them: a sanitizer needs others).
if grep -qa seccomp_load "$TSUMARI"; then
	mkfifo rights
	"$TSUMARI" -r rights --json >/dev/null 2>&1 &
	pid=$!
	exec 9<>rights
	cat plain.pcap >&9
	for _ in $(seq 50); do
		grep -q '^Seccomp:.2' /proc/$pid/status && break
		sleep 0.1
	done
	status=$(grep -E '^(CapPrm|CapEff|NoNewPrivs|Seccomp):' /proc/$pid/status | awk '{ printf "%s%s ", $1, $2 }')
	grep -qa __asan_init "$TSUMARI" ||
		[ "$status" = "CapPrm:0000000000000000 CapEff:0000000000000000 NoNewPrivs:1 Seccomp:2 " ] ||
		fail "rights while a source is read: $status"
	[ "$(id -u)" -ne 0 ] || [ "$(awk '/^Uid:/ { print $2, $3, $4 }' /proc/$pid/status)" = "$(id -u nobody) $(id -u nobody) $(id -u nobody)" ] ||
		fail "root reads a source as $(grep '^Uid:' /proc/$pid/status)"
	kill -TERM $pid
	wait $pid
	exec 9>&-
fi

# A tunnel that only its port shows; one on another's port; one that is to be left alone.
records() {
	"$TSUMARI" -r "$top_srcdir/pcaps/$1.pcap" --json -j0 -d "$2" >out 2>err || fail "$1 -d $2: $(cat err)"
	[ "$(grep -c '"type":"http"' out)" -eq "$3" ] || fail "$1 -d $2: $(grep -c '"type":"http"' out) requests, not $3"
}
records wrap-fou udp/5555=fou:gre 5
records wrap-fou udp/5555=fou:47 5
records wrap-fou udp/5556=fou:gre 0
records wrap-gpe udp/4790=none 0
records wrap-gpe udp/4790=vxlan-gpe 5

# A plugin's code runs: nobody else may have written it.
: >open.so
for mode in 664 646; do
	chmod $mode open.so
	run 2 1 --plugin ./open.so -r plain.pcap && says "plugin ./open.so: can be written by others: not loaded"
done
mkdir folder.so
run 2 1 --plugin ./folder.so -r plain.pcap && says "plugin ./folder.so: is not a file"

# A signal that comes when all is over finds nothing of the run to stop.
cat >late.c <<'END'
#include <signal.h>
#include <unistd.h>
__attribute__((destructor)) static void late(void)
{
	struct sigaction is;

	for (int n = 1; n < 16; n++)
		if ((n == SIGHUP || n == SIGINT || n == SIGTERM || n == SIGUSR1 || n == SIGUSR2) &&
			sigaction(n, 0, &is) == 0 && is.sa_handler != SIG_IGN)
			(void)!write(2, "a handler is left\n", 18);
}
END
if $CC -shared -fPIC -o late.so late.c; then
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 LD_PRELOAD=$PWD/late.so "$TSUMARI" --json -r plain.pcap >out 2>err
	[ $? -eq 0 ] && [ ! -s err ] || fail "signals when all is over: $(cat err)"
else
	fail "late.c"
fi

# Rights: another user's plugin, and a user that is not there.
if [ "$(id -u)" -eq 0 ]; then
	: >foreign.so
	chown nobody foreign.so
	run 2 1 --plugin foreign.so -r plain.pcap && says "belongs neither to root nor to you"
	run 2 1 -Z tsmnobody -r plain.pcap && says "-Z tsmnobody: there is no such user"
	run 0 1 -Z nobody -r plain.pcap -w nobody.pcap
	chmod 755 .
	mkdir -m 755 root
	run 2 1 -Z nobody -r plain.pcap -w root/f -C 1 && says "cannot write root/f: Permission denied"
	if command -v setpriv >/dev/null; then
		setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
			"$TSUMARI" -i lo >out 2>err
		[ $? -eq 2 ] && says "you need root or the capabilities cap_net_raw"
		[ "$(wc -l <err)" -eq 1 ] || fail "no permission is not one line: $(cat err)"
	fi
fi
[ $bad -eq 0 ] && echo "cli: messages, statuses and files as they should be"
exit $bad
