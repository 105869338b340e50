#!/bin/bash
# The VRRP and ARP records of pcaps/vrrp.pcap against tshark's reading of the same frames: every
# advertisement is counted once, every change is told with its frame, every gratuitous ARP is there.
set -u
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
exec python3 - "$TSUMARI" "$top_srcdir/pcaps/vrrp.pcap" <<'END'
import collections, json, subprocess, sys

def lines(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True, timeout=60).stdout.splitlines()

program, capture = sys.argv[1:]
fields = ["frame.number", "ip.src", "ipv6.src", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.ip_addr",
          "vrrp.ipv6_addr"]
want_counts, want_frames, before, arps = collections.Counter(), set(), {}, set()
args = [a for f in fields for a in ("-e", f)]
for line in lines("tshark", "-nr", capture, "-Y", "vrrp", "-T", "fields", *args):
    frame, v4, v6, vrid, *says = line.split("\t")
    who = (v4 or v6, int(vrid))
    want_counts[who] += 1
    if before.get(who) != says:
        want_frames.add(int(frame))
    before[who] = says
for line in lines("tshark", "-nr", capture, "-Y", "arp.isgratuitous", "-T", "fields", "-e",
                  "frame.number", "-e", "arp.src.proto_ipv4", "-e", "arp.src.hw_mac"):
    frame, ip, mac = line.split("\t")
    arps.add((int(frame), ip, mac.upper().replace(":", "-")))

counts, frames, found = collections.Counter(), set(), set()
for line in lines(program, "-r", capture, "--json", "--types", "vrrp,arp"):
    r = json.loads(line)
    if r["type"] == "arp":
        found.add((r["tsumari"]["frame"]["number"], r["arp"]["sender"]["ip"],
                   r["arp"]["sender"]["mac"]))
        continue
    assert "s3cret" not in line
    counts[r["source"]["ip"], r["vrrp"]["virtual_router_id"]] += r["tsumari"]["vrrp"]["adverts"]
    if r["event"]["action"] in ("first", "change", "resign"):
        frames.add(r["tsumari"]["frame"]["number"])
bad = [name for name, a, b in (("advertisements", counts, want_counts),
       ("changes", frames, want_frames), ("gratuitous ARP", found, arps)) if a != b or not a]
print("events: " + (", ".join(bad) + " differ from tshark's" if bad else
      "%d advertisements, %d changes, %d gratuitous ARP as tshark has them"
      % (sum(counts.values()), len(frames), len(found))))
sys.exit(bool(bad))
END
