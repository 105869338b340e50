# files.sh: one recording in other file formats.
#
# Sourced by record.sh.

# file_variants NAME: big-endian, big-endian with nanoseconds, compressed (http-gz), and cut off in the middle
# of a packet. What a reader says of them is what it says of NAME.pcap (of the last: of its start).
file_variants() {
	local base=$WORK/out/$1
	"$PYTHON" "$HERE/wrap.py" big-endian "$base.pcap" "$base-be.pcap" || return
	"$PYTHON" "$HERE/wrap.py" big-endian-nano "$base.pcap" "$base-be-nano.pcap" || return
	gzip -9n <"$base.pcap" >"$WORK/out/http-gz.pcap.gz"
	"$PYTHON" "$HERE/wrap.py" truncate "$base.pcap" "$WORK/out/truncated.pcap"
}

scenario wraps wrap-mpls wrap-pppoe wrap-null wrap-raw wrap-gpe wrap-gue wrap-fou wrap-erspan wrap-erspan3
wraps() {
	local how
	web && capture plain cli eth0 port 80 || return
	get "$URL/index.html" "$URL/s/p3.html" "$URL/nope"
	get -g 'http://[fd77::20]/s/p2.html' 'http://[fd77::20]/empty'
	captures_end
	for how in mpls pppoe null raw gpe gue fou erspan erspan3; do
		"$PYTHON" "$HERE/wrap.py" $how "$WORK/out/plain.pcap" "$WORK/out/wrap-$how.pcap" || return
	done
	rm "$WORK/out/plain.pcap"
}
