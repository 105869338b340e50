#!/usr/bin/env python3
"""Listeners that misbehave.

usage: listener.py backlog PORT BACKLOG SECONDS [ACCEPT_AFTER]
           listens with a short backlog and accepts nothing, or nothing before ACCEPT_AFTER
       listener.py udp-echo PORT
           sends every datagram back
"""
import socket
import sys
import time


def bind(kind, port):
    s = socket.socket(socket.AF_INET6, kind)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind(('::', int(port)))
    return s


def backlog(port, length, seconds, accept_after='inf'):
    s = bind(socket.SOCK_STREAM, port)
    s.listen(int(length))
    start = time.time()
    accepted = []
    s.settimeout(0.1)
    while time.time() < start + float(seconds):
        if time.time() < start + float(accept_after):
            time.sleep(0.05)
            continue
        try:
            accepted.append(s.accept())
        except OSError:
            pass
    s.close()


def udp_echo(port):
    s = bind(socket.SOCK_DGRAM, port)
    s.setsockopt(socket.IPPROTO_IP, 10, 0)		# IP_MTU_DISCOVER: never set DF
    while True:
        data, sender = s.recvfrom(65536)
        s.sendto(data, sender)


if __name__ == '__main__':
    {'backlog': backlog, 'udp-echo': udp_echo}[sys.argv[1]](*sys.argv[2:])
