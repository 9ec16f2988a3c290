#!/usr/bin/env bash
# Runs the programs of examples/c, which are in the folder that is the third argument.
. "$(dirname "$0")/common.sh"
programs=$3

cat > "$out/loopback.policy" << 'END'
deny  127.0.0.2          # the other one
allow 127.0.0.0/8, ::1   # this machine
END

prints "denied by line 1: the other one" "$programs/why" "$out/loopback.policy" 127.0.0.2
prints "allowed by line 2: this machine" "$programs/why" "$out/loopback.policy" ::ffff:127.0.0.1
prints "denied: no rule names it" "$programs/why" "$out/loopback.policy" 192.0.2.1
! "$programs/why" "$out/loopback.policy" 127.1 2> "$out/why.log" || fail "why takes 127.1"
grep -q octets "$out/why.log"

# More lines than one batch holds, and lines without an address.
for ((line = 0; line < 1000; line++)); do
    echo "127.0.0.$((line % 4)) - GET /$line"
done > "$out/access.log"
echo "- no address" >> "$out/access.log"
"$programs/log_filter" "$out/loopback.policy" < "$out/access.log" > "$out/allowed.log" 2> "$out/filter.log"
diff <(grep '^127' "$out/access.log" | grep -v '^127\.0\.0\.2 ') "$out/allowed.log"
grep -q ' 1 lines without' "$out/filter.log"

$CC -D_POSIX_C_SOURCE=200809L "${warnings[@]}" connect.c -o "$out/connect"
server=
trap '[ -z "$server" ] || kill "$server"' EXIT

# Listens at ADDRESS, connects from FROM to TO, and compares what the client and the server say.
gate() { # ADDRESS TO: then pairs of FROM and what the server says of it
    local address=$1 to=$2 port= from said
    shift 2
    : > "$out/server.log"
    "$programs/gate_server" "$out/loopback.policy" "$address" 0 > "$out/server.log" 2>&1 &
    server=$!
    for ((tries = 0; tries < 100; tries++)); do
        port=$(sed -n 's/^listening.* port //p' "$out/server.log")
        [ -z "$port" ] && kill -0 "$server" 2> /dev/null || break
        sleep 0.05
    done
    if [ -z "$port" ]; then
        left_out "gate_server at $address: $(cat "$out/server.log")"
        wait "$server" || true
        server=
        return
    fi
    while [ $# -gt 0 ]; do
        from=$1 said=$2 code=0
        shift 2
        "$out/connect" "$from" "$to" "$port" > "$out/client.log" || code=$?
        if [ "$code" = 3 ]; then
            left_out "gate_server at $address from $from: not an address of this machine"
            continue
        fi
        for ((tries = 0; tries < 100; tries++)); do
            grep -qxF "$said" "$out/server.log" && break
            sleep 0.05
        done
        grep -qxF "$said" "$out/server.log" || fail "gate_server at $address: not '$said' but $(cat "$out/server.log")"
        case $said in
        *allowed) grep -qx welcome "$out/client.log" || fail "gate_server at $address turned $from away" ;;
        *) [ ! -s "$out/client.log" ] || fail "gate_server at $address let $from in" ;;
        esac
        gates=$((gates + 1))
    done
    kill "$server"
    wait "$server" 2> /dev/null || true
    server=
}

# The policy is read again: a good one is taken, a bad one and a lockout are not.
reloads() {
    local port= said
    cp "$out/loopback.policy" "$out/live.policy"
    echo 127.0.0.1 > "$out/keep.list"
    "$programs/gate_server" "$out/live.policy" 127.0.0.1 0 "$out/keep.list" > "$out/server.log" 2>&1 &
    server=$!
    says "listening at 127.0.0.1"
    port=$(sed -n 's/^listening.* port //p' "$out/server.log")
    "$out/connect" 127.0.0.1 127.0.0.1 "$port" | grep -qx welcome
    for said in "alow 127.0.0.1|live.policy: line 1, column 1: " "allow 127.0.0.2|would deny 127.0.0.1, which must stay" \
        "allow 127.0.0.1|replaced, generation 2"; do
        echo "${said%%|*}" > "$out/live.policy"
        kill -HUP "$server"
        says "${said#*|}"
    done
    "$out/connect" 127.0.0.1 127.0.0.1 "$port" | grep -qx welcome
    kill "$server"
    wait "$server" 2> /dev/null || true
    server=
}

says() { # WORDS: the server says so, soon
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        ! grep -qF "$1" "$out/server.log" || return 0
        sleep 0.05
    done
    fail "gate_server did not say '$1' but $(cat "$out/server.log")"
}

gates=0
reloads
gate 0.0.0.0 127.0.0.1 127.0.0.1 "127.0.0.1 allowed" 127.0.0.2 "127.0.0.2 denied by line 1: the other one"
gate ::1 ::1 ::1 "::1 allowed"
# A dual-stack socket.
gate :: 127.0.0.1 127.0.0.1 "::ffff:127.0.0.1 allowed" \
    127.0.0.2 "::ffff:127.0.0.2 denied by line 1: the other one"
gate :: ::1 ::1 "::1 allowed"
echo "examples: why, log_filter, gate_server ($gates connections, 3 reloads)"
