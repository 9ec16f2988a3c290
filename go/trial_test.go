package cidrgate

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A fakeClock shows what a test says, and counts who looks.
type fakeClock struct {
	at    atomic.Int64
	looks atomic.Int64
}

var fakeStart = time.Now()

func (c *fakeClock) now() time.Time {
	c.looks.Add(1)
	return fakeStart.Add(time.Duration(c.at.Load()))
}

// tried makes a gate with a clock of its own, and four policies of one address each; the gate has the first.
func tried(t *testing.T) (gate *Gate, clock *fakeClock, policies [4]*Policy, is func(which int, generation uint64)) {
	networks := []string{"192.0.2.0/32", "192.0.2.1/32", "192.0.2.2/32", "2001:db8::3/128"}
	for i, network := range networks {
		policies[i] = policyOf(t, network)
	}
	gate, clock = NewGate(policies[0]), new(fakeClock)
	gate.clock = clock.now
	// By every way to ask; -1 is that all are denied.
	is = func(which int, generation uint64) {
		t.Helper()
		for i, network := range networks {
			addr := netip.MustParsePrefix(network).Addr()
			if gate.Allows(addr) != (i == which) || (gate.Decide(addr).Action == Allow) != (i == which) {
				t.Errorf("policy %d answers, not %d", i, which)
			}
		}
		var policy *Policy
		if which >= 0 {
			policy = policies[which]
		}
		status := gate.Status()
		if gate.Policy() != policy || status.Fingerprint != policy.Fingerprint() || gate.Generation() != generation || status.Generation != generation {
			t.Errorf("generation %d, %+v; not %d", gate.Generation(), status, generation)
		}
	}
	return gate, clock, policies, is
}

