"""docs/postmortems.md: each command that it shows works, and its output has the quoted lines in that order.

A line of the page that ends with "..." is the beginning of one; "..." alone stands for any lines. Lines are
compared without their distances, since the page is narrower than a terminal, and a sentence may go on in the next.
"""
import os
import re
import shlex
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TSUMARI = os.environ["TSUMARI"]
bad = 0


def fail(text):
    global bad
    bad += 1
    print("FAIL: " + text)


def examples(text):
    """(command, the quoted lines) of each block that begins with a prompt."""
    lines = text.splitlines() + [""]
    for i, line in enumerate(lines):
        if line.startswith("    $ "):
            quoted = []
            while lines[i + 1].startswith("    "):
                i += 1
                quoted.append(lines[i].strip())
            yield line[6:], quoted


def check(command, quoted):
    program, *arguments = shlex.split(command)
    run = subprocess.run([TSUMARI, *arguments], capture_output=True, timeout=60, cwd=TOP)
    if program != "tsumari" or run.returncode:
        return fail("%s: status %d, %s" % (command, run.returncode, run.stderr.decode()))
    output, at = re.sub(r"\s+", " ", run.stdout.decode()), 0
    if not quoted and output.strip():
        fail("%s: says %s" % (command, output[:200]))
    for line in quoted:
        wanted = re.sub(r"\s+", " ", line.removesuffix("...").rstrip())
        found = output.find(wanted, at)
        if found < 0:
            return fail("%s: does not say '%s' there" % (command, wanted))
        at = found + len(wanted)
    return None


def main():
    with open(os.path.join(TOP, "docs", "postmortems.md"), encoding="utf-8") as f:
        n = 0
        for command, quoted in examples(f.read()):
            n += 1
            check(command, quoted)
    if n < 5:
        fail("there are %d commands" % n)
    if not bad:
        print("postmortems: %d commands" % n)


main()
sys.exit(bool(bad))
