#!/bin/bash
# HTTP/2 and gRPC in the bundled captures against tshark's reading of the same frames: each request
# with its stream, method and path, each final response with its status, each gRPC status, and the
# frames they stand in.
set -u
command -v tshark >/dev/null || { echo "tshark is not installed"; exit 77; }
exec python3 - "$TSUMARI" "$top_srcdir/pcaps" <<'END'
import collections, json, os, subprocess, sys

program, folder = sys.argv[1:]
CAPTURES = ["http2", "http2-load", "http2-window", "http2-push", "http2-upgrade", "grpc"]
bad, total = 0, 0

def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=True, timeout=120).stdout

def every(node, key):
    """All dictionaries below that have the key."""
    if isinstance(node, dict):
        if key in node:
            yield node
        for value in node.values():
            yield from every(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from every(value, key)

def headers(node):
    """name: value of a header block, the first of each."""
    found = {}
    for h in every(node, "http2.header.name"):
        found.setdefault(h["http2.header.name"], h.get("http2.header.value"))
    return found

def seen_by_tshark(path, *forced):
    requests, responses, grpc = (collections.Counter() for _ in range(3))
    ports = [x for p in (8081, 8083, 50051, *forced) for x in ("-d", "tcp.port==%d,http2" % p)]
    packets = json.loads(output("tshark", "-nr", path, *ports, "-2", "-Y", "http2", "-T", "json",
                                "--no-duplicate-keys"))
    for p in packets:
        layers = p["_source"]["layers"]
        tcp, frame = layers["tcp"], int(layers["frame"]["frame.number"])
        for s in every(layers["http2"], "http2.streamid"):
            if s.get("http2.type") == "5":
                h, stream = headers(s), int(s["http2.push_promise.promised_stream_id"])
                requests[tcp["tcp.dstport"], stream, h[":method"], h.get(":path")] += 1
            if s.get("http2.type") not in ("1", "9"):
                continue
            h, stream = headers(s), int(s["http2.streamid"])
            if ":method" in h:
                requests[tcp["tcp.srcport"], stream, h[":method"], h.get(":path")] += 1
            if h.get(":status", "100") >= "200":
                responses[tcp["tcp.dstport"], stream, int(h[":status"]), frame] += 1
            if "grpc-status" in h:
                grpc[tcp["tcp.dstport"], stream, int(h["grpc-status"])] += 1
    return requests, responses, grpc

def seen_by_us(path):
    requests, responses, grpc = (collections.Counter() for _ in range(3))
    for line in output(program, "-r", path, "--json", "--types", "http2").splitlines():
        r = json.loads(line)
        who = str(r["client"]["port"]), r["tsumari"]["http2"]["stream_id"]
        if "request" in r["http"] and not r["tsumari"]["http2"].get("upgraded"):
            requests[(*who, r["method"], r.get("path"))] += 1
        if "response" in r["http"]:
            responses[(*who, r["http"]["response"]["status_code"],
                       r["tsumari"]["frame"]["response_first"])] += 1
        if "status" in r["tsumari"].get("grpc", {}):
            grpc[(*who, r["tsumari"]["grpc"]["status"])] += 1
    return requests, responses, grpc

# A response that came after the client had called its stream off belongs to no transaction.
LATE = {("grpc", 9, 200), ("grpc", 9, 4)}
for name in CAPTURES:
    path = os.path.join(folder, name + ".pcap")
    seen = seen_by_tshark(path)
    if name == "http2-upgrade": # with prior knowledge it must be told, upgraded it must not
        seen = [a | b for a, b in zip(seen, seen_by_tshark(path, 8082))]
    for what, want, got in zip(("requests", "responses", "gRPC statuses"), seen, seen_by_us(path)):
        total += sum(got.values())
        missing = [k for k in want - got if (name, *k[1:3]) not in LATE]
        if missing or got - want:
            bad += 1
            print("%s, %s: tshark only %s; ours only %s" % (name, what, missing[:4], list(got - want)[:4]))
if not bad:
    print("http2: %d requests, responses and gRPC statuses as tshark has them" % total)
sys.exit(bad > 0 or total < 300)
END
