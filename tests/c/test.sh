#!/usr/bin/env bash
# The C tests that `make test` runs, against an installed library.
. "$(dirname "$0")/common.sh"

# What the library shows of itself.
case $(uname -s) in
Linux)
    library=$(readlink -f "$prefix/lib/libcidrgate.so")
    symbols=$(nm -D --defined-only "$library" | awk '{ print $NF }')
    foreign=$(grep -v '^cidrgate_' <<< "$symbols" || true)
    [ -z "$foreign" ] || fail "exported: $foreign"
    # All of what the header declares, and nothing else.
    declared=$(sed 's,//.*,,' "$prefix/include/cidrgate.h" | sed '1,/^ \*\//d' | grep -oE '\bcidrgate_[a-z0-9_]+\(' |
        tr -d '(' | sort -u | grep -v '^cidrgate_check_abi$')
    diff <(sort <<< "$symbols") - <<< "$declared" || fail "the header and the library differ"
    version=$(sed -n 's/^Version: //p' "$prefix/lib/pkgconfig/cidrgate.pc")
    case $version in 0.*) abi=${version%.*} ;; *) abi=${version%%.*} ;; esac
    readelf -d "$library" | grep "SONAME.*\[libcidrgate\.so\.$abi\]" > /dev/null || fail "the SONAME is not libcidrgate.so.$abi"
    ! readelf -d "$library" | grep -E 'NEEDED.*/|R(UN)?PATH' || fail "the library records a path"
    echo "symbols: $(wc -l <<< "$symbols"), libcidrgate.so.$abi"
    # Every function is tried, and tried with a panic inside.
    for symbol in $symbols; do
        grep -qw "$symbol" "${suite[@]}" || fail "no test of $symbol"
        grep -qw "$symbol" panic.c || fail "no test of a panic in $symbol"
    done
    ;;
*) left_out "symbols and SONAME: only looked at on Linux" ;;
esac

echo "suite, shared:"
$CC "${c11[@]}" "${suite[@]}" -o "$out/suite" "${shared[@]}"
"$out/suite" ../corpus
echo "suite, static:"
$CC "${c11[@]}" "${suite[@]}" -o "$out/suite-static" "${static[@]}"
env -u LD_LIBRARY_PATH "$out/suite-static" ../corpus | tail -1

# The header's example, as the header says.
if have pkg-config "the example by pkg-config"; then
    # It quotes for a shell.
    eval "flags=($(pkg-config --cflags --libs cidrgate))"
    $CC "$out/example.c" "${flags[@]}" -o "$out/example"
    prints "$expected" "$out/example"
    eval "flags=($(pkg-config --cflags --libs --static cidrgate))"
    $CC "$out/example.c" "${flags[@]}" -o "$out/example"
    prints "$expected" "$out/example"
    # A program may be static as a whole, or only in this library.
    if $CC -static "$out/example.c" "${flags[@]}" -o "$out/example" 2> "$out/static.log"; then
        prints "$expected" env -u LD_LIBRARY_PATH "$out/example"
    else
        left_out "a static program: $(tail -1 "$out/static.log")"
    fi
    $CC "$out/example.c" -I"$prefix/include" "$(pkg-config --variable=libdir cidrgate)/libcidrgate.a" \
        "${needs[@]}" -o "$out/example"
    prints "$expected" env -u LD_LIBRARY_PATH "$out/example"
    echo "example: shared and static"
fi

# The examples, as a user builds them: copied out of here.
rm -rf "$out/examples"
cp -R "$root/examples/c" "$out/examples"
if have pkg-config "examples/c"; then
    make --silent -C "$out/examples" CFLAGS="-O2 ${c_warnings[*]}"
    ./examples.sh "$prefix" "$out" "$out/examples"
    if have cmake "examples/c by CMake"; then
        cmake -S "$out/examples" -B "$out/examples/build" > "$out/cmake.log"
        cmake --build "$out/examples/build" >> "$out/cmake.log"
        ./examples.sh "$prefix" "$out" "$out/examples/build"
    fi
fi
