package cidrgate

import (
	"errors"
	"math/big"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Gate is the policy of a running service. Look-ups never wait, and never see a mixture of two policies. Any number
// of goroutines may use one. A nil gate denies.
//
// While a policy is on trial ([Gate.ReplaceFor]) each look-up also reads the clock, and at no other time.
type Gate struct {
	now     atomic.Pointer[generation]
	writer  sync.Mutex            // one replacement or confirmation at a time
	watched atomic.Pointer[error] // what is wrong with the file that is watched
	clock   func() time.Time      // time.Now unless a test has another
}

// A generation is a policy that answers, or did, or may again.
type generation struct {
	policy *Policy
	number uint64
	since  time.Time
	term   *term       // nil unless it is on trial
	back   *generation // what answers if its trial ends unconfirmed
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
	g.now.Store(&generation{policy: policy, number: 1, since: time.Now()})
	return g
}

// current gives what answers at this moment; nil if the gate was not made by NewGate and has no policy yet.
func (g *Gate) current() *generation {
	if g == nil {
		return nil
	}
	now := g.now.Load()
	if now == nil || now.term == nil {
		return now
	}
	return g.tried(now)
}

// Policy gives the policy of this moment, to ask it several questions. It is nil if the gate has none. It stays as it is
// when the gate goes on, also when it was on trial and is rolled back.
func (g *Gate) Policy() *Policy {
	if now := g.current(); now != nil {
		return now.policy
	}
	return nil
}

// Generation gives the number of the policy of this moment, which is 1 for that of [NewGate] and one more for each policy
// that took another's place, those that came back included. It is 0 if the gate was not made by NewGate.
func (g *Gate) Generation() uint64 {
	if now := g.current(); now != nil {
		return now.number
	}
	return 0
}

// Allows tells whether an address may come in, as [Policy.Allows] does.
func (g *Gate) Allows(addr netip.Addr) bool {
	// This is Policy, written out: a call would take a fifth of the time.
	if g != nil {
		if now := g.now.Load(); now != nil && now.term == nil {
			return now.policy.Allows(addr)
		}
	}
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
// A policy on trial is superseded: it does not come back, and neither does what was before it. What is refused leaves a
// trial as it is.
//
// Look-ups that have started are answered by the old policy, all later ones by the new one. It takes time in proportion
// to the edges of both policies.
func (g *Gate) Replace(next *Policy, guards ...Guard) (Change, error) {
	change, _, err := g.exchange(next, forGood, guards)
	return change, err
}

// exchange replaces the policy for good or, with a time, on trial; of a trial it also gives the term.
func (g *Gate) exchange(next *Policy, within time.Duration, guards []Guard) (Change, *term, error) {
	if next.isZero() {
		return Change{}, nil, ErrNoPolicy
	}
	g.writer.Lock()
	defer g.writer.Unlock()
	for {
		live := g.current()
		if live == nil {
			live = new(generation)
		}
		change := live.policy.change(next)
		change.Generation = live.number + 1
		for _, guard := range guards {
			if guard.judge == nil {
				continue
			}
			if err := guard.judge(next, &change); err != nil {
				return change, nil, err
			}
		}
		if live.term != nil && !live.term.keep(TrialSuperseded, g) {
			continue // its trial ended while it was judged against
		}
		to := &generation{policy: next, number: change.Generation, since: g.time()}
		if within != forGood {
			to.try(live, within)
		}
		g.now.Store(to)
		return change, to.term, nil
	}
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
