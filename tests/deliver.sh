#!/bin/bash
# --to: records to files, sockets and syslog: whole, once or again with the same id, without anybody
# waiting; what a slow or absent reader does not get is counted.
set -u
exec python3 "$top_srcdir/tests/deliver.py" "$TSUMARI" "$top_srcdir/pcaps"
