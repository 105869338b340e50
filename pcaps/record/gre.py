#!/usr/bin/env python3
"""GRE (RFC 2784, with the key of RFC 2890) for kernels without it: a TUN interface on one side, IP protocol 47 on the other.

usage: gre.py TUN LOCAL REMOTE KEY
"""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF = 0x400454ca
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
KEY_PRESENT = 0x2000
ETHERTYPE = {4: 0x0800, 6: 0x86dd}


def main(name, local, remote, key):
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack('16sH', name.encode(), IFF_TUN | IFF_NO_PI))
    outside = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
    outside.bind((local, 0))
    key = int(key)
    print('ready', flush=True)
    while True:
        for ready in select.select([tun, outside], [], [])[0]:
            if ready is tun:
                packet = os.read(tun, 65536)
                kind = ETHERTYPE.get(packet[0] >> 4)
                if kind:
                    head = struct.pack('!HHI', KEY_PRESENT, kind, key)
                    outside.sendto(head + packet, (remote, 0))
                continue
            packet, sender = outside.recvfrom(65536)
            gre = packet[(packet[0] & 15) * 4:]
            if sender[0] == remote and gre[:2] == b'\x20\x00' and gre[4:8] == struct.pack('!I', key):
                os.write(tun, gre[8:])


if __name__ == '__main__':
    main(*sys.argv[1:])
