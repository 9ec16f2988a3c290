package cidrgate

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// policyOf makes a policy that allows some networks.
func policyOf(t testing.TB, networks ...string) *Policy {
	t.Helper()
	p := painting{rules: []rule{{allow: true}}, lines: [2]segments{{owners: []int{-1}}, {owners: []int{-1}}}}
	for _, text := range networks { // rising, and none beside another
		network := netip.MustParsePrefix(text)
		at, family := number(network.Addr())
		s := &p.lines[family]
		size := new(big.Int).Lsh(big.NewInt(1), uint(network.Addr().BitLen()-network.Bits()))
		if at.Sign() == 0 {
			s.owners[0] = 0
		} else {
			s.edges, s.owners = append(s.edges, at), append(s.owners, 0)
		}
		if end := new(big.Int).Add(at, size); end.BitLen() <= network.Addr().BitLen() {
			s.edges, s.owners = append(s.edges, end), append(s.owners, -1)
		}
	}
	policy, err := Load(p.verdictsOnly())
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func TestGate(t *testing.T) {
	var none *Gate
	addr := netip.MustParseAddr("192.0.2.1")
	if none.Allows(addr) || new(Gate).Allows(addr) || none.Decide(addr).Rule != -1 || none.Generation() != 0 || new(Gate).Generation() != 0 {
		t.Error("a gate without a policy")
	}
	gate := NewGate(nil)
	if gate.Allows(addr) || gate.Generation() != 1 {
		t.Error("a gate without a policy")
	}
	if _, err := gate.Replace(nil); !errors.Is(err, ErrNoPolicy) {
		t.Error(err)
	}
	policy := policyOf(t, "192.0.2.0/24")
	change, err := gate.Replace(policy)
	if err != nil || !gate.Allows(addr) || gate.Decide(addr).Action != Allow || gate.Generation() != 2 || gate.Policy() != policy {
		t.Error(err)
	}
	if change.Generation != 2 || change.Old != [32]byte{} || change.New != policy.Fingerprint() || change.NewlyAllowedCount.Int64() != 256 {
		t.Errorf("%+v", change)
	}
	if _, err := gate.Replace(new(Policy)); !errors.Is(err, ErrNoPolicy) || gate.Policy() != policy {
		t.Error(err)
	}
	if change, err := new(Gate).Replace(policy); err != nil || change.Generation != 1 {
		t.Error(err)
	}
}

func TestGuards(t *testing.T) {
	gate := NewGate(policyOf(t, "192.0.2.0/24"))
	cases := []struct {
		next    []string
		guard   Guard
		witness string // - if it agrees
	}{
		{[]string{"192.0.2.0/25"}, KeepAllowed(prefixes("192.0.2.0/25")...), "-"},
		{[]string{"192.0.2.0/25"}, KeepAllowed(prefixes("192.0.2.0/24")...), "192.0.2.128"},
		{[]string{"192.0.2.0/25"}, KeepAllowed(prefixes("192.0.2.7/32", "::ffff:192.0.2.200/128")...), "192.0.2.200"},
		{[]string{"192.0.2.0/25"}, KeepAllowed(prefixes("10.0.0.0/8")...), "10.0.0.0"},
		{[]string{"0.0.0.0/0"}, KeepAllowed(prefixes("::ffff:0:0/96")...), "-"},
		{[]string{"0.0.0.0/0"}, KeepAllowed(prefixes("::/0")...), "::"},
		{[]string{"::/0"}, KeepAllowed(prefixes("::/0", "::fffe:0:0/95", "::ffff:0:0/90")...), "-"},
		{[]string{"0.0.0.0/0", "::/0"}, KeepAllowed(prefixes("0.0.0.0/0", "::/0")...), "-"},
		{[]string{"192.0.3.0/24"}, KeepDenied(prefixes("192.0.2.0/23")...), "192.0.3.0"},
		{[]string{"192.0.3.0/24"}, KeepDenied(prefixes("192.0.2.9/24", "2000::/3")...), "-"},
		{[]string{"192.0.3.0/24"}, MaxNewlyAllowed(256), "-"},
		{[]string{"192.0.3.0/24"}, MaxNewlyAllowed(255), ""},
		{[]string{"192.0.3.0/24"}, MaxNewlyDenied(256), "-"},
		{[]string{"192.0.2.0/25"}, MaxNewlyDenied(127), ""},
		{[]string{"::/0"}, MaxNewlyAllowed(1<<64 - 1), ""},
		{[]string{"::/0"}, Guard{}, "-"},
	}
	for i, c := range cases {
		gate := NewGate(gate.Policy())
		old := gate.Policy()
		_, err := gate.Replace(policyOf(t, c.next...), c.guard)
		if c.witness == "-" {
			if err != nil || gate.Policy() == old {
				t.Errorf("%d: %v", i, err)
			}
			continue
		}
		var refused *RefusedError
		if !errors.As(err, &refused) || gate.Policy() != old || gate.Generation() != 1 {
			t.Errorf("%d: %v", i, err)
		} else if refused.Witness.IsValid() && refused.Witness.String() != c.witness || refused.Witness.IsValid() == (c.witness == "") {
			t.Errorf("%d: %v", i, refused)
		}
	}
	if _, err := gate.Replace(policyOf(t, "::/0"), KeepAllowed(netip.Prefix{})); err == nil {
		t.Error("a guard that protects nothing")
	}
}

// The lists of a change, checked by asking: each network is answered so by one policy and otherwise by the other, all
// addresses with another answer are in one, and no two could be one network.
func TestChange(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	for range 300 {
		p, q := random(r, 20), random(r, 20)
		old, err := Load(p.image())
		if err != nil {
			t.Fatal(err)
		}
		next, err := Load(q.image())
		if err != nil {
			t.Fatal(err)
		}
		change, err := NewGate(old).Replace(next)
		if err != nil {
			t.Fatal(err)
		}
		if change.Old != old.Fingerprint() || change.New != next.Fingerprint() {
			t.Fatal("fingerprints")
		}
		in := func(list []netip.Prefix, addr netip.Addr) bool {
			for _, network := range list {
				if network.Contains(addr) {
					return true
				}
			}
			return false
		}
		for _, addr := range append(p.probes(r, 20), q.probes(r, 20)...) {
			addr = addr.Unmap()
			before, after := old.Allows(addr), next.Allows(addr)
			if in(change.NewlyAllowed, addr) != (!before && after) || in(change.NewlyDenied, addr) != (before && !after) {
				t.Fatalf("%v: %v, %v in %v", addr, before, after, change)
			}
		}
		for i, list := range [][]netip.Prefix{change.NewlyAllowed, change.NewlyDenied} {
			sum := new(big.Int)
			for at, network := range list {
				last := new(big.Int).Lsh(big.NewInt(1), uint(network.Addr().BitLen()-network.Bits()))
				sum.Add(sum, last)
				first, family := number(network.Addr())
				if end := address(last.Add(last, first).Sub(last, big.NewInt(1)), family); end.Is4In6() || network.Masked() != network {
					t.Fatalf("%v", network)
				}
				if at > 0 && list[at-1].Addr().Is4() == network.Addr().Is4() && list[at-1].Bits() == network.Bits() && network.Bits() > 0 {
					if wider, _ := network.Addr().Prefix(network.Bits() - 1); wider.Contains(list[at-1].Addr()) {
						t.Fatalf("%v and %v", list[at-1], network)
					}
				}
			}
			count := []*big.Int{change.NewlyAllowedCount, change.NewlyDeniedCount}[i]
			// A run over the mapped block counts it, and its list may leave it out.
			if over := sum.Sub(count, sum); over.Sign() != 0 && over.Cmp(big.NewInt(1<<32)) != 0 {
				t.Fatalf("%v counted, %v too many: %v", count, over, list)
			}
		}
	}
}

func TestLists(t *testing.T) {
	mapped := painting{rules: []rule{{allow: true}}, lines: [2]segments{{owners: []int{-1}}, {owners: []int{0, -1}}}}
	end, _ := number(netip.MustParseAddr("::1:0:0:0"))
	mapped.lines[1].edges = []*big.Int{end}
	p, err := Load(mapped.image())
	if err != nil {
		t.Fatal(err)
	}
	change, err := NewGate(nil).Replace(p)
	// As DESIGN.md says of ::/80.
	if list := change.NewlyAllowed; err != nil || len(list) != 16 || list[0] != netip.MustParsePrefix("::/81") ||
		list[15] != netip.MustParsePrefix("::fffe:0:0/96") || change.NewlyAllowedCount.Int64() != 0xffff<<32 {
		t.Errorf("%v %v", change.NewlyAllowed, err)
	}
	change, err = NewGate(nil).Replace(policyOf(t, "0.0.0.0/0", "::/0"))
	if list := change.NewlyAllowed; err != nil || len(list) != 2 || list[0].String() != "0.0.0.0/0" || list[1].String() != "::/0" {
		t.Errorf("%v %v", change.NewlyAllowed, err)
	}
	if want, _ := new(big.Int).SetString("340282366920938463463374607436063178752", 10); change.NewlyAllowedCount.Cmp(want) != 0 {
		t.Errorf("%v", change.NewlyAllowedCount)
	}
}

// Eight goroutines ask one gate while its policy is replaced again and again, for good and on trial. Pairs of addresses
// that only one policy allows together are never seen torn, and nobody goes back in time. CIDRGATE_REPLACES says how
// often; `make check-deep` asks for 1,000,000.
func TestReplaceWhileAsked(t *testing.T) {
	replaces, err := strconv.ParseUint(os.Getenv("CIDRGATE_REPLACES"), 10, 64)
	if err != nil {
		replaces = 20_000
		if testing.Short() {
			replaces = 2_000
		}
	}
	// The even generations have the first, the odd ones the second.
	policies := [2]*Policy{policyOf(t, "192.0.2.2/32", "198.51.100.2/32", "2001:db8:2::/48"), policyOf(t, "192.0.2.1/32", "198.51.100.1/32", "2001:db8:1::/48")}
	var in [2][3]netip.Addr
	for i, texts := range [2][3]string{{"192.0.2.2", "::ffff:198.51.100.2", "2001:db8:2::1"}, {"192.0.2.1", "::ffff:198.51.100.1", "2001:db8:1::1"}} {
		for j, text := range texts {
			in[i][j] = netip.MustParseAddr(text)
		}
	}
	all := append(in[0][:], in[1][:]...)
	gate := NewGate(policies[1])
	var stop atomic.Bool
	var looks atomic.Uint64
	var wait sync.WaitGroup
	for at := range 8 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var last, count uint64
			var answers []bool
			for ended := false; !ended && !t.Failed(); count++ {
				ended = stop.Load()
				before := gate.Generation()
				policy := gate.Policy()
				answers = policy.AllowsBatch(answers, all)
				even := answers[0]
				for i, allowed := range answers {
					if allowed != (even == (i < 3)) {
						t.Errorf("torn: %v", answers)
					}
				}
				status := gate.Status()
				if status.Fingerprint != policies[status.Generation%2].Fingerprint() {
					t.Errorf("torn: generation %d", status.Generation)
				}
				if before < last || status.Generation < before {
					t.Errorf("generations %d, %d after %d", before, status.Generation, last)
				}
				last = status.Generation
				// One of each pair is allowed at any moment, but the moment may pass between two questions.
				i := (count + uint64(at)) % 3
				one, other := gate.Allows(in[0][i]), gate.Decide(in[1][i]).Action == Allow
				if gate.Generation() == last && (one != (last%2 == 0) || other != (last%2 == 1)) {
					t.Errorf("generation %d: %v, %v", last, one, other)
				}
			}
			looks.Add(count)
		}()
	}
	generation := uint64(1)
	try := func(next *Policy, within time.Duration) *Trial {
		trial, err := gate.ReplaceFor(next, within)
		if err != nil {
			t.Error(err)
			return nil
		}
		generation++
		if trial.Generation() != generation {
			t.Errorf("generation %d, not %d", trial.Generation(), generation)
		}
		return trial
	}
	for range replaces {
		if t.Failed() {
			break
		}
		next := policies[(generation+1)%2]
		switch generation % 16 {
		case 3: // on trial and confirmed
			if trial := try(next, time.Hour); trial == nil || trial.Confirm() != nil {
				t.Error("not confirmed")
			}
		case 7: // on trial until something newer comes
			try(next, time.Hour)
		case 11: // over at once: whoever looks first ends it
			try(next, 0)
			generation++
		default:
			change, err := gate.Replace(next)
			generation++
			if err != nil || change.Generation != generation || change.NewlyAllowedCount.Cmp(change.NewlyDeniedCount) != 0 {
				t.Errorf("%+v %v", change, err)
			}
		}
	}
	stop.Store(true)
	wait.Wait()
	if gate.Generation() != generation {
		t.Error(gate.Generation())
	}
	t.Logf("%d replaces, %d generations, %d looks by 8 goroutines", replaces, generation, looks.Load())
}
