package cidrgate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

// What follows writes images and answers from them in a plain way, with big numbers and from docs/image.md alone. It
// shares no code with the reader.

type painting struct {
	otherwise bool
	rules     []rule
	lines     [2]segments // IPv4, IPv6
}

type rule struct {
	allow bool
	line  uint32
	note  string
}

// The owner of what is before the first edge comes first. -1 is the default.
type segments struct {
	edges  []*big.Int
	owners []int
}

func (s segments) owner(at *big.Int) int {
	owner := s.owners[0]
	for i, edge := range s.edges {
		if edge.Cmp(at) <= 0 {
			owner = s.owners[i+1]
		}
	}
	return owner
}

func (p painting) allows(owner int) bool {
	if owner < 0 {
		return p.otherwise
	}
	return p.rules[owner].allow
}

// allowed gives the edges of what is allowed.
func (p painting) allowed(family int) (edges []*big.Int) {
	before := false
	for i, owner := range p.lines[family].owners {
		if p.allows(owner) != before {
			before = !before
			edge := new(big.Int)
			if i > 0 {
				edge = p.lines[family].edges[i-1]
			}
			edges = append(edges, edge)
		}
	}
	return edges
}

func number(addr netip.Addr) (at *big.Int, family int) {
	addr = addr.Unmap()
	if addr.Is6() {
		family = 1
	}
	return new(big.Int).SetBytes(addr.AsSlice()), family
}

func address(at *big.Int, family int) netip.Addr {
	if family == 0 {
		return netip.AddrFrom4([4]byte(at.FillBytes(make([]byte, 4))))
	}
	return netip.AddrFrom16([16]byte(at.FillBytes(make([]byte, 16))))
}

// network finds the largest network by trying all.
func network(addr netip.Addr, same func(*big.Int) (first, end *big.Int)) netip.Prefix {
	at, family := number(addr)
	width := 32 + 96*family
	first, end := same(at)
	if end == nil {
		end = new(big.Int).Lsh(big.NewInt(1), uint(width))
	}
	for bits := 0; ; bits++ {
		size := new(big.Int).Lsh(big.NewInt(1), uint(width-bits))
		start := new(big.Int).Sub(at, new(big.Int).Mod(at, size))
		after := new(big.Int).Add(start, size)
		last := address(new(big.Int).Sub(after, big.NewInt(1)), family)
		if start.Cmp(first) >= 0 && after.Cmp(end) <= 0 && !last.Is4In6() {
			return netip.PrefixFrom(address(start, family), bits)
		}
	}
}

func around(edges []*big.Int) func(*big.Int) (*big.Int, *big.Int) {
	return func(at *big.Int) (first, end *big.Int) {
		first = new(big.Int)
		for _, edge := range edges {
			if edge.Cmp(at) > 0 {
				return first, edge
			}
			first = edge
		}
		return first, nil
	}
}

func littleEndian(edges []*big.Int, width int) (all []byte) {
	for _, edge := range edges {
		b := edge.FillBytes(make([]byte, width))
		for i := range b {
			all = append(all, b[width-1-i])
		}
	}
	return all
}

func (p painting) fingerprint() [32]byte {
	hashed := []byte("cidrgate.verdict.1\x00")
	for family, width := range []int{4, 16} {
		edges := p.allowed(family)
		hashed = binary.LittleEndian.AppendUint64(hashed, uint64(len(edges)))
		hashed = append(hashed, littleEndian(edges, width)...)
	}
	return sha256.Sum256(hashed)
}

func u32s(all []uint32) (b []byte) {
	for _, n := range all {
		b = binary.LittleEndian.AppendUint32(b, n)
	}
	return b
}

