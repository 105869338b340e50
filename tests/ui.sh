#!/bin/bash
# The live view, driven in tmux and on a pseudo-terminal (ui.py).
set -u
command -v tmux >/dev/null || { echo "tmux is not installed"; exit 77; }
exec python3 "$top_srcdir/tests/ui.py" "$TSUMARI" "$top_srcdir/pcaps"
