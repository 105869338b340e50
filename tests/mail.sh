#!/bin/bash
# SMTP beside Postfix' logs, secrets, masks, and connections that mean harm: mail.py says how.
. "${0%/*}/python.sh"
exec python3 "$here/mail.py"