func (p painting) image() []byte {
	owners := func(family int) []byte {
		var all []uint32
		for _, owner := range p.lines[family].owners {
			all = append(all, uint32(owner))
		}
		return u32s(all)
	}
	var actions, ends, text []byte
	var lines, notes []uint32
	count := uint32(0)
	for i, rule := range p.rules {
		actions = append(actions, 0)
		if rule.allow {
			actions[i] = 1
		}
		lines = append(lines, rule.line)
		switch {
		case rule.note == "":
			notes = append(notes, 0)
		case i > 0 && rule.note == p.rules[i-1].note:
			notes = append(notes, count)
		default:
			count++
			notes = append(notes, count)
			text = append(text, rule.note...)
			ends = binary.LittleEndian.AppendUint64(ends, uint64(len(text)))
		}
	}
	contents := [2]uint32{0, 0}
	if p.otherwise {
		contents[1] = 1
	}
	return assemble(contents, p.fingerprint(), []named{
		{"v4.edges", littleEndian(p.lines[0].edges, 4)}, {"v4.owner", owners(0)},
		{"v6.edges", littleEndian(p.lines[1].edges, 16)}, {"v6.owner", owners(1)},
		{"action", actions}, {"line", u32s(lines)}, {"note", u32s(notes)}, {"note.end", ends}, {"note.txt", text},
	})
}

func (p painting) verdictsOnly() []byte {
	return assemble([2]uint32{1, 0}, p.fingerprint(), []named{
		{"v4.allow", littleEndian(p.allowed(0), 4)}, {"v6.allow", littleEndian(p.allowed(1), 16)},
	})
}

type named struct {
	name  string
	bytes []byte
}

func assemble(contents [2]uint32, fingerprint [32]byte, sections []named) []byte {
	image := append([]byte("\x89cidr\r\n\x1a\x01\x00\x00\x00"), make([]byte, 12)...)
	image = append(image, u32s(contents[:])...)
	image = append(image, fingerprint[:]...)
	image = append(image, make([]byte, 24*len(sections))...)
	for i, section := range sections {
		image = append(image, make([]byte, (64-len(image)%64)%64)...)
		entry := image[64+24*i:]
		copy(entry, section.name)
		binary.LittleEndian.PutUint64(entry[8:], uint64(len(image)))
		binary.LittleEndian.PutUint64(entry[16:], uint64(len(section.bytes)))
		image = append(image, section.bytes...)
	}
	return seal(image)
}

// seal puts length and checksum right.
func seal(image []byte) []byte {
	binary.LittleEndian.PutUint64(image[16:], uint64(len(image)))
	binary.LittleEndian.PutUint32(image[12:], crc32.ChecksumIEEE(image[16:]))
	return image
}

// random makes a painting with about so many edges a family.
func random(r *rand.Rand, size int) (p painting) {
	p.otherwise = r.IntN(4) == 0
	notes := []string{"", "a", "the office", "büro ☕", "tab\there"}
	for range r.IntN(6) {
		p.rules = append(p.rules, rule{r.IntN(2) == 0, r.Uint32N(50), notes[r.IntN(len(notes))]})
	}
	for family, width := range []uint{32, 128} {
		seen := map[string]bool{}
		var all []*big.Int
		base := randomAddress(r, width)
		for range r.IntN(size + 1) {
			edge := randomAddress(r, width)
			if r.IntN(2) == 0 { // near another
				edge = new(big.Int).Xor(base, new(big.Int).Rsh(edge, r.UintN(width)))
			}
			if r.IntN(3) == 0 {
				base = edge
			}
			if r.IntN(2) == 0 { // coarse
				shift := r.UintN(width)
				edge = new(big.Int).Lsh(new(big.Int).Rsh(edge, shift), shift)
			}
			if edge.Sign() > 0 && !seen[edge.String()] && !(family == 1 && address(edge, 1).Is4In6()) {
				seen[edge.String()] = true
				all = append(all, edge)
			}
		}
		for i := range all { // few, so plainly
			for j := range all[:i] {
				if all[i].Cmp(all[j]) < 0 {
					all[i], all[j] = all[j], all[i]
				}
			}
		}
		before := -2
		owner := func() int {
			for {
				if owner := r.IntN(len(p.rules)+1) - 1; owner != before {
					before = owner
					return owner
				}
			}
		}
		s := segments{owners: []int{owner()}}
		if len(p.rules) > 0 {
			for _, edge := range all {
				s.edges = append(s.edges, edge)
				s.owners = append(s.owners, owner())
			}
		}
		p.lines[family] = s
	}
	return p
}

