package cidrgate

import (
	"fmt"
	"math/big"
	"net/netip"
)

// A RefusedError says why a guard refused a replacement.
type RefusedError struct {
	Reason string
	// Witness is an address for which the reason holds; the zero Addr if the reason is a number.
	Witness netip.Addr
	// Change is what the change would have been.
	Change Change
}

func (e *RefusedError) Error() string {
	if !e.Witness.IsValid() {
		return "cidrgate: refused: " + e.Reason
	}
	return fmt.Sprintf("cidrgate: refused: %s: %v", e.Reason, e.Witness)
}

// KeepAllowed refuses a policy that denies any address of the networks, whether or not the old one allows them all: the
// networks of those who must never be locked out.
func KeepAllowed(networks ...netip.Prefix) Guard {
	return keep(networks, true, "an address that must stay allowed would be denied")
}

// KeepDenied refuses a policy that allows any address of the networks.
func KeepDenied(networks ...netip.Prefix) Guard {
	return keep(networks, false, "an address that must stay denied would be allowed")
}

// MaxNewlyAllowed refuses a policy that allows more addresses than so many which are denied now.
func MaxNewlyAllowed(addresses uint64) Guard {
	return most(addresses, "newly allowed", func(c *Change) *big.Int { return c.NewlyAllowedCount })
}

// MaxNewlyDenied refuses a policy that denies more addresses than so many which are allowed now.
func MaxNewlyDenied(addresses uint64) Guard {
	return most(addresses, "newly denied", func(c *Change) *big.Int { return c.NewlyDeniedCount })
}

func most(addresses uint64, what string, count func(*Change) *big.Int) Guard {
	return Guard{func(_ *Policy, change *Change) error {
		if n := count(change); n.Cmp(new(big.Int).SetUint64(addresses)) > 0 {
			return &RefusedError{Reason: fmt.Sprintf("%v addresses would be %s, more than %d", n, what, addresses), Change: *change}
		}
		return nil
	}}
}

func keep(networks []netip.Prefix, allowed bool, reason string) Guard {
	networks = append([]netip.Prefix(nil), networks...)
	return Guard{func(next *Policy, change *Change) error {
		for _, network := range networks {
			at, bits, v6, err := networkOf(network)
			if err != nil {
				return err
			}
			if witness, found := next.answers.other(at, bits, v6, allowed); found {
				return &RefusedError{Reason: reason, Witness: witness.addr(v6), Change: *change}
			}
		}
		return nil
	}}
}

// networkOf gives a network as a number and a length. One inside the mapped block is the IPv4 network. Host bits do not
// count.
func networkOf(network netip.Prefix) (at word, bits int, v6 bool, err error) {
	at, v6, ok := wordOf(network.Addr())
	bits = network.Bits()
	if network.Addr().Is4In6() {
		if bits -= 96; bits < 0 {
			// A shorter prefix is IPv6, though its address looks like one that is mapped.
			bits += 96
			at, v6 = mappedFirst, true
		}
	}
	if !ok || !network.IsValid() {
		return at, bits, v6, fmt.Errorf("cidrgate: refused: the guard has a network that is none: %v", network)
	}
	mask := hosts(bits)
	return word{at.h &^ mask.h, at.l &^ mask.l}, bits, v6, nil
}

// other finds an address of a network that has another answer than the one that is wanted.
func (x *index) other(at word, bits int, v6, allowed bool) (word, bool) {
	last := lastOf(at, bits)
	for {
		// Nobody can ask for an IPv6 address in the mapped block.
		if v6 && at.mapped() {
			if at = mappedEnd; last.less(at) {
				return word{}, false
			}
		}
		f := x.family(v6)
		rank := x.rank(f, at.h, at.l)
		if rank&1 == 1 != allowed {
			return at, true
		}
		if at = x.run(f, rank).end; at == (word{}) || last.less(at) {
			return word{}, false
		}
	}
}
