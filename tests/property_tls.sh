#!/bin/bash
# TLS: rewritten captures give the same transactions: property.py says how.
. "${0%/*}/python.sh"
PROTOCOL=tls exec python3 "$here/property.py"
