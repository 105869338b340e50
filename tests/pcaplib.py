"""Read, take apart and write small pcap files; shared by the tests that make captures.

Only what those tests need: classic pcap of either byte order and precision (gzip too), Ethernet
with VLAN tags, IPv4, IPv6 without extension headers, TCP. Times are integer nanoseconds.
"""
import gzip
import struct

MAGIC = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


class Packet:
    __slots__ = ("time", "data", "wire")

    def __init__(self, time, data, wire=None):
        self.time, self.data = time, data
        self.wire = len(data) if wire is None else wire


def read(path):
    """(link type, packets); ValueError where the file is no classic pcap."""
    with open(path, "rb") as f:
        raw = f.read()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    for order in "<>":
        unit = MAGIC.get(struct.unpack(order + "I", raw[:4])[0])
        if unit:
            break
    else:
        raise ValueError(path + ": not a pcap file")
    link, at, packets = struct.unpack(order + "I", raw[20:24])[0], 24, []
    while at + 16 <= len(raw):
        sec, frac, have, wire = struct.unpack(order + "4I", raw[at : at + 16])
        packets.append(Packet(sec * 10**9 + frac * unit, raw[at + 16 : at + 16 + have], wire))
        at += 16 + have
    return link, packets


def write(path, link, packets, snaplen=262144):
    """Written with nanoseconds; frames longer than snaplen are cut as a capture would."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snaplen, link))
        for p in packets:
            data = p.data[:snaplen]
            f.write(struct.pack("<4I", p.time // 10**9, p.time % 10**9, len(data), p.wire))
            f.write(data)


def checksum(data):
    """RFC 1071."""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Segment:
    """A TCP segment and the headers below it, which are written again with true lengths."""

    __slots__ = ("ether", "ip", "tcp", "payload", "source", "target")

    def __init__(self, ether, ip, tcp, payload):
        self.ether, self.ip, self.tcp, self.payload = ether, ip, tcp, payload
        ports = struct.unpack("!HH", tcp[:4])
        self.source, self.target = (
            ((ip[12:16], ports[0]), (ip[16:20], ports[1]))
            if ip[0] >> 4 == 4
            else ((ip[8:24], ports[0]), (ip[24:40], ports[1]))
        )

    @property
    def seq(self):
        return struct.unpack("!I", self.tcp[4:8])[0]

    @property
    def flags(self):
        return self.tcp[13]

    def copy(self, payload=None, seq=None, flags=None):
        tcp = bytearray(self.tcp)
        if seq is not None:
            tcp[4:8] = struct.pack("!I", seq & 0xFFFFFFFF)
        if flags is not None:
            tcp[13] = flags
        return Segment(self.ether, self.ip, bytes(tcp), self.payload if payload is None else payload)

    def frame(self):
        ip, tcp = bytearray(self.ip), bytearray(self.tcp)
        n = len(tcp) + len(self.payload)
        tcp[16:18] = b"\0\0"
        if ip[0] >> 4 == 4:
            ip[2:4] = struct.pack("!H", len(ip) + n)
            ip[10:12] = b"\0\0"
            ip[10:12] = struct.pack("!H", checksum(bytes(ip)))
            pseudo = bytes(ip[12:20]) + struct.pack("!HH", 6, n)
        else:
            ip[4:6] = struct.pack("!H", n)
            pseudo = bytes(ip[8:40]) + struct.pack("!II", n, 6)
        tcp[16:18] = struct.pack("!H", checksum(pseudo + bytes(tcp) + self.payload))
        return self.ether + bytes(ip) + bytes(tcp) + self.payload


def segment(link, packet):
    """The TCP segment of a whole Ethernet frame, or None."""
    d, at = packet.data, 14
    if link != 1 or len(d) != packet.wire or len(d) < 14:
        return None
    kind = d[12:14]
    while kind in (b"\x81\x00", b"\x88\xa8"):
        kind, at = d[at + 2 : at + 4], at + 4
    if kind == b"\x08\x00" and len(d) >= at + 20 and d[at + 9] == 6:
        if struct.unpack("!H", d[at + 6 : at + 8])[0] & 0x3FFF:
            return None
        head, length = (d[at] & 15) * 4, struct.unpack("!H", d[at + 2 : at + 4])[0]
    elif kind == b"\x86\xdd" and len(d) >= at + 40 and d[at + 6] == 6:
        head, length = 40, 40 + struct.unpack("!H", d[at + 4 : at + 6])[0]
    else:
        return None
    tcp, end = at + head, at + length
    if length < head + 20 or end > len(d):
        return None
    body = tcp + (d[tcp + 12] >> 4) * 4
    return Segment(d[:at], d[at:tcp], d[tcp:body], d[body:end])


class Conversation:
    """One TCP connection over IPv4 between two made-up hosts, its acknowledgements correct."""

    def __init__(self, number, port=80, client=None, server="10.8.0.1"):
        client = client or "10.9.%d.%d" % (number >> 8 & 255, number & 255)
        self.ends = (
            (bytes(map(int, client.split("."))), 20000 + number),
            (bytes(map(int, server.split("."))), port),
        )
        self.next = [1000 * number + 7, 0xFFFFF000 + number]
        self.packets, self.idents = [], [1, 1]

    def _send(self, side, time, flags, payload=b""):
        src, dst = self.ends[side], self.ends[1 - side]
        macs = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
        seq = self.next[side] & 0xFFFFFFFF
        ack = self.next[1 - side] & 0xFFFFFFFF if flags & ACK else 0
        ident = self.idents[side] = (self.idents[side] + 1) & 0xFFFF
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 0, ident, 0x4000, 64, 6, 0) + src[0] + dst[0]
        tcp = struct.pack("!HHIIBBHHH", src[1], dst[1], seq, ack, 0x50, flags, 65535, 0, 0)
        s = Segment(macs[1 - side] + macs[side] + b"\x08\0", ip, tcp, payload)
        self.packets.append(Packet(time, s.frame()))
        self.next[side] += len(payload) + bool(flags & SYN) + bool(flags & FIN)

    def open(self, time):
        self._send(0, time, SYN)
        self._send(1, time + 10_000, SYN | ACK)
        self._send(0, time + 20_000, ACK)
        return time + 30_000

    def send(self, side, time, data, size=1460):
        """Data in segments of at most size bytes, acknowledged once; the time afterwards."""
        for at in range(0, len(data), size):
            last = at + size >= len(data)
            self._send(side, time, ACK | (PSH if last else 0), data[at : at + size])
            time += 5_000
        self._send(1 - side, time, ACK)
        return time + 5_000

    def close(self, time):
        self._send(0, time, FIN | ACK)
        self._send(1, time + 10_000, FIN | ACK)
        self._send(0, time + 20_000, ACK)
        return time + 30_000


def of_no_run(r):
    """A record of --json-flat without what differs from run to run; flow.id is a frame's number."""
    r = {k: v for k, v in r.items() if k not in ("event.id", "tsumari.run.id")}
    if "flow.id" in r:
        r["flow.id"] = r["flow.id"].split("-")[-1]
    return r
