#!/usr/bin/env python3
"""A long or narrow line: passes every frame from one interface to the other after so many milliseconds.

usage: delay.py INTERFACE INTERFACE MILLISECONDS [KILOBITS_A_SECOND [QUEUE_BYTES]]

Of a narrow line each direction has the rate for itself; what finds more than QUEUE_BYTES waiting is lost.
"""
import heapq
import select
import socket
import sys
import time

ALL, OUTGOING = 3, 4


def main(one, two, milliseconds, kilobits=0, queue=1 << 30):
    delay, rate, queue = float(milliseconds) / 1000, float(kilobits) * 125, int(queue)
    ends = []
    for name in (one, two):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind((name, ALL))
        ends.append(s)
    waiting, number, free = [], 0, [0, 0]
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for s in select.select(ends, [], [], left)[0]:
            frame, about = s.recvfrom(65536)
            if about[2] == OUTGOING:
                continue
            number += 1
            way, now = int(s is ends[0]), time.monotonic()
            if rate:
                if (free[way] - now) * rate > queue:
                    continue
                free[way] = max(free[way], now) + len(frame) / rate
                now = free[way]
            heapq.heappush(waiting, (now + delay, number, frame, ends[way]))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, frame, to = heapq.heappop(waiting)
            to.send(frame)


main(*sys.argv[1:])
