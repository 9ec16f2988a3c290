package cidrgate

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"net/netip"
)

// A word is an address, or the highest bits of it: an IPv6 address is 128 bits, an IPv4 address the highest 32 of them.
// So what is done with networks needs no more than one way for both families.
type word struct{ h, l uint64 }

func (a word) less(b word) bool {
	return a.h < b.h || a.h == b.h && a.l < b.l
}

func (a word) minus(b word) word {
	l, borrow := bits.Sub64(a.l, b.l, 0)
	h, _ := bits.Sub64(a.h, b.h, borrow)
	return word{h, l}
}

func (a word) plus(b word) word {
	l, carry := bits.Add64(a.l, b.l, 0)
	h, _ := bits.Add64(a.h, b.h, carry)
	return word{h, l}
}

// common gives the number of leading bits in which two words agree.
func (a word) common(b word) int {
	if a.h != b.h {
		return bits.LeadingZeros64(a.h ^ b.h)
	}
	return 64 + bits.LeadingZeros64(a.l^b.l)
}

// hosts gives the bits after the first n.
func hosts(n int) word {
	if n < 64 {
		return word{1<<(64-n) - 1, 1<<64 - 1}
	}
	return word{0, 1<<(128-n) - 1}
}

// The mapped block, ::ffff:0:0/96: nobody can ask for an IPv6 address in there, because it is the IPv4 address.
var (
	mappedFirst = word{0, 0xffff << 32}
	mappedEnd   = word{0, 1 << 48}
)

func (a word) mapped() bool {
	return a.h == 0 && a.l>>32 == 0xffff
}

// edges are the addresses of one family at which something changes, as an image has them: rising, the lowest byte
// first.
type edges struct {
	bytes []byte
	width int // 4 or 16 bytes each
}

func (e edges) count() int {
	return len(e.bytes) / e.width
}

func (e edges) at(i int) word {
	at := e.bytes[e.width*i:]
	if e.width == 4 {
		return word{h: uint64(binary.LittleEndian.Uint32(at)) << 32}
	}
	return word{binary.LittleEndian.Uint64(at[8:]), binary.LittleEndian.Uint64(at)}
}

// add appends an edge. Address 0 is one too.
func (e *edges) add(a word) {
	if e.width == 4 {
		e.bytes = binary.LittleEndian.AppendUint32(e.bytes, uint32(a.h>>32))
	} else {
		e.bytes = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(e.bytes, a.l), a.h)
	}
}

// A run is the addresses from first up to end, which is the first not in it; those up to the last of the family if end
// is 0.
type run struct{ first, end word }

// network gives the length of the largest network that contains an address, lies in the run, and does not end in the
// mapped block. It is at most 32 for IPv4.
func (r run) network(at word, v6 bool) int {
	n := 0
	if r.first != (word{}) {
		n = at.common(r.first.minus(word{l: 1})) + 1
	}
	if r.end != (word{}) {
		n = max(n, at.common(r.end)+1)
	}
	if v6 {
		for lastOf(at, n).mapped() && n < 128 {
			n++
		}
	}
	return n
}

func lastOf(at word, n int) word {
	mask := hosts(n)
	return word{at.h | mask.h, at.l | mask.l}
}

// trimmed leaves the mapped block out of a run that ends with it.
func (r run) trimmed(v6 bool) run {
	if v6 && r.end == mappedEnd {
		r.end = mappedFirst
	}
	return r
}

// networks appends the smallest list of networks that covers the run. The mapped block is not written by itself.
func (r run) networks(list []netip.Prefix, v6 bool) []netip.Prefix {
	r = r.trimmed(v6)
	for at := r.first; ; {
		if v6 && at == mappedFirst {
			at = mappedEnd
		}
		rest := run{at, r.end}
		n := rest.network(at, v6)
		list = append(list, netip.PrefixFrom(at.addr(v6), n))
		at = lastOf(at, n).plus(word{l: 1})
		if at == r.end {
			return list
		}
	}
}

// count gives the number of addresses of the run. Where it spans the mapped block, that is counted.
func (r run) count(v6 bool) *big.Int {
	r = r.trimmed(v6)
	size := r.end.minus(r.first)
	n := new(big.Int).SetUint64(size.h)
	n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(size.l))
	if n.Sign() == 0 {
		n.Lsh(big.NewInt(1), 128) // the whole family
	}
	if !v6 {
		n.Rsh(n, 96)
	}
	return n
}
