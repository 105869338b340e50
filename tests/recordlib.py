"""Records as tests compare them."""
import json


def strip(r):
    """A transaction without what a copy may change: frame numbers, and that there are copies."""
    r = json.loads(json.dumps(r))
    t = r["tsumari"]
    for k in "frame", "ledger", "time":
        t.pop(k, None)
    t["quality"] = [q for q in t.get("quality", []) if q != "duplicate"]
    for k in "flow", "event", "@timestamp", "network":
        r.pop(k, None)
    return json.dumps(r, sort_keys=True)
