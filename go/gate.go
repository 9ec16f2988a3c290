package cidrgate

import (
	"errors"
	"math/big"
	"net/netip"
	"sync"
	"sync/atomic"
)

// A Gate is the policy of a running service. Look-ups never wait, and never see a mixture of two policies. Any number
// of goroutines may use one. A nil gate denies.
type Gate struct {
	now    atomic.Pointer[generation]
	writer sync.Mutex // one replacement at a time
}

type generation struct {
	policy *Policy
	number uint64
}

// A Guard judges a replacement before it takes effect, and may refuse it.
type Guard struct {
	judge func(next *Policy, change *Change) error
}

// A Change is what a replacement changes.
type Change struct {
	// Generation counts the policies of a gate, from 1. It is that of the new policy.
	Generation uint64
	// Old and New are the fingerprints of the policies.
	Old, New [32]byte
	// NewlyAllowed and NewlyDenied are the smallest lists of networks that cover the addresses with another answer, IPv4
	// first, rising.
	NewlyAllowed, NewlyDenied []netip.Prefix
	// NewlyAllowedCount and NewlyDeniedCount are how many addresses those are.
	NewlyAllowedCount, NewlyDeniedCount *big.Int
}

// ErrNoPolicy is what [Gate.Replace] fails with if it is given none.
var ErrNoPolicy = errors.New("cidrgate: no policy to replace the old one with")

// NewGate makes a gate that has a policy. With nil it denies everything until it gets one.
func NewGate(policy *Policy) *Gate {
	g := new(Gate)
	g.now.Store(&generation{policy, 1})
	return g
}

// Policy gives the policy of this moment, to ask it several questions. It is nil if the gate has none.
func (g *Gate) Policy() *Policy {
	if g == nil {
		return nil
	}
	if now := g.now.Load(); now != nil {
		return now.policy
	}
	return nil
}

// Generation gives the number of the policy of this moment, which is 1 for that of [NewGate] and one more after each
// replacement. It is 0 if the gate was not made by NewGate.
func (g *Gate) Generation() uint64 {
	if g == nil {
		return 0
	}
	if now := g.now.Load(); now != nil {
		return now.number
	}
	return 0
}

// Allows tells whether an address may come in, as [Policy.Allows] does.
func (g *Gate) Allows(addr netip.Addr) bool {
	return g.Policy().Allows(addr)
}

// Decide tells whether an address may come in, and why, as [Policy.Decide] does.
func (g *Gate) Decide(addr netip.Addr) Decision {
	return g.Policy().Decide(addr)
}

// Replace puts another policy in the place of the old one, if every guard agrees, and tells what that changes. If a
// guard refuses, the old policy stays; the error is the guard's, and the change is what would have been. Without a
// policy to take (nil) it fails with [ErrNoPolicy].
//
// Look-ups that have started are answered by the old policy, all later ones by the new one. It takes time in proportion
// to the edges of both policies.
func (g *Gate) Replace(next *Policy, guards ...Guard) (Change, error) {
	if next.isZero() {
		return Change{}, ErrNoPolicy
	}
	g.writer.Lock()
	defer g.writer.Unlock()
	old := g.Policy()
	change := old.change(next)
	change.Generation = g.Generation() + 1
	for _, guard := range guards {
		if guard.judge == nil {
			continue
		}
		if err := guard.judge(next, &change); err != nil {
			return change, err
		}
	}
	g.now.Store(&generation{next, change.Generation})
	return change, nil
}

// change compares two policies.
func (p *Policy) change(next *Policy) Change {
	change := Change{
		Old: p.Fingerprint(), New: next.Fingerprint(),
		NewlyAllowedCount: new(big.Int), NewlyDeniedCount: new(big.Int),
	}
	old := &index{}
	if p != nil {
		old = &p.answers
	}
	for _, v6 := range []bool{false, true} {
		differences(old, &next.answers, v6, func(r run, allowed bool) {
			if allowed {
				change.NewlyAllowed = r.networks(change.NewlyAllowed, v6)
				change.NewlyAllowedCount.Add(change.NewlyAllowedCount, r.count(v6))
			} else {
				change.NewlyDenied = r.networks(change.NewlyDenied, v6)
				change.NewlyDeniedCount.Add(change.NewlyDeniedCount, r.count(v6))
			}
		})
	}
	return change
}

// differences gives the runs of addresses that two indices answer differently, and how the second does.
func differences(old, next *index, v6 bool, each func(run, bool)) {
	of, nf := old.family(v6), next.family(v6)
	var i, j uint32
	var open *word
	var allowed bool
	for i < of.count || j < nf.count {
		var at word
		switch {
		case j == nf.count || i < of.count && old.key(of, i).less(next.key(nf, j)):
			at = old.key(of, i)
			i++
		case i == of.count || next.key(nf, j).less(old.key(of, i)):
			at = next.key(nf, j)
			j++
		default:
			at = next.key(nf, j)
			i++
			j++
		}
		if open != nil {
			each(run{*open, at}, allowed)
			open = nil
		}
		if i&1 != j&1 {
			open, allowed = &at, j&1 == 1
		}
	}
	if open != nil {
		each(run{*open, word{}}, allowed)
	}
}
