#!/usr/bin/env python3
"""Puts a recorded capture into another file format, link type or outer header.

usage: wrap.py HOW IN.pcap OUT.pcap

IN is a little-endian microsecond pcap file of Ethernet frames. The IP packets, their times and their
order stay as they were recorded.

  big-endian, big-endian-nano   the same frames; the byte order and time unit of the file change
  truncate                      ends in the middle of the 31st packet's bytes
  mpls      two labels (RFC 3032) between Ethernet and IP
  pppoe     PPPoE session (RFC 2516) and PPP between Ethernet and IP
  null      no Ethernet: the BSD loopback header, address family in host order (here little-endian)
  raw       no Ethernet: IP alone
  gpe       the IP packet behind VXLAN-GPE (VNI 4711), UDP port 4790
  gue       GUE, UDP port 6080: IPv4 without a header (variant 1), IPv6 behind one with an optional word
  fou       GRE with a key straight behind UDP, port 5555
  erspan    the Ethernet frame as a switch mirrors it: ERSPAN type II, session 7
  erspan3   type III, session 7, with the platform's 8 bytes
"""
import struct
import sys

ETHERNET, NULL, RAW = 1, 0, 101
IPV4, IPV6 = 0x0800, 0x86dd


def packets(data):
    magic, _, _, _, _, snap, link = struct.unpack_from('<IHHiIII', data)
    if magic != 0xa1b2c3d4 or link != ETHERNET:
        sys.exit('wrap.py: a little-endian microsecond pcap of Ethernet frames is needed')
    at = 24
    while at + 16 <= len(data):
        sec, usec, cap, wire = struct.unpack_from('<IIII', data, at)
        yield sec, usec, wire, data[at + 16:at + 16 + cap]
        at += 16 + cap


def mpls(frame, kind):
    outer = struct.pack('!I', 16001 << 12 | 5 << 9 | 0 << 8 | 62)
    inner = struct.pack('!I', (24002 if kind == IPV4 else 2) << 12 | 0 << 9 | 1 << 8 | 62)
    return frame[:12] + b'\x88\x47' + outer + inner + frame[14:]


def pppoe(frame, kind):
    """The length counts the IP packet, not the padding of a short Ethernet frame."""
    if kind == IPV4:
        size, = struct.unpack_from('!H', frame, 16)
    else:
        size = 40 + struct.unpack_from('!H', frame, 18)[0]
    protocol = 0x0021 if kind == IPV4 else 0x0057
    return (frame[:12] + b'\x88\x64' + struct.pack('!BBHHH', 0x11, 0, 0x2f1, size + 2, protocol)
            + frame[14:])


def null(frame, kind):
    # 24, 28 and 30 are met for IPv6: NetBSD and OpenBSD, FreeBSD, macOS.
    return struct.pack('<I', 2 if kind == IPV4 else 30) + frame[14:]


def raw(frame, _):
    return frame[14:]


def outer(frame, protocol, payload):
    """Between two routers, one for each end: 192.0.2.LAST, of the ends' MAC addresses."""
    def address(mac):
        return bytes([192, 0, 2, mac[5]])

    head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0)
    head += address(frame[6:12]) + address(frame[:6])
    total = sum(struct.unpack('!10H', head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack('!H', ~(total + (total >> 16)) & 0xffff) + head[12:]
    return frame[:12] + b'\x08\x00' + head + payload


def in_udp(frame, port, payload):
    return outer(frame, 17, struct.pack('!HHHH', 49152 + frame[11], port, 8 + len(payload), 0) + payload)


def packet(frame, kind):
    """The IP packet, without the padding of a short Ethernet frame."""
    size = struct.unpack_from('!H', frame, 16 if kind == IPV4 else 18)[0] + (40 if kind == IPV6 else 0)
    return frame[14:14 + size]


def gpe(frame, kind):
    return in_udp(frame, 4790, struct.pack('!BBBBI', 0x0c, 0, 0, 1 if kind == IPV4 else 2, 4711 << 8) + packet(frame, kind))


def gue(frame, kind):
    head = b'' if kind == IPV4 else struct.pack('!BBHI', 1, 41, 0x8000, 0)
    return in_udp(frame, 6080, head + packet(frame, kind))


def fou(frame, kind):
    return in_udp(frame, 5555, struct.pack('!HHI', 0x2000, kind, 99) + packet(frame, kind))


def erspan(frame, _):
    number = struct.pack('!HHI', 0x1000, 0x88be, 1)
    return outer(frame, 47, number + struct.pack('!HHI', 1 << 12, 7, 0x1234) + frame)


def erspan3(frame, _):
    number = struct.pack('!HHI', 0x1000, 0x22eb, 1)
    return outer(frame, 47, number + struct.pack('!HHIHHQ', 2 << 12, 7, 0x01020304, 0, 1, 0) + frame)


def rewrite(source, order, nano, link, change):
    out = [struct.pack(order + 'IHHiIII', 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0, 0, 262144,
                       link)]
    for sec, usec, wire, frame in packets(source):
        if change:
            kind, = struct.unpack_from('!H', frame, 12)
            if kind not in (IPV4, IPV6):
                continue
            changed = change(frame, kind)
            wire += len(changed) - len(frame)
            frame = changed
        out.append(struct.pack(order + 'IIII', sec, usec * 1000 if nano else usec, len(frame), wire)
                   + frame)
    return b''.join(out)


def truncate(source):
    """A round of the cut in the middle of the 31st packet's bytes."""
    at = 24
    for number, (_, _, _, frame) in enumerate(packets(source), 1):
        if number == 31:
            return source[:at + 16 + len(frame) // 2]
        at += 16 + len(frame)
    sys.exit('wrap.py: fewer than 31 packets')


def main(how, source_name, target_name):
    with open(source_name, 'rb') as f:
        source = f.read()
    if how == 'truncate':
        result = truncate(source)
    else:
        result = rewrite(source, *{
            'big-endian': ('>', False, ETHERNET, None),
            'big-endian-nano': ('>', True, ETHERNET, None),
            'mpls': ('<', False, ETHERNET, mpls),
            'pppoe': ('<', False, ETHERNET, pppoe),
            'null': ('<', False, NULL, null),
            'raw': ('<', False, RAW, raw),
            **{f.__name__: ('<', False, ETHERNET, f) for f in (gpe, gue, fou, erspan, erspan3)},
        }[how])
    with open(target_name, 'wb') as f:
        f.write(result)


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