func mustTry(t *testing.T, gate *Gate, next *Policy, within time.Duration) *Trial {
	t.Helper()
	trial, err := gate.ReplaceFor(next, within)
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

func state(t *testing.T, trial *Trial, want TrialState) {
	t.Helper()
	if state := trial.State(); state != want {
		t.Errorf("%v, not %v", state, want)
	}
}

func TestTrialEndsAtTheDeadline(t *testing.T) {
	gate, clock, policies, is := tried(t)
	trial := mustTry(t, gate, policies[1], 10)
	change := trial.Change()
	if trial.Generation() != 2 || change.Generation != 2 || change.Old != policies[0].Fingerprint() ||
		change.New != policies[1].Fingerprint() || change.NewlyAllowedCount.Int64() != 1 || trial.Deadline() != fakeStart.Add(10) {
		t.Errorf("%+v", trial)
	}
	is(1, 2)
	clock.at.Store(9)
	is(1, 2)
	state(t, trial, TrialOpen)
	clock.at.Store(10)
	is(0, 3)
	state(t, trial, TrialRolledBack)
	if err := trial.Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
	if _, err := gate.Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
	is(0, 3)
	// Since the deadline, whoever has looked when.
	clock.at.Store(25)
	if age := gate.Status().Age; age != 15 {
		t.Error(age)
	}
	if change, err := gate.Replace(policies[2]); err != nil || change.Generation != 4 || change.Old != policies[0].Fingerprint() {
		t.Errorf("%+v %v", change, err)
	}
	is(2, 4)
	state(t, trial, TrialRolledBack)
}

// Each way to ask, and to change, is the first to look after the deadline once.
func TestTrialEndsWhoeverLooksFirst(t *testing.T) {
	in := netip.MustParseAddr("192.0.2.1")
	for i, look := range []func(*testing.T, *Gate, *Trial, *Policy) bool{
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { return gate.Allows(in) },
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { return gate.Decide(in).Action == Allow },
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { return gate.Policy().Allows(in) },
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { return gate.Generation() != 3 },
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { return gate.Status().Generation != 3 },
		func(_ *testing.T, _ *Gate, trial *Trial, _ *Policy) bool { return trial.State() != TrialRolledBack },
		func(_ *testing.T, _ *Gate, trial *Trial, _ *Policy) bool { return trial.Confirm() == nil },
		func(_ *testing.T, gate *Gate, _ *Trial, _ *Policy) bool { _, err := gate.Confirm(); return err == nil },
		func(t *testing.T, gate *Gate, _ *Trial, next *Policy) bool {
			// Judged against what came back: nothing changes.
			_, err := gate.Replace(next, MaxNewlyAllowed(0), MaxNewlyDenied(0))
			return err != nil || gate.Generation() != 4
		},
		func(t *testing.T, gate *Gate, _ *Trial, next *Policy) bool {
			trial, err := gate.ReplaceFor(next, 5, MaxNewlyAllowed(0), MaxNewlyDenied(0))
			return err != nil || trial.Generation() != 4
		},
	} {
		gate, clock, policies, _ := tried(t)
		trial := mustTry(t, gate, policies[1], 10)
		clock.at.Store(10)
		if look(t, gate, trial, policies[0]) {
			t.Errorf("%d still sees the trial", i)
		}
		state(t, trial, TrialRolledBack)
		if gate.Allows(in) {
			t.Errorf("%d: the trial goes on", i)
		}
	}
}

func TestTrialConfirmed(t *testing.T) {
	for _, own := range []bool{false, true} {
		gate, clock, policies, is := tried(t)
		trial := mustTry(t, gate, policies[1], 10)
		clock.at.Store(9)
		if own {
			if err := trial.Confirm(); err != nil {
				t.Error(err)
			}
		} else if generation, err := gate.Confirm(); err != nil || generation != 2 {
			t.Error(generation, err)
		}
		for _, at := range []int64{9, 10, 1000} {
			clock.at.Store(at)
			is(1, 2)
			state(t, trial, TrialConfirmed)
			if age := gate.Status().Age; age != time.Duration(at) {
				t.Error(age)
			}
		}
		if err := trial.Confirm(); err != nil { // twice
			t.Error(err)
		}
		if _, err := gate.Confirm(); err != ErrNotOnTrial {
			t.Error(err)
		}
		// It is what a later trial comes back to.
		mustTry(t, gate, policies[2], 10)
		clock.at.Store(1010)
		is(1, 4)
	}
}

func TestTrialSuperseded(t *testing.T) {
	gate, clock, policies, is := tried(t)
	trial := mustTry(t, gate, policies[1], 10)
	if change, err := gate.Replace(policies[2]); err != nil || change.Old != policies[1].Fingerprint() {
		t.Errorf("%+v %v", change, err)
	}
	state(t, trial, TrialSuperseded)
	if err := trial.Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
	if _, err := gate.Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
	clock.at.Store(100)
	is(2, 3)
	state(t, trial, TrialSuperseded)
}

func TestTrialDuringTrial(t *testing.T) {
	gate, clock, policies, is := tried(t)
	first := mustTry(t, gate, policies[1], 10)
	clock.at.Store(5)
	second := mustTry(t, gate, policies[2], 10)
	state(t, first, TrialSuperseded)
	if err := first.Confirm(); err != ErrNotOnTrial { // not the second's
		t.Error(err)
	}
	state(t, second, TrialOpen)
	clock.at.Store(14)
	is(2, 3)
	clock.at.Store(15)
	is(0, 4) // nobody has confirmed the first
	state(t, second, TrialRolledBack)

	mustTry(t, gate, policies[1], 10)
	mustTry(t, gate, policies[2], 10)
	third := mustTry(t, gate, policies[3], 10)
	is(3, 7)
	if err := third.Confirm(); err != nil {
		t.Error(err)
	}
	clock.at.Store(100)
	is(3, 7)
}

func TestTrialRefused(t *testing.T) {
	gate, clock, policies, is := tried(t)
	keep := KeepAllowed(netip.MustParsePrefix("192.0.2.0/32"))
	trial, err := gate.ReplaceFor(policies[1], 10, keep)
	var refused *RefusedError
	if trial != nil || !errors.As(err, &refused) || refused.Witness.String() != "192.0.2.0" ||
		refused.Change.Generation != 2 || refused.Change.NewlyDeniedCount.Int64() != 1 {
		t.Errorf("%v %v", trial, err)
	}
	is(0, 1)
	if _, err := gate.Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
	if trial, err := gate.ReplaceFor(nil, 10); trial != nil || err != ErrNoPolicy {
		t.Error(err)
	}
	// Refused during a trial, which goes on as if nothing had happened.
	open := mustTry(t, gate, policies[1], 10)
	clock.at.Store(5)
	if _, err := gate.ReplaceFor(policies[2], 10, keep); !errors.As(err, &refused) {
		t.Error(err)
	}
	if _, err := gate.Replace(policies[2], keep); !errors.As(err, &refused) {
		t.Error(err)
	}
	if _, err := gate.Replace(new(Policy)); err != ErrNoPolicy {
		t.Error(err)
	}
	state(t, open, TrialOpen)
	is(1, 2)
	clock.at.Store(10)
	is(0, 3)
	// What comes back is judged by nobody.
	mustTry(t, gate, policies[1], 10)
	if _, err := gate.ReplaceFor(policies[2], 0, MaxNewlyAllowed(1)); err != nil {
		t.Error(err)
	}
	is(0, 6)
}

func TestTrialTimes(t *testing.T) {
	for _, within := range []time.Duration{0, -1, math.MinInt64} {
		gate, _, policies, is := tried(t)
		state(t, mustTry(t, gate, policies[1], within), TrialRolledBack)
		is(0, 3)
	}
	gate, clock, policies, is := tried(t)
	trial := mustTry(t, gate, policies[1], math.MaxInt64)
	clock.at.Store(math.MaxInt64 - 1)
	is(1, 2)
	state(t, trial, TrialOpen)
	if err := trial.Confirm(); err != nil {
		t.Error(err)
	}
	// The real clock has been running, so the end overflows what it counts in.
	gate = NewGate(policies[0])
	state(t, mustTry(t, gate, policies[1], math.MaxInt64), TrialOpen)
}

// A trial that ends while a change is judged against it: the change is judged again, against what came back.
func TestTrialEndsWhileJudging(t *testing.T) {
	gate, clock, policies, is := tried(t)
	trial := mustTry(t, gate, policies[1], 10)
	var judged [][32]byte
	slow := Guard{func(_ *Policy, change *Change) error {
		judged = append(judged, change.Old)
		clock.at.Store(10)
		return nil
	}}
	change, err := gate.Replace(policies[2], slow)
	if err != nil || change.Generation != 4 || len(judged) != 2 || judged[0] != policies[1].Fingerprint() || judged[1] != policies[0].Fingerprint() {
		t.Errorf("%+v %v %x", change, err, judged)
	}
	is(2, 4)
	state(t, trial, TrialRolledBack)
}

// Without a policy before it, what comes back is that everything is denied.
func TestTrialOfTheFirstPolicy(t *testing.T) {
	_, clock, policies, _ := tried(t)
	for i, gate := range []*Gate{NewGate(nil), {}} {
		clock.at.Store(0)
		gate.clock = clock.now
		trial := mustTry(t, gate, policies[1], 10)
		in := netip.MustParseAddr("192.0.2.1")
		if !gate.Allows(in) {
			t.Error("denied on trial")
		}
		clock.at.Store(10)
		if gate.Allows(in) || gate.Policy() != nil || gate.Generation() != trial.Generation()+1 || gate.Generation() != uint64(3-i) {
			t.Error(gate.Generation())
		}
	}
	var none *Gate
	if _, err := none.Confirm(); err != ErrNotOnTrial || none.Status() != (Status{}) || new(Gate).Status() != (Status{}) {
		t.Error(err)
	}
	if _, err := new(Gate).Confirm(); err != ErrNotOnTrial {
		t.Error(err)
	}
}

// The clock is read on trial and at no other time, and a look-up never allocates.
func TestLookupsReadNoClock(t *testing.T) {
	gate, clock, policies, _ := tried(t)
	in := netip.MustParseAddr("192.0.2.1")
	ask := func() int64 {
		before := clock.looks.Load()
		if allocations := testing.AllocsPerRun(100, func() { gate.Allows(in); gate.Decide(in); gate.Policy(); gate.Generation() }); allocations != 0 {
			t.Errorf("%v allocations", allocations)
		}
		return clock.looks.Load() - before
	}
	if looks := ask(); looks != 0 {
		t.Errorf("before: %d looks at the clock", looks)
	}
	trial := mustTry(t, gate, policies[1], 10)
	if looks := ask(); looks != 4*101 {
		t.Errorf("on trial: %d looks at the clock", looks)
	}
	if err := trial.Confirm(); err != nil {
		t.Error(err)
	}
	if looks := ask(); looks != 0 {
		t.Errorf("confirmed: %d looks at the clock", looks)
	}
	mustTry(t, gate, policies[2], 10)
	clock.at.Store(10)
	if looks := ask(); looks != 1 { // of the first, who ends it
		t.Errorf("rolled back: %d looks at the clock", looks)
	}
}

// By the real clock, with nobody to confirm.
func TestTrialOfRealTime(t *testing.T) {
	a, b := policyOf(t, "192.0.2.0/32"), policyOf(t, "192.0.2.1/32")
	gate, in := NewGate(a), netip.MustParseAddr("192.0.2.1")
	trial := mustTry(t, gate, b, 20*time.Millisecond)
	for {
		before := time.Now()
		allowed := gate.Allows(in)
		after := time.Now()
		if allowed && !before.Before(trial.Deadline()) {
			t.Fatalf("allowed %v after the deadline", before.Sub(trial.Deadline()))
		}
		if !allowed {
			if after.Before(trial.Deadline()) {
				t.Fatalf("rolled back %v too early", trial.Deadline().Sub(after))
			}
			break
		}
	}
	state(t, trial, TrialRolledBack)
}

// A confirmation, a newer policy and look-ups meet at the deadline, again and again: all agree on what has become of it.
func TestTrialRaces(t *testing.T) {
	times := 3000
	if testing.Short() {
		times = 500
	}
	random := rand.New(rand.NewPCG(6, 6))
	var seen [4]int
	for i := range times {
		gate, clock, policies, is := tried(t)
		trial := mustTry(t, gate, policies[1], 10)
		clock.at.Store(9)
		var confirmed error
		var newer Change
		steps := []func(){
			func() { clock.at.Store(10) },
			func() { confirmed = trial.Confirm() },
			func() {
				back := false
				for range 20 {
					policy := gate.Policy()
					if back && policy == policies[1] {
						t.Error("a policy that was rolled back answers")
					}
					back = back || policy == policies[0]
				}
			},
		}
		if i%2 == 0 {
			steps = append(steps, func() { newer, _ = gate.Replace(policies[2]) })
		}
		var wait sync.WaitGroup
		start := make(chan struct{})
		random.Shuffle(len(steps), func(a, b int) { steps[a], steps[b] = steps[b], steps[a] })
		for _, step := range steps {
			wait.Add(1)
			go func() {
				defer wait.Done()
				<-start
				step()
			}()
		}
		close(start)
		wait.Wait()
		state := trial.State()
		seen[state]++
		if (confirmed == nil) != (state == TrialConfirmed) {
			t.Fatalf("%v, and confirming said %v", state, confirmed)
		}
		switch {
		case i%2 == 0 && state == TrialRolledBack:
			if newer.Old != policies[0].Fingerprint() {
				t.Fatal("judged against what was rolled back")
			}
			is(2, 4)
		case i%2 == 0:
			if newer.Old != policies[1].Fingerprint() {
				t.Fatal("judged against what did not answer")
			}
			is(2, 3)
		case state == TrialConfirmed:
			is(1, 2)
		case state == TrialRolledBack:
			is(0, 3)
		default:
			t.Fatal(state)
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("open, confirmed, rolled back, superseded: %v", seen)
}
