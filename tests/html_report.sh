#!/bin/bash
# The HTML report in a headless Chromium: html_report.py. Its form is looked at without one, too.
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
PYTHONDONTWRITEBYTECODE=1 exec python3 "$top_srcdir/tests/html_report.py"
