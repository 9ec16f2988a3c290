package cidrgate

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"time"
)

// Watch keeps the gate at the image in a file: it takes the file now, looks at it again every so often, and replaces the
// policy when the bytes have changed, until the context is done. Then it returns the error of the context.
//
// Only the bytes count, not times or names, so it does not matter how the file is written: in place, renamed, or behind a
// symbolic link that changes. Whatever is wrong, a missing or half-written file, a bad image, a guard that refuses, keeps
// the policy that is there.
//
// A policy on trial that is there when the file changes is superseded, as by [Gate.Replace]. [Gate.Status] tells anybody
// how things stand.
//
// report, unless it is nil, is told of every replacement, and of every error once until something else happens. It is
// called on the goroutine of Watch.
func (g *Gate) Watch(ctx context.Context, name string, every time.Duration, report func(Change, error), guards ...Guard) error {
	if every <= 0 {
		return errors.New("cidrgate: a file cannot be watched every 0 seconds")
	}
	if report == nil {
		report = func(Change, error) {}
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	var seen [32]byte // of the bytes that were judged last
	said := ""        // the last error, if nothing has happened since
	failed := func(err error) { g.watched.Store(&err) }
	for {
		if image, err := os.ReadFile(name); err != nil {
			seen = [32]byte{}
			failed(err)
			if err.Error() != said {
				said = err.Error()
				report(Change{}, err)
			}
		} else if now := sha256.Sum256(image); now != seen {
			seen = now
			change, err := g.take(image, guards)
			failed(err)
			if err == nil || err.Error() != said {
				said = ""
				if err != nil {
					said = err.Error()
				}
				report(change, err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// A Status is how a gate stands at a moment.
type Status struct {
	// Generation is that of the policy that answers, as [Gate.Generation] gives it.
	Generation uint64
	// Fingerprint is that of its answers; zero if there is no policy.
	Fingerprint [32]byte
	// Age is for how long it has answered. Confirming a policy on trial does not make it younger.
	Age time.Duration
	// Err is why the file that [Gate.Watch] looks at is not what it has put in place; nil if its last look at the file was
	// fine, or nobody has watched one. If several files are watched for one gate, it is of the last that was judged.
	Err error
}

// Status tells how the gate stands. It never waits, and anybody may ask.
func (g *Gate) Status() Status {
	var status Status
	if g == nil {
		return status
	}
	if err := g.watched.Load(); err != nil {
		status.Err = *err
	}
	if now := g.current(); now != nil {
		status.Generation, status.Fingerprint = now.number, now.policy.Fingerprint()
		status.Age = max(g.time().Sub(now.since), 0)
	}
	return status
}

// take replaces the policy by that of an image.
func (g *Gate) take(image []byte, guards []Guard) (Change, error) {
	policy, err := Load(image)
	if err != nil {
		return Change{}, err
	}
	return g.Replace(policy, guards...)
}
