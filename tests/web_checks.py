"""What the tests of --web share: things that must be so, and things that are waited for."""
import time

faults = []


def check(good, what):
    if not good:
        faults.append(what)
        print("FAIL: " + what)
    return good


def wait(what, condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return check(False, what)
        time.sleep(0.05)
    return True
