#!/bin/bash
# The HTML report in a headless Chromium: html_report.py. Its form is looked at without one, too.
. "${0%/*}/python.sh"
exec python3 "$top_srcdir/tests/html_report.py"
