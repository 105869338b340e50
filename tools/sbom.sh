#!/bin/sh
# sbom.sh PROGRAM VERSION - what PROGRAM is linked to, as SPDX 2.3 in JSON on standard output: each library that
# it names, with the package it lies in and that package's version where dpkg or rpm know, the file's
# SHA-256, and what those libraries are linked to themselves. `make sbom` writes it to tsumari.spdx.json.
set -eu
program=$1 version=$2
direct=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p')
hash=$(sha256sum <"$program" | cut -d' ' -f1)

. /etc/os-release 2>/dev/null || ID=unknown
owner() { # FILE: "kind package version architecture" of the package it lies in
	real=$(readlink -f "$1")
	if command -v dpkg-query >/dev/null 2>&1; then
		# dpkg may know the file by the place it had before /lib became a link.
		p=$(dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || true)
		p=$(printf '%s' "$p" | head -n 1 | sed 's/: .*//; s/,.*//')
		[ -z "$p" ] || dpkg-query -W -f 'deb ${Package} ${Version} ${Architecture}' "$p"
	elif command -v rpm >/dev/null 2>&1; then
		rpm -qf --qf 'rpm %{NAME} %{VERSION}-%{RELEASE} %{ARCH}' "$real" 2>/dev/null || true
	fi
}

quote() {
	printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'
}

cat <<EOF
{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "tsumari-$version",
  "documentNamespace": "https://spdx.org/spdxdocs/tsumari-$version-$hash",
  "creationInfo": {"created": "$(date -u -d "@${SOURCE_DATE_EPOCH:-$(date +%s)}" +%Y-%m-%dT%H:%M:%SZ)", "creators": ["Tool: tsumari-sbom"]},
  "packages": [
    {"SPDXID": "SPDXRef-tsumari", "name": "tsumari", "versionInfo": "$version", "downloadLocation": "NOASSERTION",
     "filesAnalyzed": false, "checksums": [{"algorithm": "SHA256", "checksumValue": "$hash"}]}
EOF
LC_ALL=C ldd "$program" | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' | LC_ALL=C sort | while read -r name file; do
	what=$(owner "$file")
	id=$(printf '%s' "$name" | tr -c 'A-Za-z0-9.-' -)
	printf '    ,{"SPDXID": "SPDXRef-%s", "name": "%s", "downloadLocation": "NOASSERTION", "filesAnalyzed": false,\n' "$id" "$(quote "$name")"
	[ -z "$what" ] || {
		# shellcheck disable=SC2086
		set -- $what
		printf '     "versionInfo": "%s",\n' "$(quote "$3")"
		printf '     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:%s/%s/%s@%s?arch=%s"}],\n' \
			"$1" "$ID" "$(quote "$2" | sed 's/+/%2B/g')" "$(quote "$3" | sed 's/+/%2B/g; s/~/%7E/g; s/:/%3A/g')" "$4"
	}
	printf '     "checksums": [{"algorithm": "SHA256", "checksumValue": "%s"}]}\n' "$(sha256sum <"$file" | cut -d' ' -f1)"
done
cat <<EOF
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-tsumari"}
EOF
LC_ALL=C ldd "$program" | sed -n 's/^[[:space:]]*\([^ ]*\) => \(\/[^ ]*\) .*/\1 \2/p' | LC_ALL=C sort | while read -r name file; do
	id=$(printf '%s' "$name" | tr -c 'A-Za-z0-9.-' -)
	if printf '%s\n' "$direct" | grep -qxF "$name"; then
		printf '    ,{"spdxElementId": "SPDXRef-tsumari", "relationshipType": "DYNAMIC_LINK", "relatedSpdxElement": "SPDXRef-%s"}\n' "$id"
	fi
	readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' | LC_ALL=C sort | while read -r other; do
		case $other in ld-linux*) continue ;; esac
		printf '    ,{"spdxElementId": "SPDXRef-%s", "relationshipType": "DYNAMIC_LINK", "relatedSpdxElement": "SPDXRef-%s"}\n' \
			"$id" "$(printf '%s' "$other" | tr -c 'A-Za-z0-9.-' -)"
	done
done
printf '  ]\n}\n'