func randomAddress(r *rand.Rand, width uint) *big.Int {
	at := new(big.Int)
	switch r.IntN(16) {
	case 0: // about the middle
		at.Lsh(big.NewInt(1), width-1)
		at.Add(at, big.NewInt(int64(r.IntN(5)-2)))
	case 1: // about the end
		at.Lsh(big.NewInt(1), width)
		at.Sub(at, big.NewInt(int64(r.IntN(4)+1)))
	case 2: // about the start
		at.SetUint64(r.Uint64N(4))
	case 3: // about the mapped block
		at.SetUint64([]uint64{0xfffe_ffff_ffff, 0xffff_0000_0000, 0xffff_ffff_ffff, 0x1_0000_0000_0000, 0x1_0000_0000_0001}[r.IntN(5)])
		at.And(at, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), width), big.NewInt(1)))
	default:
		for range width / 32 {
			at.Lsh(at, 32).Or(at, new(big.Int).SetUint64(uint64(r.Uint32())))
		}
	}
	return at
}

// probes are addresses at which a mistake would show.
func (p painting) probes(r *rand.Rand, more int) (all []netip.Addr) {
	for family, width := range []uint{32, 128} {
		add := func(at *big.Int) {
			if at.Sign() >= 0 && at.BitLen() <= int(width) {
				all = append(all, address(at, family))
			}
		}
		for _, edge := range p.lines[family].edges {
			for i := int64(-1); i <= 1; i++ {
				add(new(big.Int).Add(edge, big.NewInt(i)))
			}
		}
		for range more {
			add(randomAddress(r, width))
		}
	}
	return all
}

// check asks both images of a painting and compares with the plain answers.
func check(t *testing.T, p painting, addrs []netip.Addr) {
	t.Helper()
	full, err := Load(p.image())
	if err != nil {
		t.Fatal(err)
	}
	only, err := Load(p.verdictsOnly())
	if err != nil {
		t.Fatal(err)
	}
	if full.Fingerprint() != p.fingerprint() || only.Fingerprint() != p.fingerprint() {
		t.Fatal("fingerprint")
	}
	for _, addr := range addrs {
		at, family := number(addr)
		owner := p.lines[family].owner(at)
		allow := p.allows(owner)
		want := Decision{Rule: owner}
		if allow {
			want.Action = Allow
		}
		if owner >= 0 {
			want.Line, want.Note = int(p.rules[owner].line), p.rules[owner].note
		}
		want.Network = network(addr.Unmap(), around(p.lines[family].edges))
		if got := full.Decide(addr); got != want {
			t.Fatalf("%v: %+v, not %+v\n%+v", addr, got, want, p)
		}
		want = Decision{Action: want.Action, Rule: -1, Network: network(addr.Unmap(), around(p.allowed(family)))}
		if got := only.Decide(addr); got != want {
			t.Fatalf("%v: %+v, not %+v\n%+v", addr, got, want, p)
		}
		if full.Allows(addr) != allow || only.Allows(addr) != allow {
			t.Fatalf("%v: %v, %v, not %v\n%+v", addr, full.Allows(addr), only.Allows(addr), allow, p)
		}
	}
}

func TestRandomPaintings(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 1))
	pairs, small := 0, 1500
	if testing.Short() {
		small = 200
	}
	for range small {
		p := random(r, 40)
		addrs := p.probes(r, 20)
		pairs += len(addrs)
		check(t, p, addrs)
	}
	if pairs < 100_000 && !testing.Short() {
		t.Errorf("only %d pairs", pairs)
	}
	large := 8
	if testing.Short() {
		large = 2
	}
	for range large {
		p := random(r, 1500)
		addrs := p.probes(r, 100)
		r.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
		check(t, p, addrs[:min(len(addrs), 1500)])
	}
}

