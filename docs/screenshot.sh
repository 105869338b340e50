#!/bin/bash
# Pictures of the live view for the README: drives the program in tmux over bundled captures and
# writes what the screen shows as SVG. usage: docs/screenshot.sh TSUMARI
set -eu
tsumari=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
pcaps=$here/../pcaps
socket=$(mktemp -u)
trap 'tmux -S "$socket" kill-server 2>/dev/null || true' EXIT

picture() { # name, capture, key ...
	local name=$1 capture=$2
	shift 2
	tmux -S "$socket" -f /dev/null new-session -d -x 132 -y 32 \
		"cd '$pcaps' && exec env TERM=tmux-256color LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=/nonexistent '$tsumari' -r $capture"
	sleep 1
	for key in "$@"; do
		tmux -S "$socket" send-keys "$key"
		sleep 0.4
	done
	sleep 0.5
	tmux -S "$socket" capture-pane -p -e | python3 "$here/screenshot.py" >"$here/$name.svg"
	tmux -S "$socket" kill-server
	sleep 0.2
}

picture live-overview http-slow.pcap
picture live-finding syn-backlog.pcap 6 Enter
picture live-detail http-slow.pcap 4 g Enter g Enter
picture live-hosts "http-keepalive.pcap --geoip ../tests/geo/city.mmdb --geoip ../tests/geo/asn.mmdb" 8
picture live-packet http-slow.pcap 4 g Enter g P Enter j j
picture live-ladder tiers.pcap 7 H
