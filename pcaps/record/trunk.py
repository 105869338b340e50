#!/usr/bin/env python3
"""Makes a trunk where the kernel has no 802.1Q: frames of one interface are tagged and sent on the other, and back.

usage: trunk.py PLAIN TAGGED VID
"""
import select
import socket
import sys

ETH_P_ALL = 3
PACKET_AUXDATA = 8
SOL_PACKET = 263


def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.bind((name, ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return s


def tag_of(aux):
    """The kernel takes the tag out of a frame that it receives: struct tpacket_auxdata has it."""
    for level, kind, data in aux:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status = int.from_bytes(data[0:4], sys.byteorder)
            if status & 0x10:		# TP_STATUS_VLAN_VALID
                return int.from_bytes(data[16:18], sys.byteorder) & 0xfff
    return None


def main(plain_name, tagged_name, vid):
    plain, tagged = port(plain_name), port(tagged_name)
    vid = int(vid)
    header = b'\x81\x00' + vid.to_bytes(2, 'big')
    print('ready', flush=True)
    while True:
        for s in select.select([plain, tagged], [], [])[0]:
            frame, aux, _, sender = s.recvmsg(65536, 256)
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            if s is plain:
                tagged.send(frame[:12] + header + frame[12:])
            elif tag_of(aux) == vid:
                plain.send(frame)
            elif frame[12:16] == header:
                plain.send(frame[:12] + frame[16:])


if __name__ == '__main__':
    main(*sys.argv[1:])
