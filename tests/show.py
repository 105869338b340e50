#!/usr/bin/env python3
"""Packets explained, against tshark's reading: for each field that both have, the same bytes and the
same value, frame by frame. usage: show.py DUMP CAPTURE ..."""
import glob
import importlib
import ipaddress
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

# Ours: theirs, where the names differ.
NAMES = {
    "arp.sender.mac": "arp.src.hw_mac", "arp.sender.ip": "arp.src.proto_ipv4",
    "arp.target.mac": "arp.dst.hw_mac", "arp.target.ip": "arp.dst.proto_ipv4",
    "vrrp.virtual_router_id": "vrrp.virt_rtr_id", "vrrp.priority": "vrrp.prio",
    "vrrp.address_count": "vrrp.addr_count",
    "dns.question.name": "dns.qry.name", "dns.question.type": "dns.qry.type",
    "dns.question.class": "dns.qry.class",
    "http.response.status_code": "http.response.code",
    "http.response.status_phrase": "http.response.phrase",
    "mysql.server_version": "mysql.version",
    "rpc.cred.uid": "rpc.auth.uid", "rpc.cred.gid": "rpc.auth.gid",
    "rpc.cred.machinename": "rpc.auth.machinename", "rpc.version": "rpc.programversion",
    "rpc.auth_flavor": "rpc.auth.flavor", "rpc.rpc_version": "rpc.version",
    "tls.client.server_name": "tls.handshake.extensions_server_name",
    "tls.next_protocol": "tls.handshake.extensions_alpn_str",
    "tls.cipher": "tls.handshake.ciphersuite", "tsumari.tls.alert": "tls.alert_message.desc",
    "geneve.option.length": "geneve.option.length",
    "nfs.minor_version": "nfs.minorversion", "tsumari.nfs.name": "nfs.name", "tsumari.nfs.offset": "nfs.offset4",
    "tsumari.nfs.count": "nfs.count4", "http2.error": "http2.goaway.error",
    "tsumari.nfs.slot": "nfs.slotid", "tsumari.nfs.sequence": "nfs.seqid", "tsumari.nfs.size": "nfs.fattr4.size",
    "tsumari.nfs.fileid": "nfs.fattr4.fileid", "tsumari.nfs.eof": "nfs.eof", "tsumari.nfs.entry": "nfs.entry_name",
}
# Shown by both, but not the same thing: masks and units that differ.
LEFT = {"ip.flags", "dns.flags", "geneve.option.length", "vrrp.advert_interval", "null.family",
        "mysql.command", "sll.etype", "vlan.etype", "gre.flags_and_version", "vxlan.flags",
        "tcp.options.sack_le", "tcp.options.sack_re", "mpls.bottom", "tcp.option_kind", "ip.options",
        "vlan.dei", "tcp.options.sack_perm", "rpc.procedure", "dns.resp.type", "tls.handshake.type", "smtp.req.command",
        "smtp.req.parameter", "smtp.rsp.parameter", "mysql.query", "mysql.affected_rows",
        "mysql.insert_id", "mysql.num_fields", "pppoe.code", "ppp.protocol", "mysql.statement_id", "http2.magic",
        "http2.data.data"}
# Fields by which a whole message is known to both; what they are worth is compared by value alone.
ALSO = {"tls.record.content_type": "tls.record.opaque_type"}
EIGHTHS = {"ip.frag_offset", "ipv6.fraghdr.offset"}  # in units of eight bytes there
BY_VALUE = {"mysql.version", "http.request.method", "http.request.uri", "http.response.code", "dns.qry.name",
            "dns.a", "dns.aaaa", "tls.handshake.extensions_server_name", "tls.handshake.ciphersuite",
            "rpc.xid", "rpc.program", "mysql.error_code", "smtp.response.code", "dns.resp.name"}


ONCE = set()  # tshark reads the first of a frame only
# Protocols with a file of their own, show_NAME.py, and the captures of them.
OWN = [importlib.import_module(os.path.basename(p)[:-3])
       for p in sorted(glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "show_*.py")))]
for room in OWN:
    NAMES.update(room.NAMES)
    LEFT |= room.LEFT
    BY_VALUE |= room.BY_VALUE
    ONCE |= room.ONCE


def number(text):
    try:
        return int(text, 0)
    except (ValueError, TypeError):
        return None


