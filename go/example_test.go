package cidrgate_test

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"time"

	"example.com/cidrgate"
)

// The policy of the examples, compiled by `cidrgate compile office.policy -o testdata/office.image`.
const office = "testdata/office.image"

func Example() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"203.0.113.10", "::ffff:203.0.113.77", "2001:db8:99::1"} {
		decision := policy.Decide(netip.MustParseAddr(text))
		fmt.Println(text, decision.Action, decision.Line, decision.Note)
	}
	// Output:
	// 203.0.113.10 allow 9 the two offices
	// ::ffff:203.0.113.77 deny 8 lost laptop
	// 2001:db8:99::1 deny 0
}

func ExamplePolicy_Allows() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(policy.Allows(netip.MustParseAddr("203.0.113.10")))
	fmt.Println(policy.Allows(netip.Addr{}))
	// Output:
	// true
	// false
}

func ExamplePolicy_AllowsBatch() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	var allowed []bool // kept from batch to batch
	for range 2 {
		allowed = policy.AllowsBatch(allowed, []netip.Addr{netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("198.51.100.200")})
		fmt.Println(allowed)
	}
	// Output:
	// [true false]
	// [true false]
}

func ExampleGate_Replace() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	gate := cidrgate.NewGate(nil) // denies all until it has a policy
	change, err := gate.Replace(policy)
	fmt.Println(change.Generation, len(change.NewlyAllowed), change.NewlyAllowed[0], err)

	// A policy that locks the administrators out is not taken.
	admins := cidrgate.KeepAllowed(netip.MustParsePrefix("203.0.113.77/32"))
	_, err = gate.Replace(policy, admins)
	fmt.Println(gate.Generation(), err)
	// Output:
	// 2 12 192.0.2.0/26 <nil>
	// 2 cidrgate: refused: an address that must stay allowed would be denied: 203.0.113.77
}

func ExampleGate_ReplaceFor() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	gate := cidrgate.NewGate(nil)
	office := netip.MustParseAddr("203.0.113.10")

	// Nobody confirms that the service can still be reached.
	trial, err := gate.ReplaceFor(policy, 20*time.Millisecond)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(trial.Generation(), trial.State(), gate.Allows(office))
	time.Sleep(30 * time.Millisecond)
	fmt.Println(gate.Generation(), trial.State(), gate.Allows(office))

	// Somebody does, in time.
	if trial, err = gate.ReplaceFor(policy, time.Minute); err != nil {
		log.Fatal(err)
	}
	fmt.Println(trial.Generation(), trial.Confirm(), trial.State(), gate.Allows(office))
	// Output:
	// 2 open true
	// 3 rolled-back false
	// 4 <nil> confirmed true
}

func ExampleMiddleware() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	gate := cidrgate.NewGate(policy)
	hello := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello") })
	server := http.Server{Handler: cidrgate.Middleware(gate)(hello)}
	defer server.Close()
	// server.Serve(listener)
}

func ExampleListener() {
	policy, err := cidrgate.LoadFile(office)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer listener.Close()
	gated := cidrgate.Listener(listener, cidrgate.NewGate(policy), func(conn net.Conn, decision cidrgate.Decision) {
		log.Print(conn.RemoteAddr(), " refused by line ", decision.Line)
	})
	_ = gated // http.Serve(gated, handler)
}
