"""README.md shows what its commands print: each line that begins with "    $ " is run, and what stands below it
is its output. With --write the outputs are put in."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.abspath(os.environ["top_srcdir"])
README = os.path.join(TOP, "README.md")
MARK = "    $ "


def blocks(lines):
    """Of each command its line and where its output begins and ends."""
    i = 0
    while i < len(lines):
        if not lines[i].startswith(MARK):
            i += 1
            continue
        begin = end = i + 1
        for k in range(begin, len(lines)):
            if lines[k].startswith(MARK) or (lines[k] and not lines[k].startswith("    ")):
                break
            if lines[k]:
                end = k + 1
        yield i, begin, end
        i = end


def run(command, where):
    path = where + ":" + os.environ["PATH"]
    r = subprocess.run(["bash", "-c", command], cwd=TOP, capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
                       env=dict(os.environ, PATH=path, TZ="UTC0", LC_ALL="C.UTF-8"))
    text = r.stdout.decode().rstrip("\n")
    return r.stderr.decode(), [("    " + line).rstrip() for line in text.split("\n")]


def main():
    with open(README, encoding="utf-8") as f:
        lines = f.read().split("\n")
    bad = n = 0
    new, done = [], 0
    with tempfile.TemporaryDirectory() as where:
        os.symlink(os.path.abspath(os.environ["TSUMARI"]), os.path.join(where, "tsumari"))
        for at, begin, end in blocks(lines):
            command = lines[at][len(MARK):]
            if re.search(r"\bjq\b", command) and not shutil.which("jq"):
                continue
            err, out = run(command, where)
            n += 1
            new += lines[done:begin] + out
            done = end
            if out != lines[begin:end] or err:
                bad = 1
                if "--write" not in sys.argv:
                    print(f"FAIL: $ {command}\n{err}" + "\n".join(out) + "\nREADME.md has\n" + "\n".join(lines[begin:end]))
    if "--write" in sys.argv:
        with open(README, "w", encoding="utf-8") as f:
            f.write("\n".join(new + lines[done:]))
        return 0
    if n < 4:
        print(f"{n} commands only")
        bad = 1
    if not bad:
        print(f"readme: {n} commands print what it shows")
    return bad


sys.exit(main())
