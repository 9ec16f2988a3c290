package cidrgate

import (
	"context"
	"errors"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Each way in which a file changes, or goes bad, by itself. The good images are the policies of one address each, all of
// the same size, so that neither size nor time tells them apart.
func TestWatchedFiles(t *testing.T) {
	addr := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, last}) }
	image := func(last byte) []byte {
		at, _ := number(addr(last))
		p := painting{rules: []rule{{true, 1, "one address"}}, lines: [2]segments{{owners: []int{-1, 0, -1}}, {owners: []int{-1}}}}
		p.lines[0].edges = []*big.Int{at, new(big.Int).Add(at, big.NewInt(1))}
		return p.image()
	}
	const good = "" // no error
	cases := map[string]func(w *watched){
		"renamed": func(w *watched) {
			w.rename(image(2))
			w.wait(2, good)
		},
		"written in place": func(w *watched) {
			w.write(image(2))
			w.wait(2, good)
		},
		// A writer that stops in the middle, and goes on.
		"half written, shorter": func(w *watched) {
			next := image(2)
			w.write(next[:len(next)/2])
			w.wait(1, "length")
			w.write(next)
			w.wait(2, good)
		},
		"half written over the old one": func(w *watched) {
			next := image(2)
			f, err := os.OpenFile(w.name, os.O_WRONLY, 0)
			w.must(err)
			defer f.Close()
			_, err = f.Write(next[:200])
			w.must(err)
			w.wait(1, "checksum")
			_, err = f.Write(next[200:])
			w.must(err)
			w.wait(2, good)
		},
		"empty": func(w *watched) {
			w.write(nil)
			w.wait(1, "no image")
			w.write(image(2))
			w.wait(2, good)
		},
		"one bit": func(w *watched) {
			next := image(2)
			next[len(next)-1] ^= 1
			w.rename(next)
			w.wait(1, "checksum")
		},
		"deleted": func(w *watched) {
			w.must(os.Remove(w.name))
			w.wait(1, "no such file")
			w.rename(image(2))
			w.wait(2, good)
		},
		"its folder deleted": func(w *watched) {
			w.must(os.RemoveAll(w.folder))
			w.wait(1, "no such file")
			w.must(os.Mkdir(w.folder, 0o700))
			w.rename(image(2))
			w.wait(2, good)
		},
		"time goes back": func(w *watched) {
			w.rename(image(2), time.Unix(1, 0))
			w.wait(2, good)
			w.rename(image(3), time.Unix(0, 0))
			w.wait(3, good)
		},
		"time stays": func(w *watched) {
			before, err := os.Stat(w.name)
			w.must(err)
			w.rename(image(2), before.ModTime())
			after, err := os.Stat(w.name)
			w.must(err)
			if before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
				w.t.Error("the files can be told apart")
			}
			w.wait(2, good)
		},
		// As Kubernetes mounts a ConfigMap: name -> data/image, data -> one of two folders.
		"links exchanged": func(w *watched) {
			for i, version := range []string{"1", "2"} {
				w.must(os.Mkdir(filepath.Join(w.folder, version), 0o700))
				w.must(os.WriteFile(filepath.Join(w.folder, version, "image"), image(byte(2+i)), 0o600))
			}
			link := func(to, name string) {
				name = filepath.Join(w.folder, name)
				w.must(os.Symlink(to, name+".new"))
				w.must(os.Rename(name+".new", name))
			}
			link("1", "data")
			link("data/image", "policy.image")
			w.wait(2, good)
			link("2", "data")
			w.wait(3, good)
			link("nowhere", "data")
			w.wait(3, "no such file")
			link("1", "data")
			w.wait(2, good)
		},
		"refused": func(w *watched) {
			w.rename(image(99)) // the guard of every case
			w.wait(1, "refused")
			w.rename(image(2))
			w.wait(2, good)
		},
		"many changes": func(w *watched) {
			for i := range 200 {
				w.rename(image(byte(3 + i%7)))
			}
			w.rename(image(2))
			w.wait(2, good)
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "folder")
			w := &watched{t: t, gate: NewGate(nil), folder: folder, name: filepath.Join(folder, "policy.image"), addr: addr}
			w.must(os.Mkdir(folder, 0o700))
			w.write(image(1))
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() {
				ended <- w.gate.Watch(ctx, w.name, time.Millisecond, nil, KeepDenied(netip.PrefixFrom(addr(99), 32)))
			}()
			w.wait(1, good)
			change(w)
			stop()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

type watched struct {
	t            *testing.T
	gate         *Gate
	folder, name string
	addr         func(last byte) netip.Addr
}

func (w *watched) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// write writes in place.
func (w *watched) write(image []byte) {
	w.t.Helper()
	w.must(os.WriteFile(w.name, image, 0o600))
}

// rename puts another file in the place of the old one; with a time, as old as that.
func (w *watched) rename(image []byte, modified ...time.Time) {
	w.t.Helper()
	w.must(os.WriteFile(w.name+".new", image, 0o600))
	for _, at := range modified {
		w.must(os.Chtimes(w.name+".new", at, at))
	}
	w.must(os.Rename(w.name+".new", w.name))
}

// wait waits until the gate has the policy of that address, and its status an error that says so; then it looks whether
// that lasts.
func (w *watched) wait(last byte, said string) {
	w.t.Helper()
	is := func() bool {
		status := w.gate.Status()
		if said == "" && status.Err != nil || said != "" && (status.Err == nil || !strings.Contains(status.Err.Error(), said)) {
			return false
		}
		return w.gate.Allows(w.addr(last))
	}
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not so: %d, %q; %+v", last, said, w.gate.Status())
		}
	}
	before := w.gate.Status()
	time.Sleep(10 * time.Millisecond)
	after := w.gate.Status()
	if !is() || after.Generation != before.Generation || after.Fingerprint != before.Fingerprint || after.Age < before.Age+10*time.Millisecond {
		w.t.Fatalf("it does not last: %d, %q; %+v, %+v", last, said, before, after)
	}
	if after.Fingerprint != w.gate.Policy().Fingerprint() {
		w.t.Error("the fingerprint of another policy")
	}
	for other := byte(1); other < 10; other++ {
		if other != last && w.gate.Allows(w.addr(other)) {
			w.t.Errorf("%d is allowed too", other)
		}
	}
}

func TestStatus(t *testing.T) {
	gate, clock, policies, _ := tried(t)
	clock.at.Store(7)
	if _, err := gate.Replace(policies[1]); err != nil {
		t.Fatal(err)
	}
	clock.at.Store(12)
	if got := gate.Status(); got != (Status{Generation: 2, Fingerprint: policies[1].Fingerprint(), Age: 5}) {
		t.Errorf("%+v", got)
	}
	// Of what was refused the gate tells nothing: who called Replace has the error.
	if _, err := gate.Replace(policies[2], MaxNewlyAllowed(0)); err == nil || gate.Status().Err != nil {
		t.Error(err)
	}
	// A file that cannot be watched changes nothing either.
	if err := gate.Watch(context.Background(), "", -1, nil); err == nil || gate.Status().Err != nil {
		t.Error(err)
	}
}
