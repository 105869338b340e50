#!/bin/bash
# MySQL: rewritten captures give the same transactions: property_mysql.py says how.
. "${0%/*}/python.sh"
exec python3 "$here/property_mysql.py"
