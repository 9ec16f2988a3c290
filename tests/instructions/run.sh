#!/bin/sh
# Counts the instructions of look-ups and builds under callgrind and compares them with those recorded beside this file.
# A count may be some per cent above the record; who means it to be more records it: `make instructions-update`.
# Usage: run.sh PROGRAM [--update]
set -eu
program=$1
record=$(dirname "$0")/recorded.tsv
slack=3 # per cent

if ! command -v valgrind > /dev/null; then
	echo "LEFT OUT: instruction counts: valgrind is not here"
	exit 0
fi
# Another compiler writes other instructions.
made_with="# $(${RUSTC:-rustc} --version | cut -d' ' -f1-2), $(uname -m)"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$program" --instructions list > "$scratch/cases"
while read -r case; do
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='*counted_by_callgrind*' \
		"$program" --instructions "$case" > /dev/null 2> "$scratch/log" < /dev/null || { cat "$scratch/log" >&2; exit 1; }
	count=$(sed -n 's/.*Collected *: *//p' "$scratch/log")
	if [ "${count:-0}" -eq 0 ]; then
		echo "$case: nothing was counted" >&2
		exit 1
	fi
	printf '%s\t%s\n' "$case" "$count"
done < "$scratch/cases" > "$scratch/counts"

if [ "${2:-}" = --update ]; then
	{ echo "$made_with"; cat "$scratch/counts"; } > "$record"
	echo "recorded: $record"
	exit 0
fi
if [ "$(head -n 1 "$record")" != "$made_with" ]; then
	cat "$scratch/counts"
	echo "LEFT OUT: instruction counts: recorded with $(head -n 1 "$record"), this is $made_with"
	exit 0
fi
awk -F '\t' -v slack="$slack" '
	/^#/ { next }
	NR == FNR { recorded[$1] = $2; next }
	{ seen[$1] = 1 }
	!($1 in recorded) { print $1 ": not recorded"; bad = 1; next }
	{ change = ($2 / recorded[$1] - 1) * 100 }
	change > slack { printf "%s: %d instructions, %+.1f %% (recorded: %d)\n", $1, $2, change, recorded[$1]; bad = 1 }
	change < -slack { printf "%s: %d instructions, %+.1f %%: worth recording\n", $1, $2, change }
	END {
		for (name in recorded) if (!(name in seen)) { print name ": recorded, but not there"; bad = 1 }
		if (bad) print "if that is meant: make instructions-update"
		exit bad
	}' "$record" "$scratch/counts"
