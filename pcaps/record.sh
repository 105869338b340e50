#!/bin/bash
#
# record.sh: makes the captures of this folder anew, from real servers.
#
# Everything runs in network namespaces of its own (tsmrec_*) and a temporary folder: no packet
# leaves this machine, and nothing is left behind. SOURCES.md says what each capture shows.
# Written for Debian 12; needs root, for the namespaces.

set -u
export PYTHONDONTWRITEBYTECODE=1	# the scripts of record/ leave nothing there

HERE=$(cd "$(dirname "$0")" && pwd)/record
OUT=$(dirname "$HERE")
PYTHON=${PYTHON:-python3}

usage() {
	cat <<END
usage: $0 [-l] [-o DIR] [NAME]...

Records the captures NAME (without .pcap; default: all) into DIR (default: the folder of this script).
A capture that shares its traffic with others is re-made together with them.

  -l      list the captures, those of one recording on one line
  -o DIR  the output folder
END
}

# ---- what can be recorded ------------------------------------------------------------------

declare -A MADE_BY	# capture -> the function that records it
SCENARIOS=()		# the functions, in the order they were declared

# scenario FUNCTION CAPTURE...
scenario() {
	local function=$1 name
	shift
	SCENARIOS+=("$function")
	for name; do
		MADE_BY[$name]=$function
	done
}

list() {
	local function name
	for function in "${SCENARIOS[@]}"; do
		for name in "${!MADE_BY[@]}"; do
			[ "${MADE_BY[$name]}" = "$function" ] && echo "$name"
		done | sort | paste -sd ' '
	done
}

for part in net http proxy smtp tls dns tcp network tunnels links redis mysql tiers vrrp http2 nfs findings files incidents memcached pgsql beanstalk; do
	. "$HERE/$part.sh"
done

# ---- the run -------------------------------------------------------------------------------

die() {
	echo "$0: $*" >&2
	exit 2
}

check_packages() {
	local missing=() tool
	while read -r tool package; do
		command -v "$tool" >/dev/null || missing+=("$package")
	done <<-END
		ip iproute2
		tcpdump tcpdump
		tshark tshark
		nginx nginx-light
		wrk wrk
		curl curl
		ethtool ethtool
		nft nftables
		mkfs.ext4 e2fsprogs
		$PYTHON python3
		gzip gzip
		redis-server redis-server
		memcached memcached
		beanstalkd beanstalkd
		psql postgresql-client
		pg_isready postgresql
		redis-cli redis-tools
		keepalived keepalived
		nghttp nghttp2-client
		nghttpx nghttp2-proxy
		nghttpd nghttp2-server
		gcc gcc
		ganesha.nfsd nfs-ganesha-vfs
		rpcbind rpcbind
		nfs-ls libnfs-utils
		postfix postfix
		saslpasswd2 sasl2-bin
		swaks swaks
		openssl openssl
		dnsmasq dnsmasq-base
		dig bind9-dnsutils
		mariadbd mariadb-server
		mariadb mariadb-client
		mariadb_config libmariadb-dev
		sysbench sysbench
	END
	"$PYTHON" -c 'import pymysql' 2>/dev/null || missing+=(python3-pymysql)
	"$PYTHON" -c 'import grpc' 2>/dev/null || missing+=(python3-grpcio)
	"$PYTHON" -c 'import psycopg' 2>/dev/null || missing+=(python3-psycopg)
	[ ${#missing[@]} -eq 0 ] || die "please install: apt-get install ${missing[*]}"
}

clean_up() {
	net_down
	rm -rf "$WORK"
}

# holds_packets FILE: tcpdump alone opens neither compressed captures nor all of pcapng.
holds_packets() {
	local first
	case $1 in
	*.pcapng) first=$(tshark -c 1 -nr "$1" 2>/dev/null) ;;	# link types may differ
	*.gz) first=$(gzip -dc "$1" 2>/dev/null | tcpdump -c 1 -nr - 2>/dev/null) ;;
	*) first=$(tcpdump -c 1 -nr "$1" 2>/dev/null) ;;
	esac
	[ -n "$first" ]
}

# deliver: moves what a scenario recorded to the output folder; an empty capture is an error.
deliver() {
	local file to status=0
	for file in "$WORK"/out/*.pcap*; do
		if [ ! -e "$file" ] || ! holds_packets "$file"; then
			echo "$1: $(basename "$file") holds no packet" >&2
			status=1
			continue
		fi
		chmod 644 "$file"
		to=$OUT
		if [ -n "${PACKED[$(basename "$file" .pcap)]:-}" ]; then
			gzip -9n "$file"
			file=$file.gz
			to=$OUT/scenarios
			mkdir -p "$to"
		fi
		mv "$file" "$to/"
		printf '%8d  %s\n' "$(stat -c %s "$to/$(basename "$file")")" "$(basename "$file")"
	done
	return $status
}

# play FUNCTION: one scenario, in a fresh network.
play() {
	local status=0
	rm -rf "$WORK/out"
	mkdir "$WORK/out"
	net_up || die "cannot make the network"
	"$1" || status=1
	net_down
	deliver "$1" || status=1
	[ $status -eq 0 ] || echo "$0: $1 failed" >&2
	return $status
}

while getopts hlo: option; do
	case $option in
	h) usage; exit 0 ;;
	l) list; exit 0 ;;
	o) OUT=$OPTARG ;;
	*) usage >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))

wanted=()
for name; do
	[ -n "${MADE_BY[$name]:-}" ] || die "no capture is called $name; $0 -l lists them"
	wanted+=("${MADE_BY[$name]}")
done
[ $# -gt 0 ] || wanted=("${SCENARIOS[@]}")

[ "$(id -u)" = 0 ] || die "must be run by root: it makes network namespaces"
check_packages
ip netns list | grep -q '^tsmrec_' &&
	die "namespaces tsmrec_* exist: another run is at work, or left them (ip netns del NAME)"
mkdir -p "$OUT" || exit 2
OUT=$(cd "$OUT" && pwd)

WORK=$(mktemp -d) || exit 2
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
chmod 755 "$WORK"	# nginx reads its pages as another user
mkdir "$WORK/log" "$WORK/tmp"
make_site

failed=0
for function in $(printf '%s\n' "${wanted[@]}" | awk '!seen[$0]++'); do
	play "$function" || failed=1
done
exit $failed