// Every set of edges out of a few, where the address space begins, ends and is halved.
func TestEverySmallPainting(t *testing.T) {
	points := [2][]string{
		{"0.0.0.1", "0.0.0.2", "127.255.255.255", "128.0.0.0", "128.0.0.1", "192.0.0.0", "255.255.255.254", "255.255.255.255"},
		{"::1", "::1:0:0:0", "0:0:0:1::", "7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::", "8000::1", "ffff:ffff:ffff:ffff::",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	}
	for family, points := range points {
		for set := range 1 << len(points) {
			for first := range 2 {
				p := painting{rules: []rule{{true, 1, "in"}}, lines: [2]segments{{owners: []int{-1}}, {owners: []int{-1}}}}
				s := segments{owners: []int{first - 1}}
				for i, point := range points {
					if set>>i&1 == 1 {
						at, _ := number(netip.MustParseAddr(point))
						s.edges = append(s.edges, at)
						s.owners = append(s.owners, -1-s.owners[len(s.owners)-1])
					}
				}
				p.lines[family] = s
				all := painting{lines: [2]segments{}}
				for _, point := range points {
					at, _ := number(netip.MustParseAddr(point))
					all.lines[family].edges = append(all.lines[family].edges, at)
				}
				check(t, p, append(all.probes(rand.New(rand.NewPCG(1, 1)), 0), address(new(big.Int), family)))
			}
		}
	}
}

// The examples of docs/image.md.
const example = `
89 63 69 64 72 0d 0a 1a  01 00 00 00 38 51 89 78  e0 00 00 00 00 00 00 00  01 00 00 00 00 00 00 00
62 c0 e5 b5 e3 53 6c 73  ab 73 41 5d 18 6a f1 7f  57 6a 2e 06 b4 b3 9b d6  7d 9f cf 8c fd 91 90 4f
76 34 2e 61 6c 6c 6f 77  80 00 00 00 00 00 00 00  10 00 00 00 00 00 00 00  76 36 2e 61 6c 6c 6f 77
c0 00 00 00 00 00 00 00  20 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
00 71 00 cb 4d 71 00 cb  4e 71 00 cb 00 72 00 cb  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
00 00 00 00 00 00 00 00  00 00 00 00 b8 0d 01 20  00 00 00 00 00 00 00 00  00 00 01 00 b8 0d 01 20`

func examplePainting() painting {
	edges := func(texts ...string) (all []*big.Int) {
		for _, text := range texts {
			at, _ := number(netip.MustParseAddr(text))
			all = append(all, at)
		}
		return all
	}
	return painting{
		rules: []rule{{false, 2, "lost laptop"}, {true, 3, "the office"}, {true, 3, "the office"}},
		lines: [2]segments{
			{edges("203.0.113.0", "203.0.113.77", "203.0.113.78", "203.0.114.0"), []int{-1, 1, 0, 1, -1}},
			{edges("2001:db8::", "2001:db8:1::"), []int{-1, 2, -1}},
		},
	}
}

func TestExampleOfThePage(t *testing.T) {
	image, err := hex.DecodeString(strings.NewReplacer(" ", "", "\n", "").Replace(example))
	if err != nil {
		t.Fatal(err)
	}
	if p := examplePainting(); !bytes.Equal(p.verdictsOnly(), image) {
		t.Errorf("%x", p.verdictsOnly())
	} else if image := p.image(); len(image) != 853 || binary.LittleEndian.Uint32(image[12:]) != 0x4765f127 {
		t.Errorf("%d bytes, checksum %x", len(image), image[12:16])
	}
	policy, err := Load(image)
	if err != nil {
		t.Fatal(err)
	}
	for i := range image {
		image[i] = 0xff // The policy must not notice.
	}
	if !policy.Allows(netip.MustParseAddr("203.0.113.10")) || policy.Allows(netip.MustParseAddr("203.0.113.77")) {
		t.Error("a reference to the image is kept")
	}
}

func TestWhatIsNoAddressIsDenied(t *testing.T) {
	all := painting{otherwise: true, lines: [2]segments{{owners: []int{-1}}, {owners: []int{-1}}}}
	open, err := Load(all.image())
	if err != nil {
		t.Fatal(err)
	}
	zone, mapped := netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("::ffff:192.0.2.1%eth0")
	for _, policy := range []*Policy{open, nil, {}} {
		for _, addr := range []netip.Addr{{}, zone, mapped} {
			if policy.Allows(addr) || policy.Decide(addr) != (Decision{Rule: -1}) {
				t.Errorf("%v", addr)
			}
		}
	}
	for _, text := range []string{"192.0.2.1", "::ffff:192.0.2.1", "fe80::1", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		addr := netip.MustParseAddr(text)
		if !open.Allows(addr) || (*Policy)(nil).Allows(addr) || new(Policy).Allows(addr) {
			t.Errorf("%v", addr)
		}
		if decision := new(Policy).Decide(addr); decision != (Decision{Rule: -1}) {
			t.Errorf("%v", decision)
		}
	}
	if (*Policy)(nil).Fingerprint() != [32]byte{} {
		t.Error("fingerprint")
	}
}

func TestAllowsBatch(t *testing.T) {
	p, err := Load(examplePainting().image())
	if err != nil {
		t.Fatal(err)
	}
	addrs := []netip.Addr{netip.MustParseAddr("203.0.113.10"), {}, netip.MustParseAddr("203.0.113.77"), netip.MustParseAddr("2001:db8::1")}
	want := []bool{true, false, false, true}
	for _, dst := range [][]bool{nil, make([]bool, 2), {true, true, true, true, true, true}, make([]bool, 0, 9)} {
		got := p.AllowsBatch(dst, addrs)
		if len(got) != len(want) || cap(dst) >= 4 && &dst[:1][0] != &got[0] {
			t.Fatalf("%v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v", got)
			}
		}
	}
	if got := (*Policy)(nil).AllowsBatch([]bool{true, true, true, true}, addrs); got[0] || got[3] {
		t.Error("a nil policy allows")
	}
}

