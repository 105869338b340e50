"""How the conversations of talks.py become captures, and what the program says of them.

A step is (side, ms, bytes), ("fin", side, ms), ("rst", side, ms) or ("lost", side, bytes): sent, and
missing in the capture.
"""
import json
import os
import struct
import subprocess

import pcaplib
from pcaplib import ACK, FIN, PSH, RST, SYN

C, S = 0, 1
BEGIN = 1_700_000_000 * 10**9
MACS = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
V4 = b"\x0a\0\0\1", b"\x0a\0\0\2"
V6 = tuple(bytes.fromhex("20010db8" + "0" * 22 + "%02x" % n) for n in (1, 2))


class Udp(list):
    """Steps that are datagrams."""


def link(side, v6, vlan):
    return MACS[1 - side] + MACS[side] + (b"\x81\0" + struct.pack("!H", vlan) if vlan else b"") + (
        b"\x86\xdd" if v6 else b"\x08\0")


def network(side, v6, proto, length):
    if v6:
        return struct.pack("!IHBB", 6 << 28, length, proto, 64) + V6[side] + V6[1 - side]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, proto, 0) + V4[side] + V4[1 - side]
    return ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]


class Connection:
    def __init__(self, port, v6, vlan, handshake):
        self.ports, self.v6, self.vlan = (40000, port), v6, vlan
        self.next, self.packets = [1000, 0xFFFFFF00], []
        for n, (side, flags) in enumerate(((C, SYN), (S, SYN | ACK), (C, ACK))):
            if handshake:
                self.put(side, n * 0.01, flags)
        if not handshake:
            self.next = [n + 1 for n in self.next]

    def put(self, side, ms, flags, data=b""):
        ack = self.next[1 - side] & 0xFFFFFFFF if flags & ACK else 0
        tcp = struct.pack("!HHIIBBHHH", self.ports[side], self.ports[1 - side], self.next[side] & 0xFFFFFFFF, ack,
                          0x50, flags, 65000, 0, 0)
        ip = network(side, self.v6, 6, 20 + len(data))
        frame = pcaplib.Segment(link(side, self.v6, self.vlan), ip, tcp, data).frame()
        self.packets.append(pcaplib.Packet(BEGIN + round(ms * 1e6), frame))
        self.next[side] += len(data) + bool(flags & (SYN | FIN))


def datagrams(port, steps, v6, vlan):
    out = []
    for side, ms, data in steps:
        ports = (40000, port) if side == C else (port, 40000)
        udp = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
        out.append(pcaplib.Packet(BEGIN + round(ms * 1e6),
                                  link(side, v6, vlan) + network(side, v6, 17, len(udp)) + udp))
    return out


def build(port, steps, size=1460, v6=False, vlan=0, handshake=True, acks=False):
    """handshake: False: it began before the capture. acks: whatever comes is acknowledged at once."""
    if isinstance(steps, Udp):
        return datagrams(port, steps, v6, vlan)
    c = Connection(port, v6, vlan, handshake)
    for step in steps:
        if step[0] in ("fin", "rst"):
            c.put(step[1], step[2], ACK | (FIN if step[0] == "fin" else RST))
        elif step[0] == "lost":
            c.next[step[1]] += len(step[2])
        else:
            side, ms, data = step
            for at in range(0, len(data), size):
                c.put(side, ms, ACK | (PSH if at + size >= len(data) else 0), data[at : at + size])
                ms += 0.0001
            if acks:
                c.put(1 - side, ms + 0.0001, ACK)
    return c.packets


def flat(o, prefix=""):
    out = {}
    for k, v in o.items():
        out.update(flat(v, prefix + k + ".") if isinstance(v, dict) else {prefix + k: v})
    return out


def tsumari(path):
    done = subprocess.run([os.environ["TSUMARI"], "-j0", "-r", path, "--json"], stdout=subprocess.PIPE, timeout=60,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
