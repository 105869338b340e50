#!/bin/bash
# Packets explained field by field, against tshark where it is installed; else that every bundled
# capture can be walked and every byte range lies in its frame.
set -u
dump=$top_builddir/tests/show-dump
cd "$top_srcdir/pcaps" || exit 1
for f in *.pcap *.pcapng *.gz; do
	"$dump" "$f" | awk -F'\t' -v f="$f" '
		$2 > 8 { print f ": depth " $2; bad = 1 }
		END { exit bad || NR < 3 }' || { echo "FAIL: $f"; exit 1; }
done
# Whoever explains it, and whatever became of it, nothing outside of the frame is shown.
"$dump" --all *.pcap *.gz || { echo "FAIL: frames that were changed"; exit 1; }
command -v tshark >/dev/null || { echo "show: no tshark"; exit 0; }
captures="arp dns frag http-keepalive http-sll http-vlan http-errors http2 http2-push http2-load icmp mtu-discovery
	mysql-text mysql-errors mysql-stmt nfs3 nfs-udp nfs-portmap nfs4 nfs41 smtp-basic smtp-pipelining
	syn-backlog tls tunnel-geneve tunnel-gre tunnel-ipip tunnel-sit tunnel-vxlan vrrp wrap-mpls
	proxy-protocol wrap-null wrap-pppoe wrap-raw wrap-gpe wrap-erspan wrap-erspan3"
# shellcheck disable=SC2046
exec python3 ../tests/show.py "$dump" $(printf '%s.pcap ' $captures)
