#!/bin/sh
# embed.sh CSS JS ... - the style and the script (of several files, one function) as arrays of C, for
# html_assets.h.
array() { # NAME, its bytes on standard input
	echo "const unsigned char $1[] = {"
	od -An -v -tx1 | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo "};"
	echo "const size_t $1_size = sizeof($1);"
}
echo '/* Made by embed.sh. */'
echo '#include "out/html_assets.h"'
array html_css <"$1"
shift
{
	printf '"use strict";\n(function () {\n'
	cat "$@"
	printf '})();\n'
} | array html_js
