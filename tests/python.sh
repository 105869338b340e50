# python.sh - for tests that are written in Python: "." it at the beginning. $here is this folder, $TSUMARI the program.
# Without Python the test is skipped.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export TSUMARI=${TSUMARI:-$here/../tsumari} PYTHONDONTWRITEBYTECODE=1
command -v python3 >/dev/null || {
	echo "python3 is not installed"
	exit 77
}
