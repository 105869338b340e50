#!/usr/bin/env python3
"""A mail client that says what it is told, for what swaks will not do.

usage: smtp.py HOST PORT [early] STEP...

A STEP is a line to send, with \\r\\n put behind it, after which the reply is waited for; \\r, \\n and
\\t are understood in it. A step that ends in a backslash is sent as it is, without line end and without
waiting. "pause=SECONDS" waits, "bytes=N" sends N bytes of text lines without waiting, "bytewise=LINE"
sends a byte a segment. early: does not wait for the greeting.
"""
import socket
import sys
import time


def reply(stream):
    """Reads one reply, all its lines; False where the server has closed."""
    while True:
        try:
            line = stream.readline()
        except OSError:
            line = b''
        if not line:
            return False
        if line[3:4] != b'-':
            return True


def unescaped(text):
    return text.replace('\\r', '\r').replace('\\n', '\n').replace('\\t', '\t').encode()


def step(s, stream, text):
    name, _, value = text.partition('=')
    if name == 'pause':
        time.sleep(float(value))
    elif name == 'bytes':
        line = b'0123456789abcdefghijklmnopqrstuvwxyz.. and so on to the end of the line\r\n'
        s.sendall((line * (int(value) // len(line) + 1))[:int(value) - 2] + b'\r\n')
    elif name == 'bytewise':
        for b in unescaped(value) + b'\r\n':
            s.send(bytes([b]))
            time.sleep(0.003)
        return reply(stream)
    elif text.endswith('\\'):
        s.sendall(unescaped(text[:-1]))
    else:
        s.sendall(unescaped(text) + b'\r\n')
        return reply(stream)
    return True


def main():
    host, port, *steps = sys.argv[1:]
    s = socket.create_connection((host, int(port)), timeout=8)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    stream = s.makefile('rb')
    if steps and steps[0] == 'early':
        steps = steps[1:]
    else:
        reply(stream)
    for text in steps:
        if not step(s, stream, text):
            break
    s.close()


main()
