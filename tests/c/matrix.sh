#!/usr/bin/env bash
# Compiles both headers and the header's example with every compiler that is there, in every version of the language.
. "$(dirname "$0")/common.sh"

printf '#include <cidrgate.h>\n' > "$out/header.c"
printf '#include <cidrgate_sockaddr.h>\n' > "$out/sockaddr.c"

compile() { # COMPILER LANGUAGE STANDARD FLAG...
    local compiler=$1 language=$2 standard=$3 source
    shift 3
    have "$compiler" "$compiler -std=$standard" || return 0
    for source in header sockaddr example; do
        "$compiler" -x "$language" -std="$standard" "$@" -I"$prefix/include" -c "$out/$source.c" -o "$out/matrix.o" ||
            fail "$compiler -std=$standard: $source"
    done
    done=$((done + 1))
}

done=0
for compiler in gcc clang; do
    for standard in c99 c11 c17 c2x; do
        compile "$compiler" c "$standard" "${c_warnings[@]}"
    done
done
compile clang-19 c c23 "${c_warnings[@]}"
for standard in c++11 c++14 c++17 c++20; do
    compile g++ c++ "$standard" "${warnings[@]}" -Wundef
    compile clang++ c++ "$standard" "${warnings[@]}" -Wundef
done
[ "$done" -gt 0 ] || fail "no compiler at all"
echo "matrix: $done compilers and standards"
