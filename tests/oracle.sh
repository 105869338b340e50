#!/bin/bash
# The captures of pcaps/ as tshark sees them: oracle.py compares, oracle-known.txt lists the faults
# of tshark that are known.
here=$(cd "$(dirname "$0")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
for program in python3 tshark; do
	command -v "$program" >/dev/null || {
		echo "$program is not installed"
		exit 77
	}
done
exec python3 "$here/oracle.py" --known "$here/oracle-known.txt" "$here"/../pcaps/*.pcap*
