#!/usr/bin/env python3
"""The live view where allocations, writes and opening fail: it does not crash or hang, the terminal is as it was,
what it saved is whole, and one line at most says why it ended.

usage: view.py [-a] [-m], as fail.py, whose $TSUMARI and $FAIL these are.
"""
import errno
import fcntl
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
import fail

# All screens, the help, a filter, a connection, its packets, one of them; packets and records are saved; a file's name
# behind keys: so long they wait for it, where nothing fails.
KEYS = [("1", None), ("2", None), ("3", None), ("4", None), ("5", None), ("6", None), ("7", None), ("8", None),
        ("9", None), ("?", None), ("\x1b", None), ("/", None), ("flow\r", None), ("\x1b", None), ("5", None),
        ("w\r\x15saved-5\r", "saved-5"), ("\r", None), ("\r", None), ("w\r\x15saved-packets\r", "saved-packets"),
        ("3", None), ("w\r\x15saved-3\r", "saved-3"), ("\x0c", None)]
KINDS = fail.MEMORY + [("write", "short", True), ("write", errno.ENOSPC, False), ("write", errno.EIO, True),
                       ("write", errno.EINTR, False), ("open", errno.EMFILE, True), ("mmap", errno.ENOMEM, False),
                       ("thread", errno.EAGAIN, False)]


def saved(text):
    """What is wrong with a file: frames or records."""
    return fail.frames(text, text) if text[:4] in (b"\x4d\x3c\xb2\xa1", b"\xd4\xc3\xb2\xa1") else fail.records(text, None)


def drain(master, seconds):
    """Whether something came; until nothing comes for so long."""
    came = False
    while select.select([master], [], [], seconds)[0]:
        try:
            if not os.read(master, 65536):
                break
        except OSError:  # nobody has the other end any more
            break
        came = True
    return came


def has(path):
    return os.path.exists(path) and os.path.getsize(path) > 0


def run(folder, env, patient):
    """(status, what was said, whether the terminal is as it was); status None: it does not end."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("4H", 30, 120, 0, 0))
    before = termios.tcgetattr(slave)
    with open(os.path.join(folder, "err"), "w+b") as err:
        p = subprocess.Popen([fail.program(), "-r", fail.HTTP, "--live", "-n"], stdin=slave, stdout=slave, stderr=err,
                             cwd=os.path.join(folder, "work"), start_new_session=True, env=env)
        drain(master, 0.2)
        for keys, file in KEYS:
            if p.poll() is not None:
                break
            os.write(master, keys.encode())
            drain(master, 0.01)
            end = time.monotonic() + (fail.PATIENCE if patient else 0.3)
            while file and time.monotonic() < end and not has(os.path.join(folder, "work", file)):
                drain(master, 0.02)
        end = time.monotonic() + fail.PATIENCE
        while p.poll() is None and time.monotonic() < end:
            os.write(master, b"\x1b")  # out of whatever was asked
            drain(master, 0.1)
            os.write(master, b"q")
            drain(master, 0.1)
        status = p.poll()
        if status is None:
            p.kill()
            p.wait()
        as_it_was = termios.tcgetattr(slave) == before
        os.close(slave)
        drain(master, 0)
        os.close(master)
        err.seek(0)
        return status, err.read().decode("utf-8", "replace"), as_it_was


def one(call, at, how, later, folder):
    """False: nothing failed, as there is no such call any more."""
    work = os.path.join(folder, "work")
    shutil.rmtree(work, ignore_errors=True)
    os.mkdir(work)
    told = os.path.join(folder, "told")
    with open(told, "wb") as f:
        f.write(b"\0")
    os.chmod(told, 0o666)
    env = fail.environment(call, at, how, later, told) if call else dict(os.environ, LC_ALL="C.UTF-8")
    env.update(TERM="xterm-256color", XDG_CONFIG_HOME=os.path.join(work, "config"))
    status, said, as_it_was = run(folder, env, not call)
    what = "view: %s %d %s%s" % (call, at, how if isinstance(how, str) else errno.errorcode.get(how),
                                 " and on" if later else "")
    fail.done += 1
    messages = [s for s in said.splitlines() if s.startswith("tsumari: ") and
                "not denied here" not in s and "cannot become user nobody" not in s]
    if status is None:
        fail.fault(what, "hangs: " + said)
    elif status not in (0, 1, 2):
        fail.fault(what, "status %d: %s" % (status, said[-2000:]))
    elif len(messages) > 1 or (status == 1 and call != "write" and not messages):
        fail.fault(what, "status %d, messages: %s" % (status, said))
    if status is not None and not as_it_was:
        fail.fault(what, "the terminal is not as it was")
    got = fail.contents(work, ["saved*"])
    for name, text in got.items():
        wrong = saved(text)
        if wrong:
            fail.fault(what, "%s: %s" % (name, wrong))
    if not call and len([t for t in got.values() if t]) != 3:
        fail.fault("view", "it saved %s" % {k: len(v) for k, v in got.items()})
    with open(told, "rb") as f:
        return f.read() != b"\0"


def main():
    every, memory = "-a" in sys.argv[1:], "-m" in sys.argv[1:]
    began = time.time()
    with tempfile.TemporaryDirectory(prefix="tsumari-view-") as folder:
        os.chmod(folder, 0o755)
        one(None, 0, 0, False, folder)
        for call, how, later in fail.MEMORY if memory else KINDS:
            for at in fail.numbers(every):
                if not one(call, at, how, later, folder) or len(fail.faults) > 20:
                    break
    print("view: %d runs, %d failed, %.0f s" % (fail.done, len(fail.faults), time.time() - began))
    return 1 if fail.faults else 0


if __name__ == "__main__":
    sys.exit(main())
