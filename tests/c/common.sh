# What the scripts beside it share. They are called with the prefix that cidrgate is installed in, and a folder to work
# in. A tool that is missing is named, and what needs it is left out.

set -Eeuo pipefail
trap 'echo "$0: line $LINENO failed" >&2' ERR
cd "$(dirname "$0")"
prefix=$1 out=$2
root=$(cd ../.. && pwd)
export LD_LIBRARY_PATH="$prefix/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
mkdir -p "$out"

CC=${CC:-cc}
warnings=(-Wall -Wextra -Wpedantic -Wconversion -Werror)
c_warnings=("${warnings[@]}" -Wundef -Wstrict-prototypes)
c11=(-std=c11 -D_POSIX_C_SOURCE=200809L -pthread -g "${c_warnings[@]}" -I"$prefix/include")
suite=(main.c use.c errors.c sets.c misuse.c sockaddr.c threads.c images.c corpus.c)
shared=(-L"$prefix/lib" -lcidrgate)
# As pkg-config says it, for where there is none.
read -ra needs < <(sed -n 's/^Libs.private: *//p' "$prefix/lib/pkgconfig/cidrgate.pc")
static=("$prefix/lib/libcidrgate.a" "${needs[@]}")

left_out() { echo "LEFT OUT: $*" >&2; }
have() { command -v "$1" > /dev/null || { left_out "$2: there is no $1"; return 1; }; }
fail() { echo "$*" >&2; exit 1; }

# The example in the header, as a program.
sed -n '/^ \*     #include <cidrgate.h>/,/^ \*     }$/ s/^ \* \{0,5\}//p' "$prefix/include/cidrgate.h" > "$out/example.c"
expected=$'denied\nline 1: lost laptop'

# Tells what a program printed, unless that is what was expected.
prints() {
    local wanted=$1 found
    shift
    found=$("$@") || true
    [ "$found" = "$wanted" ] || fail "$* printed: $found; expected: $wanted"
}
