#!/usr/bin/env python3
"""Tunnels and stacked tags in user space, for kernels without such a device.

usage: encap.py KIND DEVICE LOCAL REMOTE

  geneve    DEVICE is a TAP; Ethernet in GENEVE (RFC 8926, VNI 77, one option) in UDP port 6081
  ipip      DEVICE is a TUN; IPv4 in IPv4 (RFC 2003)
  sit       DEVICE is a TUN; IPv6 in IPv4 (RFC 4213)
  qinq      DEVICE is a TAP; LOCAL is the interface of the trunk, REMOTE is VLAN.VLAN, outer first:
            802.1ad and 802.1Q tags on every frame of the TAP

What runs inside is real: both ends' kernels speak through DEVICE.
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_TAP, IFF_NO_PI = 0x0001, 0x0002, 0x1000
SOL_PACKET, PACKET_AUXDATA, ETH_P_ALL = 263, 8, 3
VLAN_VALID, VLAN_TPID_VALID = 0x10, 0x40

# Version 0, options of 8 bytes, Ethernet inside; VNI; an option of class 0x0102, type 1, 4 bytes.
GENEVE = struct.pack('!BBHI', 2, 0, 0x6558, 77 << 8) + struct.pack('!HBBI', 0x0102, 1, 1, 0x2a)


def device(name, mode):
    fd = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH', name.encode(), mode | IFF_NO_PI))
    print('ready', flush=True)
    return fd


def pump(fd, outside, send, receive):
    """Until it is stopped. receive() returns None for what does not belong to the tunnel."""
    while True:
        for ready in select.select([fd, outside], [], [])[0]:
            if ready is outside:
                packet = receive()
                if packet:
                    os.write(fd, packet)
            else:
                send(os.read(fd, 65536))


def geneve(name, local, remote):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((local, 6081))

    def receive():
        data, sender = s.recvfrom(65536)
        if sender[0] != remote or len(data) < 8:
            return None
        return data[8 + (data[0] & 0x3f) * 4:]

    pump(device(name, IFF_TAP), s, lambda p: s.sendto(GENEVE + p, (remote, 6081)), receive)


def over_ip(protocol, version, name, local, remote):
    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)
    s.bind((local, 0))

    def send(packet):
        if packet[0] >> 4 == version:
            s.sendto(packet, (remote, 0))

    def receive():
        data, sender = s.recvfrom(65536)
        return data[(data[0] & 15) * 4:] if sender[0] == remote else None

    pump(device(name, IFF_TUN), s, send, receive)


def qinq(name, trunk, vlans):
    outer, inner = (int(v) for v in vlans.split('.'))
    tags = struct.pack('!HHHH', 0x88a8, outer, 0x8100, inner)
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((trunk, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def receive():
        frame, aux, _, sender = s.recvmsg(65536, 256)
        if sender[2] == socket.PACKET_OUTGOING:
            return None
        for level, kind, data in aux:
            # The kernel has taken the outer tag out of the frame; struct tpacket_auxdata has it.
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, = struct.unpack_from('I', data)
                tci, tpid = struct.unpack_from('HH', data, 16)
                if status & VLAN_VALID and status & VLAN_TPID_VALID:
                    frame = frame[:12] + struct.pack('!HH', tpid, tci) + frame[12:]
        if frame[12:20] != tags:
            return None
        return frame[:12] + frame[20:]

    pump(device(name, IFF_TAP), s, lambda p: s.send(p[:12] + tags + p[12:]), receive)


def main(kind, *rest):
    if kind == 'geneve':
        geneve(*rest)
    elif kind == 'qinq':
        qinq(*rest)
    elif kind in ('ipip', 'sit'):
        over_ip(*{'ipip': (4, 4), 'sit': (41, 6)}[kind], *rest)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(*sys.argv[1:])
