#!/bin/bash
# SMTP: rewritten captures give the same transactions: property.py says how.
. "${0%/*}/python.sh"
PROTOCOL=smtp exec python3 "$here/property.py"
