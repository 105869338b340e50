#!/bin/bash
# --geoip: places and networks on records, in the report and in filters; databases that cannot be used.
set -u
dir=$top_srcdir/tests/geo
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
bad=0
fail() {
	echo "$*"
	bad=1
}
geo=(--geoip "$dir/city.mmdb" --geoip "$dir/asn.mmdb")
is() { # capture, jq expression, value
	local got
	got=$("$TSUMARI" -j0 "${geo[@]}" --json -r "$top_srcdir/pcaps/$1.pcap" | head -n 1 | python3 -c '
import json, sys
v = json.loads(sys.stdin.readline())
for k in sys.argv[1].split("/"):
    v = v.get(k) if v else None
print(json.dumps(v))' "$2")
	[ "$got" = "$3" ] || fail "$1: $2 is $got, not $3"
}
is http-keepalive client/geo/country_iso_code '"AT"'
is http-keepalive client/geo/city_name '"Wien\u001b[31m"'
is http-keepalive source/geo/location '"48.2082,16.3738"'
is http-keepalive client/as/number 64500
is http-keepalive client/as/organization/name '"Example & Sons \"Net\""'
is http-keepalive server/geo/country_iso_code '"DE"'
is http-keepalive destination/geo/city_name null
is http-keepalive destination/as/number 64500
run() { "$TSUMARI" -j0 -r "$top_srcdir/pcaps/http-keepalive.pcap" "$@" >"$work/out" 2>"$work/err"; }
run "${geo[@]}" --json
with=$(wc -l <"$work/out")
# Nothing else changes, and without databases nothing is there.
python3 - "$work/out" >"$work/less" <<'P'
import json, sys
for line in open(sys.argv[1]):
    r = json.loads(line)
    for side in "client", "server", "source", "destination":
        r[side].pop("geo"), r[side].pop("as")
    print(json.dumps(r))
P
run --geoip none --json
python3 -c 'import json, sys
for line in open(sys.argv[1]): print(json.dumps(json.loads(line)))' "$work/out" >"$work/plain"
cmp -s "$work/less" "$work/plain" || fail "more than places and networks differs"
# The same for any number of workers.
run "${geo[@]}" --json
"$TSUMARI" -j3 -r "$top_srcdir/pcaps/http-keepalive.pcap" "${geo[@]}" --json | cmp -s - "$work/out" || fail "-j3 differs"
run "${geo[@]}" --json -Y 'client.geo.country_iso_code == "AT" and server.as.number == 64500'
[ "$(wc -l <"$work/out")" = "$with" ] || fail "the filter passes $(wc -l <"$work/out") of $with"
run "${geo[@]}" --json -Y 'client.geo.country_iso_code == "FR"'
[ ! -s "$work/out" ] || fail "nobody is there, and the filter finds him"
run "${geo[@]}" --report
grep -q '^  10\.77\.0\.10 .* AT Wien\\x1b\[31m, AS 64500 Example & Sons "Net"$' "$work/out" || fail "the report has no place"
grep -q $'\x1b' "$work/out" && fail "the report has a control character"
# What cannot be used is one line, and status 2.
refused() { # what it says, file
	run --geoip "$2" --json
	local status=$?
	[ $status -eq 2 ] && [ "$(wc -l <"$work/err")" = 1 ] && grep -qF "$1" "$work/err" && [ ! -s "$work/out" ] ||
		fail "$2: status $status, $(cat "$work/err")"
}
: >"$work/empty"
head -c 2000 /dev/urandom >"$work/noise"
head -c 500 "$dir/city.mmdb" >"$work/cut"
tail -c 300 "$dir/city.mmdb" >"$work/tail"
refused 'No such file' "$work/nowhere"
refused 'no usable MaxMind database' "$work/empty"
refused 'no usable MaxMind database' "$work/noise"
refused 'no usable MaxMind database' "$work/cut"
refused 'no usable MaxMind database' "$work"
# With bytes changed it is refused or read, and never ends badly.
python3 - "$dir/city.mmdb" "$work" <<'P'
import random, sys
data = open(sys.argv[1], "rb").read()
for i in range(60):
    r = random.Random(i)
    b = bytearray(data)
    for _ in range(1 + i % 8):
        b[r.randrange(len(b))] = r.randrange(256)
    open("%s/bad%d" % (sys.argv[2], i), "wb").write(b)
P
for f in "$work/tail" "$work"/bad*; do
	run --geoip "$f" --json
	status=$?
	[ $status -eq 0 ] || [ $status -eq 2 ] || fail "$(basename "$f"): status $status"
done
[ $bad -eq 0 ] && echo "geo: places and networks are known"
exit $bad
