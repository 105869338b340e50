"""Seeds of the targets whose inputs are words: filter, options."""

FILTERS = {
    "status": b"http.response.status_code >= 500 and event.duration > 200ms",
    "set": b'client.ip in {10.0.0.0/8, 192.0.2.1} and not url.path ~ "^/health"',
    "there": b"status",
    "names": b"tcp.port == 80 or ip.addr == 192.0.2.1",
    "text": b'url.path contains "a" or url.path == "\\x41\\n"',
    "time": b"@timestamp < 2020-09-13T12:26:40Z",
    "deep": b"(" * 70 + b"status" + b")" * 70,
    "long": b" or ".join([b"status==OK"] * 180),
    "pattern": b'url.path ~ "(a+)+$"',
    "open": b'url.path == "a',
    "never": b'type == "nothing" and server.port > 70000',
    "words": bytes(range(0x80, 0x100, 2)),
    "more-words": bytes([0xA5, 0x85, 0xAA, 0x80, 0xA3, 0x80, 0xA1, 0x88, 0xA8]),
}

OPTIONS = {
    "read": b"-r\nx.pcap\n--report\n-n",
    "filter-file": b"-F\n\x01\n-i\nlo\0tcp port 80 # what\nand host 192.0.2.1",
    "list": b"-V\n\x01\n--json\0a.pcap\nb.pcap\r\n\nc",
    "write": b"-r\nx\n-w\ny.pcap\n-C\n1\n-G\n5\n-W\n3",
    "outputs": b"-r\nx\n--json\n-o\na\n--report=html\n-o\nb\n--har\nc",
    "same": b"-r\nx\n--json\n-o\na\n--har\na",
    "decode": b"-d\ntcp/8080=http\n-d\nudp/99999=dns",
    "threshold": b"--threshold\nslow=1s\n--threshold\nshare=5%\n--threshold\nnothing=1",
    "words": b"tcp\nport\n80",
    "all": b"\n".join(bytes([i]) for i in range(0x9A, 0x100)),
    "near": b"--repotr\n--jsno",
    "value": b"--memory\n18446744073709551616\n--memory\n1.5GiB\n-c\n-1",
    "empty-list": b"-V\n\x01\0\n\n",
    "binary-filter": b"-F\n\x01\0\x01\xff\0\x1b[31m",
}