def same(ours, show, raw):
    if ours == show or (ours, show) == (".", "<Root>"):
        return True
    try:
        if ipaddress.ip_address(ours) == ipaddress.ip_address(show):
            return True
    except ValueError:
        pass
    n = number(ours)
    if n is None:
        return ours.strip() == (show or "").strip()
    for theirs in (number(show), int(raw, 16) if raw else None):
        if theirs == n:
            return True
    return show in ("True", "False") and n == (show == "True") or str(n) == (show or "").lstrip("0")


def ours_of(dump, capture):
    fields = {}
    out = subprocess.run([dump, capture], capture_output=True, check=True).stdout.decode("utf-8", "replace")
    for line in out.splitlines():
        frame, _, at, n, name, value = line.split("\t", 5)
        fields.setdefault(int(frame), []).append((name, int(at), int(n), value))
    return fields


def theirs_of(capture):
    cmd = ["tshark", "-r", capture, "-T", "pdml", "-o", "tcp.relative_sequence_numbers:FALSE",
           "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "ip.defragment:FALSE", "-n",
           "-o", "http.desegment_headers:FALSE", "-o", "rpc.desegment_rpc_over_tcp:FALSE"]
    for port in (8081, 8083) if "http2" in capture else ():
        cmd += ["-d", f"tcp.port=={port},http2"]
    out = subprocess.run(cmd, capture_output=True, check=True).stdout
    out = re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", b"?", out)  # tshark lets them through
    out = out.decode("utf-8", "replace")
    for i, packet in enumerate(ET.fromstring(out[out.index("<pdml"):]).iter("packet"), 1):
        by_name = {}
        for f in packet.iter("field"):
            name, pos, size = f.get("name"), f.get("pos"), f.get("size")
            if name:
                by_name.setdefault(name, []).append(
                    (int(pos or 0), int(size or 0), f.get("show"), f.get("value")))
        yield i, by_name


def check(dump, capture, seen):
    ours, bad, n = ours_of(dump, capture), [], 0
    for frame, theirs in theirs_of(capture):
        first = set()
        for name, at, length, value in ours.get(frame, []):
            if name in ONCE and name in first:
                continue
            first.add(name)
            if name == "http2.header" and "http2.header.name" in theirs:
                # Of a decompressed block: places are not those of the frame.
                pairs = [f"{a[2]}: {b[2]}" for a, b in zip(theirs["http2.header.name"], theirs["http2.header.value"])]
                n += 1
                seen.add(name)
                if value not in pairs:
                    bad.append(f"{capture}: frame {frame}: {name} is {value}, tshark: {pairs}")
                continue
            other = NAMES.get(name, name)
            # tshark shows bytes of names as they are, and has other names for those of services.
            if name in LEFT or other not in theirs or "\\\\" in value or value.startswith("_") or not value.isascii():
                continue
            n += 1
            there = theirs[other] + theirs.get(ALSO.get(name), [])
            if name in EIGHTHS:
                value = str(int(value) // 8)
            if any((other in BY_VALUE or (p == at and s == length)) and same(value, show, raw)
                   for p, s, show, raw in there):
                seen.add(name)
                continue
            bad.append(f"{capture}: frame {frame}: {name} at {at}+{length} is {value}, tshark: {there[:3]}")
    return n, bad


def main():
    seen, total, faults = set(), 0, []
    for capture in sys.argv[2:] + [name + ".pcap" for room in OWN for name in room.CAPTURES]:
        n, bad = check(sys.argv[1], capture, seen)
        total += n
        faults += bad
    kinds = {}
    for line in faults:
        kinds.setdefault(line.split(" at ")[0].split()[-1], []).append(line)
    for lines in kinds.values():
        print("\n".join(f"FAIL: {line}" for line in lines[:4]))
    print(f"show: {total} fields as tshark reads them, of {len(seen)} kinds")
    missing = {"http2.header", "http2.streamid", "nfs.opcode", "nfs.status", "nfs.tag", "proxy.src.ipv4",
               "proxy.src.ipv6", "proxy.v2.cmd"} - seen
    if missing:
        print(f"FAIL: never compared: {missing}")
    return 1 if faults or missing or total < 1000 or len(seen) < 60 else 0


sys.exit(main())
