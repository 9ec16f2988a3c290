package cidrgate

import (
	"encoding/binary"
	"net/netip"
)

// An Action is what a rule says, and what a policy answers. The zero value denies.
type Action uint8

const (
	Deny Action = iota
	Allow
)

// String gives "deny" or "allow".
func (a Action) String() string {
	if a == Allow {
		return "allow"
	}
	return "deny"
}

// A Policy answers which addresses may come in. It does not change, and any number of goroutines may use one. A nil
// policy denies.
//
// An IPv4-mapped IPv6 address (::ffff:192.0.2.1) is that IPv4 address. The zero [netip.Addr] is denied, and so is an
// address with a zone: who has one strips it if the address comes from a socket of this host, with
// [netip.Addr.WithZone].
type Policy struct {
	answers     index  // over the edges of what is allowed
	rules       *rules // nil if the image has verdicts only
	fingerprint [32]byte
}

// rules are who owns what, and what is known of each rule.
type rules struct {
	index     *index // over the edges between owners; that of the answers where they are the same
	owners    [2][]uint32
	otherwise bool
	actions   []byte
	lines     []uint32
	notes     []uint32 // from 1, 0 is none
	noteEnds  []uint64
	noteText  string
}

// A Decision is an answer with its reason.
type Decision struct {
	Action Action
	// Rule is the index of the rule that decided, in the order of the policy, from 0. It is -1 if that was the default,
	// if the image has verdicts only, or if the address is none.
	Rule int
	// Line is the line of the rule in the text of the policy, from 1; 0 if there is none.
	Line int
	// Note is the note of the rule.
	Note string
	// Network is the largest network that contains the address and has one rule decide all of it; of an image with
	// verdicts only, one with the same answer. It is the zero Prefix if the address is none.
	Network netip.Prefix
}

// Allows tells whether an address may come in. It takes a few nanoseconds, and does not allocate.
func (p *Policy) Allows(addr netip.Addr) bool {
	// This is index.slot with index.odd4 and index.odd6, written out: calls would take a third of the time.
	if p == nil {
		return false
	}
	x := &p.answers
	var h uint64
	// As4 and AsSlice, because As16 waits for bytes that it has just stored.
	if addr.Is4() {
		octets := addr.As4()
		h = uint64(binary.BigEndian.Uint32(octets[:])) << 32
	} else {
		octets := addr.AsSlice()
		if len(octets) != 16 {
			return false
		}
		h = binary.BigEndian.Uint64(octets)
		if h != 0 || binary.BigEndian.Uint32(octets[8:]) != 0xffff {
			i := (h - x.v6.low) >> (x.v6.shift & 63)
			if i >= uint64(len(x.v6.cells)) { // far from all keys, as most addresses are
				return x.v6.odd && h >= x.v6.low && addr.Zone() == ""
			}
			if addr.Zone() != "" {
				return false
			}
			c := &x.v6.cells[i]
			slot := x.slots[c.base+uint32(h>>(c.shift&63))]
			if slot&1 != 0 || len(x.lows) != 0 {
				return x.odd6(slot, h, binary.BigEndian.Uint64(octets[8:]))
			}
			w := (*[line]uint64)(x.words[slot>>1:])
			a := h | half
			t := (a - w[0]) ^ (a - w[1]) ^ (a - w[2]) ^ (a - w[3]) ^ (a - w[4]) ^ (a - w[5]) ^ (a - w[6]) ^ (a - w[7])
			return (t>>63^uint64(slot>>1))&1 != 0
		}
		if addr.Zone() != "" {
			return false
		}
		h = uint64(binary.BigEndian.Uint32(octets[12:])) << 32
	}
	i := (h - x.v4.low) >> (x.v4.shift & 63)
	if i >= uint64(len(x.v4.cells)) {
		return x.v4.odd && h >= x.v4.low
	}
	c := &x.v4.cells[i]
	slot := x.slots[c.base+uint32(h>>(c.shift&63))]
	if slot&1 != 0 {
		return x.odd4(slot, h)
	}
	w := (*[line / 2]uint64)(x.words[slot>>1:])
	a := h | h>>32 | top4
	t := (a - w[0]) ^ (a - w[1]) ^ (a - w[2]) ^ (a - w[3])
	return (t>>63^t>>31)&1 != 0
}

// AllowsBatch answers for many addresses: dst[i] tells whether addrs[i] may come in. What was in dst is overwritten; if
// it is shorter than addrs, it is grown. It returns dst[:len(addrs)].
func (p *Policy) AllowsBatch(dst []bool, addrs []netip.Addr) []bool {
	if cap(dst) < len(addrs) {
		dst = make([]bool, len(addrs))
	}
	dst = dst[:len(addrs)]
	for i, addr := range addrs {
		dst[i] = p.Allows(addr)
	}
	return dst
}

// Decide tells whether an address may come in, and why. It does not allocate.
func (p *Policy) Decide(addr netip.Addr) Decision {
	decision := Decision{Rule: -1}
	at, v6, ok := wordOf(addr)
	if !ok || p.isZero() {
		return decision
	}
	x := &p.answers
	if p.rules != nil {
		x = p.rules.index
	}
	f := x.family(v6)
	rank := x.rank(f, at.h, at.l)
	if p.rules == nil {
		decision.Action = Action(rank & 1)
	} else {
		decision.Action, decision.Rule, decision.Line, decision.Note = p.rules.owner(v6, rank)
	}
	n := x.run(f, rank).network(at, v6)
	decision.Network, _ = addr.Unmap().Prefix(n)
	return decision
}

// Fingerprint is a hash of what is allowed: policies with the same answers have the same one, in every language and
// version. It is zero for a nil policy.
func (p *Policy) Fingerprint() [32]byte {
	if p == nil {
		return [32]byte{}
	}
	return p.fingerprint
}

// isZero tells whether this is no loaded policy: those have a fingerprint.
func (p *Policy) isZero() bool {
	return p == nil || p.fingerprint == [32]byte{}
}

// owner gives what is known of the owner of a segment.
func (r *rules) owner(v6 bool, rank uint32) (action Action, rule, line int, note string) {
	owners := r.owners[0]
	if v6 {
		owners = r.owners[1]
	}
	owner := owners[rank]
	if owner == byDefault {
		if r.otherwise {
			action = Allow
		}
		return action, -1, 0, ""
	}
	if number := r.notes[owner]; number != 0 {
		start := uint64(0)
		if number > 1 {
			start = r.noteEnds[number-2]
		}
		note = r.noteText[start:r.noteEnds[number-1]]
	}
	return Action(r.actions[owner]), int(owner), int(r.lines[owner]), note
}

// wordOf gives an address as a number, unless it is none or has a zone.
func wordOf(addr netip.Addr) (at word, v6, ok bool) {
	if addr.Zone() != "" {
		return word{}, false, false
	}
	switch octets := addr.Unmap().AsSlice(); len(octets) {
	case 4:
		return word{h: uint64(binary.BigEndian.Uint32(octets)) << 32}, false, true
	case 16:
		return word{binary.BigEndian.Uint64(octets), binary.BigEndian.Uint64(octets[8:])}, true, true
	}
	return word{}, false, false
}

// addr gives a number as an address.
func (a word) addr(v6 bool) netip.Addr {
	var octets [16]byte
	binary.BigEndian.PutUint64(octets[:], a.h)
	binary.BigEndian.PutUint64(octets[8:], a.l)
	if v6 {
		return netip.AddrFrom16(octets)
	}
	return netip.AddrFrom4([4]byte(octets[:4]))
}
