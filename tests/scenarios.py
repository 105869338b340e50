"""Recorded incidents: the first finding is the cause, at its place and its cost; of a twin nothing is told.

pcaps/scenarios/expect.tsv has a line for each capture there: the first warning or critical (a regular
expression of its id), whose server it is, its cost in seconds from and to (-: nobody waited to speak of),
and ids that must not be a warning or critical unless they are part of another. "-" as the id: there is none.
"""
import csv
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(os.path.dirname(HERE), "pcaps", "scenarios")
TSUMARI = os.environ["TSUMARI"]
bad = 0


def fail(name, text):
    global bad
    bad += 1
    print("FAIL: %s: %s" % (name, text))


def shown(f):
    return "%s@%s %.3f s%s" % (f["id"], f.get("server", "-"), f.get("cost", 0) / 1e9,
                               " (%s)" % f["part_of"] if f.get("part_of") else "")


def check(row):
    name = row["name"]
    path = os.path.join(FOLDER, name + ".pcap.gz")
    run = subprocess.run([TSUMARI, "-r", path, "--report=json"], capture_output=True, timeout=60)
    if run.returncode:
        return fail(name, "status %d: %s" % (run.returncode, run.stderr.decode()))
    report = json.loads(run.stdout)
    loud = [f for f in report["findings"] if f["severity"] != "info"]
    told = "; ".join(map(shown, loud)) or "nothing"
    if row["id"] == "-":
        if loud:
            fail(name, "all is well, but " + told)
        return None
    if not loud or not re.fullmatch(row["id"], loud[0]["id"]) or not re.fullmatch(row["server"], loud[0].get("server", "-")):
        return fail(name, "%s, not %s at %s" % (told, row["id"], row["server"]))
    if row["from"] != "-" and not float(row["from"]) <= loud[0].get("cost", 0) / 1e9 <= float(row["to"]):
        fail(name, "%s, not from %s to %s s" % (told, row["from"], row["to"]))
    for f in loud:
        if not f.get("part_of") and re.fullmatch(row["never"], f["id"]):
            fail(name, "%s is told: %s" % (f["id"], told))
    return None


def answers():
    """Requests that wait to the end are no answers: two of the four are."""
    run = subprocess.run([TSUMARI, "-r", os.path.join(FOLDER, "no-answer.pcap.gz"), "--report"], capture_output=True, timeout=60)
    if not re.search(rb"^  10\.77\.0\.20:80 http +2 +2 ", run.stdout, re.M):
        fail("no-answer", "the table of services does not say 2 flows, 2 answers")


def gave_up():
    """No packet says when a client gave up: its connection says so, and the finding from what to what it can have been."""
    path = os.path.join(FOLDER, "syn-filtered.pcap.gz")
    run = lambda *args: subprocess.run([TSUMARI, "-r", path, *args], capture_output=True, timeout=60).stdout
    flows = [json.loads(line)["tsumari"] for line in run("--json", "--types", "flow").splitlines()]
    silent = [f for f in flows if f["tcp"]["state"] == "syn_sent"]
    # The next one of the last was still to come when the capture ended.
    if sorted(f.get("quality") for f in silent) != [["gave_up"], ["gave_up"], ["pending"]]:
        fail("syn-filtered", "connections that were given up: %s" % [f.get("quality") for f in silent])
    if any("gave_up" in f.get("quality", ()) for f in flows if f not in silent):
        fail("syn-filtered", "a connection that stood was given up")
    said = [f["against"] for f in json.loads(run("--report=json"))["findings"] if f["id"] == "syn-filtered"]
    if not said or not re.search(r"in no packet: .* due, 9\.[0-9]+ s to 19\.[0-9]+ s in all", said[0]):
        fail("syn-filtered", "it does not say between what and what they gave up: %s" % said)


def main():
    with open(os.path.join(FOLDER, "expect.tsv"), encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))
    there = {os.path.basename(p)[:-len(".pcap.gz")] for p in glob.glob(os.path.join(FOLDER, "*.pcap.gz"))}
    for name in there ^ {row["name"] for row in rows}:
        fail(name, "stands in the table or in the folder only")
    for row in rows:
        if sys.argv[1:] in ([], [row["name"]]):
            check(row)
    answers()
    gave_up()
    if not rows:
        fail("expect.tsv", "is empty")
    if not bad:
        print("scenarios: %d captures" % len(rows))


main()
sys.exit(bool(bad))
