#!/bin/sh
# The command against Debian's iprange and grepcidr, as processes: the same files, the same results, wall time and peak
# memory, the best of some runs in turn. Prints a table.
# Usage: processes.sh CIDRGATE [DATA]
set -eu
cidrgate=$1
data=${2:-${CIDRGATE_DATA:-$(dirname "$0")/../../shared/data}}
runs=${RUNS:-5}
echo "### As processes"
echo
for needed in iprange grepcidr /usr/bin/time; do
	if ! command -v "$needed" > /dev/null; then
		echo "LEFT OUT: processes: $needed is not here (Debian: apt install iprange grepcidr time)"
		exit 0
	fi
done
if [ ! -d "$data" ]; then
	echo "LEFT OUT: real lists"
	exit 0
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The same shuffle each time.
shuffled() { awk 'BEGIN { srand(7) } { printf "%.9f\t%s\n", rand(), $0 }' | sort | cut -f2; }
zcat "$data/bgp/full-table-v4-v6.prefixes.txt.gz" | tr -d '\r' | grep -v : | shuffled > "$scratch/full"
awk 'BEGIN { srand(9); for (i = 0; i < 1000000; i++) printf "%d.%d.%d.%d\n", rand() * 256, rand() * 256, rand() * 256, rand() * 256 }' > "$scratch/hosts"
plain() { sed 's/[ \t]*#.*//; /^$/d'; }
zcat "$data/country/us-ipv4.txt.gz" | plain > "$scratch/us"
zcat "$data/blocklists/stopforumspam_180d.ipset.gz" | plain > "$scratch/spam"
zcat "$data/logs/apache_combined_2015.log.gz" > "$scratch/part"
for _ in $(seq 100); do cat "$scratch/part"; done > "$scratch/log"

# timed NAME COMMAND...: the output to NAME.out, the best wall time and the peak memory to NAME.time
timed() {
	name=$1
	shift
	/usr/bin/time -f '%e %M' -o "$scratch/one" "$@" > "$scratch/$name.out" || [ $? -eq 1 ]
	tail -n 1 "$scratch/one" >> "$scratch/$name.times"
}
best() { sort -n "$scratch/$1.times" | head -n 1; }

echo "| work | cidrgate, s | MB | peer | s | MB | ratio |"
echo "| --- | --: | --: | --- | --: | --: | --: |"
# row WORK PEER: what `ours` and `theirs` do, which are functions
row() {
	rm -f "$scratch"/*.times
	for _ in $(seq "$runs"); do
		ours
		theirs
	done
	# One writes a host as an address, the other may write /32.
	for who in ours theirs; do sed 's:/32$::' "$scratch/$who.out" | sort > "$scratch/$who.sorted"; done
	cmp -s "$scratch/ours.sorted" "$scratch/theirs.sorted" || { echo "$1: the results differ" >&2; exit 1; }
	echo "$(best ours) $(best theirs)" | awk -v work="$1" -v peer="$2" \
		'{ printf "| %s | %.2f | %.0f | %s | %.2f | %.0f | %.1f |\n", work, $1, $2 / 1024, peer, $3, $4 / 1024, ($1 + 0 ? $3 / $1 : 0) }'
}
for list in full hosts; do
	ours() { timed ours "$cidrgate" merge "$scratch/$list"; }
	theirs() { timed theirs iprange "$scratch/$list"; }
	row "merge, $list" iprange
done
for list in us spam; do
	ours() { timed ours "$cidrgate" filter -c --allow "$scratch/$list" "$scratch/log"; }
	theirs() { timed theirs grepcidr -x -c -f "$scratch/$list" "$scratch/log"; }
	row "filter -c, $list" "grepcidr -x"
done
