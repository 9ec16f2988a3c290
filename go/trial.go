package cidrgate

import (
	"errors"
	"sync/atomic"
	"time"
)

// A Trial is a policy that is taken back unless it is confirmed, from [Gate.ReplaceFor]. To let go of it changes nothing.
type Trial struct {
	gate   *Gate
	term   *term
	change Change
}

// A TrialState is what has become of a [Trial].
type TrialState uint32

const (
	// TrialOpen: it waits to be confirmed.
	TrialOpen TrialState = iota
	// TrialConfirmed: it was confirmed in time.
	TrialConfirmed
	// TrialRolledBack: it was not, and what was before it has come back.
	TrialRolledBack
	// TrialSuperseded: something newer has taken its place, and will stay or has a trial of its own.
	TrialSuperseded
)

// String gives "open", "confirmed", "rolled-back" or "superseded".
func (s TrialState) String() string {
	switch s {
	case TrialOpen:
		return "open"
	case TrialConfirmed:
		return "confirmed"
	case TrialRolledBack:
		return "rolled-back"
	case TrialSuperseded:
		return "superseded"
	}
	return "unknown"
}

// ErrNotOnTrial is what [Gate.Confirm] and [Trial.Confirm] fail with if there is nothing to confirm.
var ErrNotOnTrial = errors.New("cidrgate: no policy is on trial: the time to confirm it is over, or another has taken its place")

// ReplaceFor replaces the policy on trial: it answers from now on, and unless it is confirmed within that time, the
// policy before it comes back by itself. It is for a change that may lock out those who would have to undo it.
//
// What comes back is the last policy that was not on trial itself, as a new generation; no guard judges it. If the gate
// had none, everything is denied again. The answers change at the deadline, neither before nor after, since each look-up
// reads the clock while a policy is on trial: there is no timer that could be late. With a time of 0 or less the trial is
// over at once. The clock may stand still while the machine sleeps.
//
// It fails as [Gate.Replace] does, without a trial; a [RefusedError] tells what would have changed. Nothing has happened
// then, and a trial that is open goes on.
func (g *Gate) ReplaceFor(next *Policy, within time.Duration, guards ...Guard) (*Trial, error) {
	change, term, err := g.exchange(next, max(within, 0), guards)
	if err != nil {
		return nil, err
	}
	return &Trial{g, term, change}, nil
}

// Confirm confirms the policy on trial: it stays. It gives its generation. If none is on trial, or not any more, it fails
// with [ErrNotOnTrial]. Where there may be several trials, one after the other, [Trial.Confirm] confirms none but its own.
func (g *Gate) Confirm() (uint64, error) {
	return g.confirm(nil)
}

// confirm confirms the trial of this term or, with nil, whatever is on trial.
func (g *Gate) confirm(own *term) (uint64, error) {
	if g == nil {
		return 0, ErrNotOnTrial
	}
	g.writer.Lock()
	defer g.writer.Unlock()
	live := g.now.Load()
	if live == nil || live.term == nil || own != nil && live.term != own || !live.term.keep(TrialConfirmed, g) {
		return 0, ErrNotOnTrial
	}
	g.now.Store(&generation{policy: live.policy, number: live.number, since: live.since})
	return live.number, nil
}

// Change gives what changed when the trial began.
func (t *Trial) Change() Change {
	return t.change
}

// Generation gives the number of the policy that is on trial.
func (t *Trial) Generation() uint64 {
	return t.change.Generation
}

// Deadline gives the time at which the trial ends unless it is confirmed.
func (t *Trial) Deadline() time.Time {
	return t.term.deadline
}

// State tells what has become of the trial by now. It never waits.
func (t *Trial) State() TrialState {
	return t.term.state(t.gate)
}

// Confirm confirms the policy: it stays. To confirm it twice is fine. If the time is over, or something newer has taken
// its place, it fails with [ErrNotOnTrial].
func (t *Trial) Confirm() error {
	if _, err := t.gate.confirm(t.term); err != nil && t.State() != TrialConfirmed {
		return err
	}
	return nil
}

// forGood stands for the time of a replacement that is not on trial.
const forGood time.Duration = -1

// A term is how long a trial lasts, and what it comes to. That is decided once: whoever looks after the deadline ends it
// if nobody has decided before. So look-ups, confirmations and newer policies agree, whatever their order.
type term struct {
	deadline time.Time
	decided  atomic.Uint32 // a TrialState
}

// state gives what it has come to by now.
func (t *term) state(g *Gate) TrialState {
	state := TrialState(t.decided.Load())
	if state == TrialOpen && !g.time().Before(t.deadline) {
		return t.decide(TrialRolledBack)
	}
	return state
}

// decide decides, unless that has been done. It gives what it has come to.
func (t *term) decide(state TrialState) TrialState {
	if t.decided.CompareAndSwap(uint32(TrialOpen), uint32(state)) {
		return state
	}
	return TrialState(t.decided.Load())
}

// keep makes sure that the trial does not end any more, unless it has.
func (t *term) keep(state TrialState, g *Gate) bool {
	return t.state(g) == TrialOpen && t.decide(state) == state
}

// try puts a policy on trial, after another one. What comes back is made now, so that a look-up has nothing to allocate.
func (next *generation) try(live *generation, within time.Duration) {
	if live.back != nil { // never confirmed, so nothing to come back to
		live = live.back
	}
	next.term = &term{deadline: next.since.Add(within)}
	next.back = &generation{policy: live.policy, number: next.number + 1, since: next.term.deadline}
}

// tried gives what answers where a policy is, or was, on trial. The first to see that the trial has ended puts what comes
// back in its place; that needs no lock, since nobody else exchanges what has ended.
func (g *Gate) tried(live *generation) *generation {
	if live.term.state(g) != TrialRolledBack {
		return live
	}
	g.now.CompareAndSwap(live, live.back)
	return live.back
}

func (g *Gate) time() time.Time {
	if g.clock != nil {
		return g.clock()
	}
	return time.Now()
}
