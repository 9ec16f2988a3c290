#!/usr/bin/env bash
# The C suite with tools that look for mistakes with memory. Each is first shown to see the mistakes of bad.c.
. "$(dirname "$0")/common.sh"
cargo=${CARGO:-cargo}

# Fails unless the tool ends bad.c for this mistake, with words of its own.
sees() { # WORDS MISTAKE COMMAND...
    local words=$1 mistake=$2
    shift 2
    if "$@" "$mistake" > "$out/bad.log" 2>&1; then
        fail "$1 does not see: $mistake"
    fi
    grep -qE "$words" "$out/bad.log" || fail "$1 does not tell $mistake: $(tail -3 "$out/bad.log")"
}

sanitize=(-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
export ASAN_OPTIONS=detect_leaks=1

echo "suite, AddressSanitizer and UndefinedBehaviorSanitizer in C:"
$CC "${c11[@]}" "${sanitize[@]}" bad.c -o "$out/bad-asan" "${static[@]}"
$CC "${c11[@]}" "${sanitize[@]}" "${suite[@]}" -o "$out/suite-asan" "${static[@]}"
nm "$out/suite-asan" | grep __asan_init > /dev/null || fail "AddressSanitizer is not in"
nm "$out/suite-asan" | grep __ubsan_handle > /dev/null || fail "UndefinedBehaviorSanitizer is not in"
"$out/bad-asan" none
sees 'runtime error: signed integer overflow' overflow "$out/bad-asan"
sees 'heap-buffer-overflow' overrun "$out/bad-asan"
sees 'LeakSanitizer: detected memory leaks' leak "$out/bad-asan"
CIDRGATE_REPLACES=20000 "$out/suite-asan" ../corpus | grep -E '^(gate|corpus):'

# In C alone it sees no bad read that Rust does.
echo "suite, AddressSanitizer in Rust and C:"
target=$(rustc -vV | sed -n 's/^host: //p')
# The sanitizer is an unstable option of a stable compiler.
RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address "$cargo" rustc --quiet --release --locked --manifest-path "$root/Cargo.toml" \
    -p cidrgate --lib --features capi --crate-type staticlib --target "$target" --target-dir "$out/rust-asan"
checked=("$out/rust-asan/$target/release/libcidrgate.a" "${needs[@]}")
$CC "${c11[@]}" "${sanitize[@]}" bad.c -o "$out/bad-rust-asan" "${checked[@]}"
$CC "${c11[@]}" "${sanitize[@]}" "${suite[@]}" -o "$out/suite-rust-asan" "${checked[@]}"
"$out/bad-rust-asan" none
sees 'heap-use-after-free' used-after-free "$out/bad-rust-asan"
sees 'heap-use-after-free|double-free' freed-twice "$out/bad-rust-asan"
CIDRGATE_REPLACES=1000000 "$out/suite-rust-asan" ../corpus | grep -E '^(gate|corpus):'

if have valgrind "the suite under valgrind"; then
    echo "suite, valgrind:"
    valgrind=(valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,possible)
    $CC "${c11[@]}" bad.c -o "$out/bad" "${shared[@]}"
    $CC "${c11[@]}" "${suite[@]}" -o "$out/suite" "${shared[@]}"
    "${valgrind[@]}" "$out/bad" none
    sees 'Invalid read' used-after-free "${valgrind[@]}" "$out/bad"
    sees 'Invalid (read|free)' freed-twice "${valgrind[@]}" "$out/bad"
    sees 'definitely lost' leak "${valgrind[@]}" "$out/bad"
    # One thread at a time, and slowly.
    CIDRGATE_REPLACES=2000 "${valgrind[@]}" --fair-sched=yes "$out/suite" ../corpus | grep -E '^(gate|corpus):'
    [ ! -x "$out/panic" ] || "${valgrind[@]}" "$out/panic" 2> "$out/panic.log" || fail "$(tail -20 "$out/panic.log")"
fi
