#!/bin/bash
# DNS: rewritten captures give the same transactions: property.py says how.
. "${0%/*}/python.sh"
PROTOCOL=dns exec python3 "$here/property.py"
