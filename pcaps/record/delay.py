#!/usr/bin/env python3
"""A long line: passes every frame from one interface to the other after so many milliseconds.

usage: delay.py INTERFACE INTERFACE MILLISECONDS
"""
import heapq
import select
import socket
import sys
import time

ALL, OUTGOING = 3, 4


def main(one, two, milliseconds):
    ends = []
    for name in (one, two):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        s.bind((name, ALL))
        ends.append(s)
    waiting, number = [], 0
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for s in select.select(ends, [], [], left)[0]:
            frame, about = s.recvfrom(65536)
            if about[2] != OUTGOING:
                number += 1
                heapq.heappush(waiting, (time.monotonic() + float(milliseconds) / 1000, number, frame,
                                         ends[s is ends[0]]))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, frame, to = heapq.heappop(waiting)
            to.send(frame)


main(*sys.argv[1:])
