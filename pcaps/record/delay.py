#!/usr/bin/env python3
"""A long or narrow line: passes every frame from one interface to the other after so many milliseconds.

usage: delay.py INTERFACE INTERFACE MILLISECONDS [KILOBITS_A_SECOND [QUEUE_BYTES | police:BURST_BYTES]]

Of a narrow line each direction has the rate for itself; what finds more than QUEUE_BYTES waiting is lost. A policer
has no queue: what is more than the burst, which fills again at that rate, is lost.
"""
import heapq
import select
import socket
import sys
import time

ALL, OUTGOING = 3, 4


def main(one, two, milliseconds, kilobits=0, queue=1 << 30):
    delay, rate, queue = float(milliseconds) / 1000, float(kilobits) * 125, queue
    burst = float(queue[7:]) if str(queue).startswith("police:") else 0
    queue = 0 if burst else int(queue)
    ends = []
    for name in (one, two):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        s.bind((name, ALL))
        ends.append(s)
    waiting, number, free = [], 0, [0, 0]
    tokens, then = [burst, burst], [time.monotonic()] * 2
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for s in select.select(ends, [], [], left)[0]:
            frame, about = s.recvfrom(65536)
            if about[2] == OUTGOING:
                continue
            number += 1
            way, now = int(s is ends[0]), time.monotonic()
            if burst:
                tokens[way] = min(burst, tokens[way] + (now - then[way]) * rate)
                then[way] = now
                if tokens[way] < len(frame):
                    continue
                tokens[way] -= len(frame)
            elif rate:
                if (free[way] - now) * rate > queue:
                    continue
                free[way] = max(free[way], now) + len(frame) / rate
                now = free[way]
            heapq.heappush(waiting, (now + delay, number, frame, ends[way]))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, frame, to = heapq.heappop(waiting)
            to.send(frame)


main(*sys.argv[1:])
