#!/bin/sh
# embed.sh NAME FILE ... - files as arrays of C, for html_assets.h.
echo '/* Made by embed.sh. */'
echo '#include "out/html_assets.h"'
while [ $# -ge 2 ]; do
	echo "const unsigned char $1[] = {"
	od -An -v -tx1 "$2" | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo "};"
	echo "const size_t $1_size = sizeof($1);"
	shift 2
done