func TestLookupsDoNotAllocate(t *testing.T) {
	p, err := Load(examplePainting().image())
	if err != nil {
		t.Fatal(err)
	}
	gate := NewGate(p)
	addrs := []netip.Addr{{}, netip.MustParseAddr("203.0.113.10"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:1.2.3.4"),
		netip.MustParseAddr("::1%eth0")}
	dst := make([]bool, len(addrs))
	if n := testing.AllocsPerRun(100, func() {
		for _, addr := range addrs {
			p.Allows(addr)
			p.Decide(addr)
			gate.Allows(addr)
			gate.Decide(addr)
		}
		p.AllowsBatch(dst, addrs)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Each way an image can be bad, with the place that must be told.
func TestBadImages(t *testing.T) {
	base := examplePainting().image()
	put32 := func(at int, n uint32) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint32(b[at:], n); return seal(b) }
	}
	put64 := func(at int, n uint64) func([]byte) []byte {
		return func(b []byte) []byte { binary.LittleEndian.PutUint64(b[at:], n); return seal(b) }
	}
	put := func(at int, n byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = n; return seal(b) }
	}
	cases := []struct {
		name   string
		change func([]byte) []byte
		offset int64
		says   string
	}{
		{"nothing", func([]byte) []byte { return nil }, 0, "no image"},
		{"text", func([]byte) []byte { return []byte("default deny\nallow all\n") }, 0, "no image"},
		{"magic", put(0, 'x'), 0, "no image"},
		{"only the magic", func(b []byte) []byte { return b[:8] }, 8, "cut short"},
		{"version", put32(8, 2), 8, "version 2"},
		{"version, and nothing else", func(b []byte) []byte { b[8] = 7; return b[:12] }, 8, "version 7"},
		{"cut in the header", func(b []byte) []byte { return b[:40] }, 40, "cut short"},
		{"cut", func(b []byte) []byte { return b[:852] }, 16, "length"},
		{"longer", func(b []byte) []byte { return append(b, 0) }, 16, "length"},
		{"a bit", func(b []byte) []byte { b[700] ^= 1; return b }, 12, "checksum"},
		{"contents", put32(24, 2), 24, "contents 2"},
		{"default", put32(28, 2), 28, "default 2"},
		{"name", put(64, 'w'), 64, "v4.edges"},
		{"name not filled with NUL", put(64+24*4+7, 'x'), 64 + 24*4, "action"},
		{"offset", put64(64+8, 384), 72, "offset 384"},
		{"length past the end", put64(64+16, 1<<63+16), 80, "but the image ends"},
		{"length past the end by one", put64(64+24*8+16, 22), 64 + 24*8 + 16, "but the image ends"},
		{"length of half an element", put64(64+16, 14), 80, "no whole number"},
		{"owners", put64(64+24+16, 16), 64 + 24 + 16, "segments"},
		{"lines", put64(64+24*5+16, 8), 64 + 24*5 + 16, "3 rules"},
		{"shorter text", put64(64+24*8+16, 20), 852, "the last section ends"},
		{"padding after the table", put(300, 1), 300, "padding"},
		{"padding", put(340, 1), 340, "padding"},
		{"edge 0", put32(320, 0), 320, "edge 0"},
		{"edges fall", put32(324, 1), 324, "not above"},
		{"edges repeat", put32(324, 0xcb007100), 324, "not above"},
		{"owner", put32(384+4, 3), 388, "rule 3 of 3"},
		{"owner beyond all", put32(384+4, 0xfffffffe), 388, "rule 4294967294"},
		{"owner twice", put32(384+8, 1), 392, "the one before"},
		{"mapped edge", func(b []byte) []byte {
			copy(b[448:464], []byte{1, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
			return seal(b)
		}, 448, "mapped"},
		{"action", put(577, 2), 577, "deny"},
		{"note skips", put32(704, 2), 704, "note 2"},
		{"note not used", func(b []byte) []byte { b[708], b[712] = 1, 1; return seal(b) }, 768 + 8, "nobody"},
		{"note goes back", put32(712, 1), 712, "note 1"},
		{"note too high", put32(712, 3), 712, "note 3"},
		{"note ends late", put64(776, 22), 776, "ends at 22"},
		{"note ends early", put64(776, 20), 852, "the last note"},
		{"empty note", put64(768, 0), 768, "ends at 0"},
		{"blank before", put(832, ' '), 832, "starts with a blank"},
		{"tab after", put(842, '\t'), 842, "ends with a blank"},
		{"control", put(835, 0x1f), 835, "U+001F"},
		{"delete", put(835, 0x7f), 835, "U+007F"},
		{"C1 control", func(b []byte) []byte { b[834], b[835] = 0xc2, 0x85; return seal(b) }, 834, "U+0085"},
		{"not UTF-8", put(835, 0xff), 835, "UTF-8"},
		{"surrogate", func(b []byte) []byte { copy(b[834:], "\xed\xa0\x80"); return seal(b) }, 834, "UTF-8"},
		{"fingerprint", put(32, 0), 32, "fingerprint"},
		{"an action that the fingerprint does not have", put(576, 1), 32, "fingerprint"},
	}
	for _, c := range cases {
		_, err := Load(c.change(bytes.Clone(base)))
		var bad *ImageError
		if !errors.As(err, &bad) || bad.Offset != c.offset || !strings.Contains(bad.What, c.says) {
			t.Errorf("%s: %v, not offset %d and %q", c.name, err, c.offset, c.says)
		}
	}
	// Two notes with the same bytes, one after the other.
	twice := examplePainting()
	twice.rules[0].note, twice.rules[1].note, twice.rules[2].note = "aaaa", "bbbb", "bbbb"
	image := twice.image()
	copy(image[len(image)-4:], "aaaa")
	var bad *ImageError
	if _, err := Load(seal(image)); !errors.As(err, &bad) || !strings.Contains(bad.What, "shared") {
		t.Errorf("%v", err)
	}
	verdicts := examplePainting().verdictsOnly()
	binary.LittleEndian.PutUint32(verdicts[28:], 1)
	if _, err := Load(seal(verdicts)); !errors.As(err, &bad) || bad.Offset != 28 {
		t.Errorf("%v", err)
	}
}

// What a changed image says must be what its bytes say: whatever is accepted has the one form that a writer gives it.
func TestMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	accepted := 0
	for range 5000 {
		p := random(r, 12)
		image := p.image()
		if r.IntN(3) == 0 {
			image = p.verdictsOnly()
		}
		before := bytes.Clone(image)
		for range 1 + r.IntN(3) {
			switch at := r.IntN(len(image)); r.IntN(5) {
			case 0:
				image[at] ^= 1 << r.UintN(8)
			case 1:
				image[at] = byte(r.Uint32())
			case 2:
				image = append(image[:at:at], image[min(len(image), at+1+r.IntN(64)):]...)
			case 3:
				image = append(image[:at:at], append(make([]byte, 1+r.IntN(64)), image[at:]...)...)
			case 4:
				copy(image[at:], image[r.IntN(len(image)):])
			}
			if len(image) == 0 {
				break
			}
		}
		if len(image) >= 24 && r.IntN(4) > 0 {
			seal(image)
		}
		if _, err := Load(image); err == nil {
			accepted++
			if !sameForm(t, image) {
				t.Fatalf("accepted\n%x\nof\n%x", image, before)
			}
		}
	}
	t.Logf("%d of 5000 accepted", accepted)
}

// sameForm reads an accepted image plainly, and tells whether a writer would write it so.
func sameForm(t *testing.T, image []byte) bool {
	t.Helper()
	section := func(i int) []byte {
		entry := image[64+24*i:]
		start := binary.LittleEndian.Uint64(entry[8:])
		return image[start : start+binary.LittleEndian.Uint64(entry[16:])]
	}
	numbers := func(b []byte, width int) (all []*big.Int) {
		for ; len(b) > 0; b = b[width:] {
			reversed := make([]byte, width)
			for i := range reversed {
				reversed[i] = b[width-1-i]
			}
			all = append(all, new(big.Int).SetBytes(reversed))
		}
		return all
	}
	if image[24] == 1 {
		p := painting{rules: []rule{{allow: true}}}
		for family, width := range []int{4, 16} {
			s := segments{owners: []int{-1}}
			for i, edge := range numbers(section(family), width) {
				if edge.Sign() == 0 {
					s.owners[0] = 0
					continue
				}
				s.edges = append(s.edges, edge)
				s.owners = append(s.owners, -1-s.owners[len(s.owners)-1])
				_ = i
			}
			p.lines[family] = s
		}
		return bytes.Equal(p.verdictsOnly(), image)
	}
	p := painting{otherwise: image[28] == 1}
	for family, width := range []int{4, 16} {
		p.lines[family].edges = numbers(section(2*family), width)
		for _, owner := range numbers(section(2*family+1), 4) {
			p.lines[family].owners = append(p.lines[family].owners, int(int32(owner.Int64())))
		}
	}
	lines, notes, ends, text := numbers(section(5), 4), numbers(section(6), 4), numbers(section(7), 8), section(8)
	for i, action := range section(4) {
		r := rule{allow: action == 1, line: uint32(lines[i].Uint64())}
		if n := notes[i].Uint64(); n > 0 {
			start := uint64(0)
			if n > 1 {
				start = ends[n-2].Uint64()
			}
			r.note = string(text[start:ends[n-1].Uint64()])
		}
		p.rules = append(p.rules, r)
	}
	return bytes.Equal(p.image(), image)
}

func FuzzLoad(f *testing.F) {
	r := rand.New(rand.NewPCG(11, 1))
	f.Add(examplePainting().image())
	f.Add(examplePainting().verdictsOnly())
	for range 20 {
		p := random(r, 8)
		f.Add(p.image())
		f.Add(p.verdictsOnly())
	}
	for _, image := range realImages(f) {
		f.Add(image)
	}
	addrs := examplePainting().probes(r, 20)
	f.Fuzz(func(t *testing.T, image []byte) {
		// The checksum would keep the fuzzer from what is behind it.
		for _, image := range [][]byte{image, sealed(image)} {
			p, err := Load(image)
			if err != nil {
				continue
			}
			if !sameForm(t, image) {
				t.Fatalf("accepted: %x", image)
			}
			for _, addr := range addrs {
				if decision := p.Decide(addr); p.Allows(addr) != (decision.Action == Allow) || !decision.Network.Contains(addr.Unmap()) {
					t.Fatalf("%v: %+v", addr, decision)
				}
			}
		}
	})
}

// sealed gives a copy with length, checksum and fingerprint put right, as far as there is one to put right.
func sealed(image []byte) []byte {
	image = bytes.Clone(image)
	if len(image) < 64 {
		return image
	}
	seal(image)
	var bad *ImageError
	if _, err := Load(image); errors.As(err, &bad) && bad.Offset == 32 {
		at := strings.LastIndexByte(bad.What, ' ')
		if is, err := hex.DecodeString(bad.What[at+1:]); err == nil && len(is) == 32 {
			copy(image[32:], is)
		}
		seal(image)
	}
	return image
}
