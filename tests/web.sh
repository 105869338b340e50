#!/bin/bash
# --web: the page and its data over HTTP, to whom they are for, whoever else asks and however slowly.
set -u
exec python3 "$top_srcdir/tests/web.py" "$TSUMARI" "$top_srcdir/pcaps"
