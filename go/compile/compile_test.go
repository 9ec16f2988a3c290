package compile

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"example.com/cidrgate"
)

const office = `default deny
deny  203.0.113.77                     # lost laptop
allow 203.0.113.0/24, 2001:db8::/48    # the office
`

func Example() {
	policy, err := Parse("allow 203.0.113.0/24 # the office\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(policy.Decide(netip.MustParseAddr("203.0.113.10")).Note)

	_, err = Parse("allow 203.0.113.0/24\nallow 172.0.0.10/16\n")
	var fault *ParseError
	if errors.As(err, &fault) {
		fmt.Println(fault.Line, fault.Column)
	}
	// Output:
	// the office
	// 2 7
}

func TestImage(t *testing.T) {
	image, err := Image(office)
	if err != nil {
		t.Fatal(err)
	}
	// The sizes that docs/image.md gives.
	if len(image) != 853 {
		t.Errorf("%d bytes", len(image))
	}
	verdicts, err := Image(office, VerdictsOnly())
	if err != nil || len(verdicts) != 224 {
		t.Errorf("%d bytes, %v", len(verdicts), err)
	}
	again, err := Image(`{"default":"deny","rules":[{"action":"deny","source":"203.0.113.77"},`+
		`{"action":"allow","source":["203.0.113.0/24","2001:db8::/48"]}]}`, JSON(), VerdictsOnly())
	if err != nil || string(again) != string(verdicts) {
		t.Errorf("JSON: %v", err)
	}
	policy := MustParse(office)
	decision := policy.Decide(netip.MustParseAddr("203.0.113.77"))
	want := cidrgate.Decision{Line: 2, Note: "lost laptop", Network: netip.MustParsePrefix("203.0.113.77/32")}
	if decision != want {
		t.Errorf("%+v", decision)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		text         string
		line, column int
		count        int
	}{
		{"", 0, 0, 1},
		{"default deny\nallow 010.0.0.1\n", 2, 7, 1},
		{"allow 1.2.3.4\x00\n", 1, 14, 1},
		{"allow 1.2.3.4/16\nallow nobody\n\nblah\n", 1, 7, 3},
		{strings.Repeat("allow x\n", 250), 1, 7, 100},
	} {
		policy, err := Parse(c.text)
		var fault *ParseError
		if policy != nil || !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), "cidrgate: ") || fault.Msg == "" {
			t.Errorf("%.20q: %v", c.text, err)
			continue
		}
		if c.line != 0 && (fault.Line != c.line || fault.Column != c.column) || len(fault.All) != c.count {
			t.Errorf("%.20q: %d:%d, %d faults: %v", c.text, fault.Line, fault.Column, len(fault.All), err)
		}
	}
	if _, err := Parse("allow 172.0.0.10/16\n", Lenient()); err != nil {
		t.Error(err)
	}
	defer func() {
		if recover() == nil {
			t.Error("MustParse takes anything")
		}
	}()
	MustParse("allow 1.2.3\n")
}

// Nothing of C stays behind, with the collector at work in between.
func TestMemoryStaysFlat(t *testing.T) {
	if _, err := os.Stat("/proc/self/statm"); err != nil {
		t.Skip("LEFT OUT: the size of this process")
	}
	size := func() (pages int) {
		text, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscanf(string(text), "%d %d", new(int), &pages); err != nil {
			t.Fatal(err)
		}
		return pages * os.Getpagesize()
	}
	run := func(times int) {
		for i := range times {
			if _, err := Image(office); err != nil {
				t.Fatal(err)
			}
			if _, err := Image("allow x\n"); err == nil {
				t.Fatal("no fault")
			}
			if i%100 == 0 {
				runtime.GC()
			}
		}
	}
	run(500)
	before := size()
	run(5000)
	// A leak of one small object a call would be more than this.
	if grown := size() - before; grown > 4<<20 {
		t.Errorf("grown by %d bytes", grown)
	}
}
