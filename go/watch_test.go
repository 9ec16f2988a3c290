package cidrgate

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatch(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "image")
	type event struct {
		change Change
		err    error
	}
	events := make(chan event, 100)
	gate := NewGate(nil)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	keep := KeepAllowed(netip.MustParsePrefix("203.0.113.10/32"))
	go func() {
		ended <- gate.Watch(ctx, name, time.Millisecond, func(change Change, err error) { events <- event{change, err} }, keep)
	}()
	wait := func(what string) event {
		t.Helper()
		select {
		case event := <-events:
			return event
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing happened: %s", what)
			panic("unreachable")
		}
	}
	// Written beside it and renamed, so that it is never half there.
	write := func(image []byte) {
		t.Helper()
		if err := os.WriteFile(name+".new", image, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name+".new", name); err != nil {
			t.Fatal(err)
		}
	}
	in := netip.MustParseAddr("203.0.113.10")

	if event := wait("no file"); !errors.Is(event.err, os.ErrNotExist) {
		t.Error(event.err)
	}
	image := examplePainting().image()
	write(image)
	if event := wait("the first image"); event.err != nil || event.change.Generation != 2 || !gate.Allows(in) {
		t.Error(event)
	}
	write(image[:100])
	var bad *ImageError
	if event := wait("half an image"); !errors.As(event.err, &bad) || bad.Offset != 16 || !gate.Allows(in) {
		t.Error(event)
	}
	closed := examplePainting()
	closed.rules[1].allow = false
	write(closed.image())
	var refused *RefusedError
	if event := wait("a refused image"); !errors.As(event.err, &refused) || refused.Witness != in || !gate.Allows(in) {
		t.Error(event)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if event := wait("no file again"); !errors.Is(event.err, os.ErrNotExist) || !gate.Allows(in) {
		t.Error(event)
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if event := wait("a folder"); event.err == nil || !gate.Allows(in) {
		t.Error(event)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if event := wait("no file once more"); !errors.Is(event.err, os.ErrNotExist) {
		t.Error(event)
	}
	// A symbolic link through another one, which changes, as for mounted configuration.
	for _, version := range []string{"1", "2"} {
		if err := os.Mkdir(filepath.Join(folder, version), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open := examplePainting()
	open.otherwise = true
	for version, p := range map[string]painting{"1": examplePainting(), "2": open} {
		if err := os.WriteFile(filepath.Join(folder, version, "image"), p.image(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(folder, "data.new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(folder, "data.new"), filepath.Join(folder, "data")); err != nil {
			t.Fatal(err)
		}
	}
	link("1")
	if err := os.Symlink(filepath.Join("data", "image"), name); err != nil {
		t.Fatal(err)
	}
	if event := wait("the first link"); event.err != nil || event.change.Generation != 3 {
		t.Error(event)
	}
	link("2")
	if event := wait("the second link"); event.err != nil || event.change.Generation != 4 || !gate.Allows(netip.MustParseAddr("::1")) {
		t.Error(event)
	}
	stop()
	if err := <-ended; err != context.Canceled {
		t.Error(err)
	}
	if gate.Watch(context.Background(), name, 0, nil) == nil {
		t.Error("watched every 0 seconds")
	}
	if len(events) != 0 {
		t.Error((<-events).err)
	}
}
