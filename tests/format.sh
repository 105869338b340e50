#!/bin/bash
# Every C file is as the committed .clang-format wants it.
cd "$top_srcdir" || exit 1
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
find src dissectors ui tests examples -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
