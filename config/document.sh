#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# document.sh DOCUMENT MANUAL SAMPLE [--check] - put settings and events, as the program
# knows them, between their marks in the manual, and the settings into the sample
# configuration; or only look whether they are there.
set -eu
program=$1 manual=$2 sample=$3 check=${4:-}
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
for part in settings events metrics; do
	"$program" $part | fold -s -w 79 | sed 's/ *$//' >"$new/$part"
done
"$program" sample >"$new/sample"
awk -v dir="$new" '
	/^\.\\" end of / { inside = 0 }
	!inside { print }
	/^\.\\" [a-z]*, generated/ {
		inside = 1
		file = dir "/" $2
		sub(",$", "", file)
		while ((getline line < file) > 0) print line
	}
' "$manual" >"$new/manual"
if [ "$check" = --check ]; then
	cmp -s "$new/manual" "$manual" || { echo "$manual is behind config/options.def or server/events.def: make man"; exit 1; }
	cmp -s "$new/sample" "$sample" || { echo "$sample is behind config/options.def: make man"; exit 1; }
else
	cat "$new/manual" >"$manual"
	cat "$new/sample" >"$sample"
fi
