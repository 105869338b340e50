#!/bin/bash
# SMTP beside Postfix' logs, secrets, masks, and connections that mean harm: mail.py says how.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
python3 "$here/mail.py" || exit 1
PROTOCOL=smtp exec python3 "$here/property.py"
