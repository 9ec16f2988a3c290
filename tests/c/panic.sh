#!/usr/bin/env bash
# Panics injected into every call. The third argument is a library that was built with --cfg cidrgate_test_panic.
. "$(dirname "$0")/common.sh"

$CC "${c11[@]}" panic.c -o "$out/panic" "$3" "${needs[@]}"
# Rust says of each where it was.
"$out/panic" 2> "$out/panic.log" || fail "$(tail -3 "$out/panic.log")"
grep -q 'injected' "$out/panic.log" || fail "no panic was seen"
