"""More stories (stories.py): what never answers, what stands behind, and addresses that move."""
import struct
import sys

import pcaplib
import stories
from pcaplib import ACK, FIN, PSH, RST, SYN
from stories import MS, SECOND, World, get, ok, story

stories.STORIES.clear()


# ---- virtual routers ---------------------------------------------------------------------------


class Vrrp:
    """Advertisements for virtual router 60 and the announcements of its address."""

    def __init__(self, version=2, ip=4, interval=100):
        self.w, self.version, self.ip, self.interval = World(), version, ip, interval

    def at(self, time, router, priority):
        w, mac = self.w, b"\2\0\0\0\0" + bytes((router,))
        addr = b"\x0a\x0a\0\x64" if self.ip == 4 else bytes.fromhex("fe80") + bytes(13) + b"\x64"
        head = struct.pack("!BBBB", self.version << 4 | 1, 60, priority, 1)
        if self.version == 2:
            vrrp = head + bytes((0, self.interval // 100)) + b"\0\0" + addr + bytes(8)
        else:
            vrrp = head + struct.pack("!HH", self.interval, 0) + addr
        if self.ip == 4:
            ends = bytes((10, 10, 0, router)) + b"\xe0\0\0\x12"
            pseudo = ends + struct.pack("!HH", 112, len(vrrp)) if self.version == 3 else b""
            vrrp = vrrp[:6] + struct.pack("!H", pcaplib.checksum(pseudo + vrrp)) + vrrp[8:]
            ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(vrrp), 0, 0, 255, 112, 0) + ends
            ip = b"\x08\0" + ip[:10] + struct.pack("!H", pcaplib.checksum(ip)) + ip[12:]
        else:
            ends = bytes.fromhex("fe80") + bytes(13) + bytes((router,)) + bytes.fromhex("ff02") + bytes(13) + b"\x12"
            sum = pcaplib.checksum(ends + struct.pack("!II", len(vrrp), 112) + vrrp)
            vrrp = vrrp[:6] + struct.pack("!H", sum) + vrrp[8:]
            ip = b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(vrrp), 112, 255) + ends
        w.packets.append(pcaplib.Packet(time, b"\x01\0\x5e\0\0\x12" + mac + ip + vrrp))

    def announce(self, time, router):
        mac = b"\2\0\0\0\0" + bytes((router,))
        arp = b"\xff" * 6 + mac + b"\x08\x06\0\1\x08\0\6\4\0\1" + mac + b"\x0a\x0a\0\x64" + b"\xff" * 6 + b"\x0a\x0a\0\x64"
        for i in range(5 if self.ip == 4 else 0):
            self.w.packets.append(pcaplib.Packet(time + i * 1000, arp))

    def reign(self, time, router, priorities):
        """From its first advertisement on; the time of the next one that is due."""
        self.announce(time + MS, router)
        for i, priority in enumerate(priorities):
            self.at(time + i * self.interval * 10 * MS, router, priority)
        return time + len(priorities) * self.interval * 10 * MS


def check_that_fails_in_turn(times, version=2, ip=4, interval=100, length=4):
    v = Vrrp(version, ip, interval)
    now, skew = 0, 530 * MS * interval // 100
    for _ in range(times):
        now = v.reign(now, 1, [150] + [90] * (length - 1))
        now = v.reign(now - interval * 10 * MS + skew, 2, [120] * length) - interval * 10 * MS + skew
    v.reign(now, 1, [150] * 3)
    return v.w


FLAP = dict(first=("vrrp-flapping", "10.10.0.1:?0?"), never=("arp-duel", "vrrp-two-masters", "vrrp-mismatch"),
            verdict="A virtual router moves back and forth at 10.10.0.1: 6 times. Something that the master watches")


@story(**FLAP)
def priority_falls_and_rises():
    return check_that_fails_in_turn(3)


@story(**FLAP)
def priority_falls_and_rises_version_3():
    return check_that_fails_in_turn(3, 3, 4, 20, 12)


@story(**FLAP)
def priority_falls_for_less_than_the_time_to_be_taken_for_dead():
    """The one that lost is back before its silence is long enough."""
    return check_that_fails_in_turn(3, length=3)


@story(first=("vrrp-flapping", "fe80::1"), never=("vrrp-two-masters",))
def priority_falls_and_rises_ipv6():
    return check_that_fails_in_turn(4, 3, 6)


@story(first=("vrrp-flapping", "10.10.0.1"), never=("arp-duel", "vrrp-two-masters"),
       verdict="A virtual router moves back and forth at 10.10.0.1: 5 times. The master gives up and comes back")
def master_resigns_again_and_again():
    v, now = Vrrp(), 0
    for _ in range(3):
        now = v.reign(now, 1, [150] * 5 + [0]) - SECOND
        now = v.reign(now + 540 * MS, 2, [120] * 6)
    return v.w


@story(first=("vrrp-flapping", "10.10.0.1"), never=("arp-duel", "vrrp-two-masters"),
       verdict="A virtual router moves back and forth at 10.10.0.1: 5 times. The master is not heard")
def master_is_silent_again_and_again():
    v, now = Vrrp(), 0
    for _ in range(3):
        now = v.reign(now, 1, [150] * 6) - SECOND
        now = v.reign(now + 3600 * MS, 2, [120] * 6) - 600 * MS
    return v.w


@story()
def one_planned_move_there_and_back():
    """Shut down with priority 0, started again an hour later."""
    v = Vrrp()
    now = v.reign(0, 1, [150] * 10 + [0]) - SECOND
    now = v.reign(now + 540 * MS, 2, [120] * 3600)
    v.reign(now - 600 * MS, 1, [150] * 10)
    return v.w


@story()
def the_preferred_one_starts_later():
    v = Vrrp()
    now = v.reign(0, 2, [120] * 10)
    v.reign(now - 400 * MS, 1, [150] * 20)
    return v.w


@story(first=("vrrp-takeover", None), never=("vrrp-flapping", "arp-duel"))
def master_that_died():
    v = Vrrp()
    now = v.reign(0, 1, [150] * 10) - SECOND
    v.reign(now + 3530 * MS, 2, [120] * 20)
    return v.w


@story(first=("vrrp-two-masters", "10.10.0.[12]"), never=("vrrp-flapping",))
def two_masters():
    v = Vrrp()
    v.reign(0, 1, [150] * 30)
    v.reign(3600 * MS, 2, [120] * 20)
    return v.w


@story(first=("vrrp-two-masters", "10.10.0.[12]"), never=("vrrp-flapping",))
def two_masters_of_whom_one_is_heard_badly():
    v = Vrrp()
    v.reign(0, 1, [150] * 60)
    v.reign(3600 * MS, 2, [120] * 50)
    v.w.packets = [p for i, p in enumerate(v.w.packets) if i % 23]
    return v.w


if __name__ == "__main__":
    sys.exit(stories.main())
