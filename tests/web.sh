#!/bin/bash
# --web: the page and its data over HTTP, to whom they are for, whoever else asks and however slowly; the page
# in a headless Chromium while it is captured.
set -u
python3 "$top_srcdir/tests/web.py" "$TSUMARI" "$top_srcdir/pcaps" || exit
exec python3 "$top_srcdir/tests/web_page.py" "$TSUMARI"
