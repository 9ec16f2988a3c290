package cidrgate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// command gives the path of the cidrgate command, which makes images and is the judge of answers. Without one, what
// needs it is left out; `make test` builds it.
func command(t testing.TB) string {
	t.Helper()
	path := os.Getenv("CIDRGATE_COMMAND")
	if path == "" {
		t.Skip("LEFT OUT: what needs the command; CIDRGATE_COMMAND does not name it")
	}
	return path
}

func compile(t testing.TB, command, policy string, options ...string) []byte {
	t.Helper()
	compile := exec.Command(command, append(append([]string{"compile"}, options...), "-o", "-", "-")...)
	compile.Stdin = strings.NewReader(policy)
	compile.Stderr = os.Stderr
	image, err := compile.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, policy)
	}
	return image
}

func load(t testing.TB, image []byte) *Policy {
	t.Helper()
	policy, err := Load(image)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func corpus(t testing.TB) []string {
	t.Helper()
	policies, err := filepath.Glob("../tests/corpus/*.policy")
	if err != nil || len(policies) < 20 {
		t.Fatalf("%d policies, %v", len(policies), err)
	}
	return policies
}

// realImages are those of the corpus, where they can be had.
func realImages(t testing.TB) (images [][]byte) {
	command := os.Getenv("CIDRGATE_COMMAND")
	if command == "" {
		return nil
	}
	for _, name := range corpus(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		images = append(images, compile(t, command, string(text)), compile(t, command, string(text), "--verdicts-only"))
	}
	return images
}

func TestCorpus(t *testing.T) {
	command := command(t)
	for _, name := range corpus(t) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := os.ReadFile(strings.TrimSuffix(name, "policy") + "answers")
		if err != nil {
			t.Fatal(err)
		}
		full := load(t, compile(t, command, string(text)))
		only := load(t, compile(t, command, string(text), "--verdicts-only"))
		for _, line := range strings.Split(strings.TrimSuffix(string(answers), "\n"), "\n") {
			fields := strings.Split(line, " ")
			addr := netip.MustParseAddr(fields[0])
			decision := full.Decide(addr)
			decides := "default"
			if decision.Rule >= 0 {
				decides = strconv.Itoa(decision.Line)
			}
			if got := fmt.Sprint(fields[0], " ", decision.Action, " ", decides); got != line {
				t.Errorf("%s: %s, not %s", name, got, line)
			}
			allow := fields[1] == "allow"
			if full.Allows(addr) != allow || only.Allows(addr) != allow {
				t.Errorf("%s: %s", name, line)
			}
			if decision := only.Decide(addr); (decision.Action == Allow) != allow || decision.Rule != -1 || decision.Line != 0 {
				t.Errorf("%s: %s: %+v", name, line, decision)
			}
		}
	}
}

// What stands in testdata is what the command makes. `make go-images` makes it anew.
func TestImagesAreFresh(t *testing.T) {
	command := command(t)
	for policy, image := range map[string]string{
		"../examples/office.policy":             "testdata/office.image",
		"../examples/go/testdata/blue.policy":   "../examples/go/testdata/blue.image",
		"../examples/go/testdata/green.policy":  "../examples/go/testdata/green.image",
		"../examples/go/testdata/locked.policy": "../examples/go/testdata/locked.image",
	} {
		text, err := os.ReadFile(policy)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := os.ReadFile(image); err != nil || !bytes.Equal(kept, compile(t, command, string(text))) {
			t.Errorf("%s is not that of %s (%v)", image, policy, err)
		}
	}
}

// The same answers as Rust, for many random policies and addresses.
func TestAnswersOfRust(t *testing.T) {
	command := command(t)
	policies, each := 400, 270
	if testing.Short() {
		policies = 40
	}
	r := rand.New(rand.NewPCG(2, 7))
	pairs := 0
	for range policies {
		text, ends := randomPolicy(r)
		policy := load(t, compile(t, command, text))
		var stdin strings.Builder
		var addrs []netip.Addr
		for range each {
			addr := ends[r.IntN(len(ends))]
			switch r.IntN(5) {
			case 0:
				addr = randomAddr(r)
			case 1:
				addr = addr.Next()
			case 2:
				addr = addr.Prev()
			}
			if addr.IsValid() {
				addrs = append(addrs, addr)
				fmt.Fprintln(&stdin, addr)
			}
		}
		file := filepath.Join(t.TempDir(), "policy")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check := exec.Command(command, "check", "--json", file, "-")
		check.Stdin = strings.NewReader(stdin.String())
		out, err := check.Output()
		if exit, ok := err.(*exec.ExitError); err != nil && (!ok || exit.ExitCode() != 1) {
			t.Fatalf("%v\n%s", err, text)
		}
		lines := bufio.NewScanner(bytes.NewReader(out))
		for _, addr := range addrs {
			var want struct {
				Action string
				Rule   *struct {
					Index, Line int
					Note        string
				}
				Network string
			}
			if !lines.Scan() {
				t.Fatal("too few answers")
			}
			if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
				t.Fatalf("%v: %s", err, lines.Bytes())
			}
			got := policy.Decide(addr)
			rule, line, note := -1, 0, ""
			if want.Rule != nil {
				rule, line, note = want.Rule.Index, want.Rule.Line, want.Rule.Note
			}
			if got.Action.String() != want.Action || got.Rule != rule || got.Line != line || got.Note != note ||
				got.Network.String() != want.Network || policy.Allows(addr) != (want.Action == "allow") {
				t.Fatalf("%v: %+v, not %s\n%s", addr, got, lines.Bytes(), text)
			}
			pairs++
		}
	}
	if pairs < 100_000 && !testing.Short() {
		t.Errorf("only %d pairs", pairs)
	}
	t.Logf("%d pairs", pairs)
}

func randomAddr(r *rand.Rand) netip.Addr {
	family := r.IntN(2)
	return address(randomAddress(r, []uint{32, 128}[family]), family)
}

// randomPolicy writes a policy under any precedence, and gives ends of its targets.
func randomPolicy(r *rand.Rand) (string, []netip.Addr) {
	var text strings.Builder
	precedence := []string{"first-match", "longest-prefix", "deny-overrides", "priority"}[r.IntN(4)]
	actions := []string{"allow", "deny"}
	fmt.Fprintf(&text, "default %s\nprecedence %s\n", actions[r.IntN(2)], precedence)
	ends := []netip.Addr{randomAddr(r), randomAddr(r)}
	for range 1 + r.IntN(30) {
		addr := randomAddr(r).Unmap()
		if r.IntN(2) == 0 {
			addr = ends[r.IntN(len(ends))].Unmap()
		}
		network, err := addr.Prefix(r.IntN(addr.BitLen() + 1))
		if err != nil {
			continue
		}
		last := network.Masked().Addr()
		at, family := number(last)
		width := uint(addr.BitLen() - network.Bits())
		for i := range int(width) {
			at.SetBit(at, i, 1)
		}
		if last = address(at, family); last.Is4In6() {
			continue
		}
		ends = append(ends, network.Addr(), last)
		fmt.Fprintf(&text, "%s %v", actions[r.IntN(2)], network)
		if precedence == "priority" {
			fmt.Fprintf(&text, " priority=%d", r.IntN(5))
		}
		if r.IntN(2) == 0 {
			fmt.Fprintf(&text, " # note %d", r.IntN(3))
		}
		text.WriteByte('\n')
	}
	return text.String(), ends
}
