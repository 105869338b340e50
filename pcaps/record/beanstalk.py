#!/usr/bin/env python3
"""beanstalkd asked for jobs, and by a worker that waits for them. usage: beanstalk.py HOST"""
import socket
import sys
import threading
import time


class Client:
    def __init__(self, host):
        self.s = socket.create_connection((host, 11300), 5)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")

    def say(self, line, job=None):
        self.s.sendall(line.encode() + b"\r\n" + (b"" if job is None else job + b"\r\n"))

    def hear(self):
        words = self.f.readline().split()
        if words and words[0] in (b"OK", b"RESERVED", b"FOUND"):
            self.f.read(int(words[-1]) + 2)
        return words

    def ask(self, line, job=None):
        self.say(line, job)
        return self.hear()


def worker(host):
    c = Client(host)
    c.ask("watch mails")
    c.ask("ignore default")
    for _ in range(3):
        got = c.ask("reserve")
        c.ask("delete %d" % int(got[1]))
    c.ask("reserve-with-timeout 0")
    c.say("quit")
    c.f.read()


def main(host):
    t = threading.Thread(target=worker, args=(host,))
    t.start()
    c = Client(host)
    c.ask("use mails")
    for job in b"to alice", b"x" * 5000, b"DELETED\r\nquit":
        time.sleep(0.1)
        c.ask("put 10 0 60 %d" % len(job), job)
    t.join()
    c.ask("use slow")
    c.ask("put 10 60 60 4", b"late")
    c.ask("peek-delayed")
    c.ask("kick 10")
    c.ask("watch slow")
    got = c.ask("reserve")
    c.ask("touch %d" % int(got[1]))
    c.ask("bury %d 5" % int(got[1]))
    c.ask("stats-job %d" % int(got[1]))
    c.ask("delete 99999")
    c.ask("nothing")
    c.ask("stats-tube slow")
    c.ask("list-tubes")
    for n in range(4):                               # in one piece
        c.say("put 1 0 60 1", b"%d" % n)
    for n in range(4):
        c.hear()
    c.s.close()


if __name__ == "__main__":
    main(sys.argv[1])
