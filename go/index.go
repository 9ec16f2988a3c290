package cidrgate

import (
	"math/bits"
	"slices"
	"sort"
)

// An index answers how many edges are at or below an address: the rank of the address. For allow or deny the parity of
// that is enough.
//
// The edges of a family, sorted, are its keys. They are kept in words of 64 bits with the highest bit of each lane
// free: two IPv4 keys of 31 bits in a word, or the highest 64 bits of one IPv6 key without the first of them. A lane is
// compared by one subtraction: (address | top) - key keeps the top bit exactly if the key is at or below the address,
// and never borrows from the next lane. The words of a line are compared at once and without a branch. A line may start
// before the keys that matter and end after them: keys are sorted, so the others compare right all the same.
//
// The bit that is left out is the highest of the address, so keys that are compared with an address must have the same
// one. No slot of the table reaches over half of the address space, and the keys of the upper half stand after a gap of
// lanes that are above every address.
//
// Where the line starts is told by a table. The range from the first key to the last is divided into cells of equal
// size, and each cell into slots of equal size, more of them where keys are denser. If more keys are in a slot than a
// line is sure to hold, the slot names a node, which divides the range between its own first key and last.
//
// Nothing but the slots stands beside the keys, so an index takes 4, 8 or 16 bytes a key and 2 to 7 more. Building it
// is linear in the number of keys, times the depth of the nodes, which the width of an address bounds.
type index struct {
	words []uint64 // those of IPv6, then those of IPv4; after each a line that is above every address
	lows  []uint64 // the low 64 bits of the IPv6 keys; empty if they are 0 in all
	slots []uint32 // twice the number of a word; or twice that of a node, and one
	nodes []node
	v6    family
	v4    family
}

// A family is what an index knows of the keys of one family. The address of IPv4 is the highest 32 bits of 64.
type family struct {
	cells []cell // none if there are no keys
	low   uint64 // where the first cell starts
	shift uint8  // a cell has 1 << shift addresses
	odd   bool   // whether count is
	lanes uint8  // in a word
	gap   uint8  // lanes between the keys of the lower half and the others
	words uint32 // the first word
	count uint32 // keys
	split uint32 // those in the lower half
}

// mostKeys is how many keys of a family an index takes, so that what it counts fits into 32 bits.
const mostKeys = 1 << 30

// A cell has slots of 1 << shift addresses. Base and address >> shift come to the number of one; base may have wrapped.
type cell struct {
	base  uint32
	shift uint32
}

// A node has count slots of 1 << shift addresses from low on, the first of which is number base. If it has none, shift
// is search: then its count keys from word base on agree in their highest 64 bits, which are low, and are halved until
// one is left.
type node struct {
	low   uint64
	base  uint32
	count uint32
	shift uint8
}

const (
	half   = 1 << 63
	top4   = 1<<63 | 1<<31
	line   = 8 // lanes
	search = 64
	// About so many keys are in a cell, while there are no more cells than that.
	keysInCell = 6
	mostCells  = 1 << 14
	// A cell gets more slots until at most one in so many keys is in a slot with too many; up to two to the power of it.
	fewOver    = 32
	mostStride = 12
	// About so many keys are in a slot of a node.
	keysInSlot = 4
)

// slot gives what the table says of an address; nothing if it is before the first cell or after the last.
func (x *index) slot(f *family, h uint64) (slot uint32, ok bool) {
	i := (h - f.low) >> (f.shift & 63)
	if i >= uint64(len(f.cells)) {
		return 0, false
	}
	c := &f.cells[i]
	return x.slots[c.base+uint32(h>>(c.shift&63))], true
}

// descend follows a slot that names a node to the word that its line starts at; or to a node that must be searched, and
// names that in the same way.
func (x *index) descend(slot uint32, h uint64) uint32 {
	for slot&1 != 0 {
		n := &x.nodes[slot>>1]
		if n.shift == search {
			break
		}
		slot = x.slots[n.base+uint32(min((max(h, n.low)-n.low)>>(n.shift&63), uint64(n.count-1)))]
	}
	return slot
}

// odd4 tells whether the rank of an IPv4 address is odd, by what the table says of it.
func (x *index) odd4(slot uint32, h uint64) bool {
	if slot&1 != 0 {
		slot = x.descend(slot, h)
	}
	w := (*[line / 2]uint64)(x.words[slot>>1:])
	a := h | h>>32 | top4
	t := (a - w[0]) ^ (a - w[1]) ^ (a - w[2]) ^ (a - w[3])
	return (t>>63^t>>31)&1 != 0
}

// odd6 tells the same of an IPv6 address.
func (x *index) odd6(slot uint32, h, l uint64) bool {
	if slot&1 != 0 {
		if slot = x.descend(slot, h); slot&1 != 0 {
			return x.search(&x.nodes[slot>>1], h, l)&1 != 0
		}
	}
	w := (*[line]uint64)(x.words[slot>>1:])
	a := h | half
	var t uint64
	if len(x.lows) == 0 {
		t = (a - w[0]) ^ (a - w[1]) ^ (a - w[2]) ^ (a - w[3]) ^ (a - w[4]) ^ (a - w[5]) ^ (a - w[6]) ^ (a - w[7])
	} else {
		v := (*[line]uint64)(x.lows[slot>>1:])
		t = sub(a, l, w[0], v[0]) ^ sub(a, l, w[1], v[1]) ^ sub(a, l, w[2], v[2]) ^ sub(a, l, w[3], v[3]) ^
			sub(a, l, w[4], v[4]) ^ sub(a, l, w[5], v[5]) ^ sub(a, l, w[6], v[6]) ^ sub(a, l, w[7], v[7])
	}
	return (t>>63^uint64(slot>>1))&1 != 0
}

// sub subtracts a key of 128 bits, and gives the highest 64 bits of what is left.
func sub(ah, al, kh, kl uint64) uint64 {
	_, borrow := bits.Sub64(al, kl, 0)
	d, _ := bits.Sub64(ah, kh, borrow)
	return d
}

// search gives the number of the word after the last of a node's keys that is at or below an address.
func (x *index) search(n *node, h, l uint64) uint32 {
	switch {
	case h < n.low:
		return n.base
	case h > n.low:
		return n.base + n.count
	}
	lows := x.lows[n.base : n.base+n.count]
	return n.base + uint32(sort.Search(len(lows), func(i int) bool { return lows[i] > l }))
}

// rank gives the number of keys at or below an address.
func (x *index) rank(f *family, h, l uint64) uint32 {
	slot, ok := x.slot(f, h)
	switch {
	case !ok && h < f.low:
		return 0
	case !ok:
		return f.count
	}
	slot = x.descend(slot, h)
	var lane uint32
	if slot&1 != 0 {
		lane = x.search(&x.nodes[slot>>1], h, l) - f.words
	} else {
		lane = (slot>>1 - f.words) * uint32(f.lanes)
		for i, w := range x.words[slot>>1:][:line/f.lanes] {
			switch {
			case f.lanes == 2:
				t := (h | h>>32 | top4) - w
				lane += uint32(t>>63 + t>>31&1)
			case len(x.lows) == 0:
				lane += uint32(((h | half) - w) >> 63)
			default:
				lane += uint32(sub(h|half, l, w, x.lows[int(slot>>1)+i]) >> 63)
			}
		}
	}
	if h >= half {
		lane -= uint32(f.gap)
	}
	return lane
}

// lane gives the place of the key of a rank: that of its word, and in the word.
func (f *family) lane(rank uint32, upper bool) (word, lane uint32) {
	if upper {
		rank += uint32(f.gap)
	}
	if f.lanes == 2 {
		return f.words + rank>>1, rank & 1
	}
	return f.words + rank, 0
}

// high gives the highest 64 bits of the key of a rank.
func (x *index) high(f *family, rank uint32) uint64 {
	return x.key(f, rank).h
}

// key gives the key of a rank.
func (x *index) key(f *family, rank uint32) word {
	upper := rank >= f.split
	at, lane := f.lane(rank, upper)
	key := word{h: x.words[at]}
	if f.lanes == 2 {
		key.h = key.h >> (lane << 5) << 32
	} else if len(x.lows) != 0 {
		key.l = x.lows[at]
	}
	key.h &^= half
	if upper {
		key.h |= half
	}
	return key
}

// run gives the addresses that have the rank.
func (x *index) run(f *family, rank uint32) (r run) {
	if rank > 0 {
		r.first = x.key(f, rank-1)
	}
	if rank < f.count {
		r.end = x.key(f, rank)
	}
	return r
}

func (x *index) family(v6 bool) *family {
	if v6 {
		return &x.v6
	}
	return &x.v4
}

// newIndex takes the edges of both families, rising.
func newIndex(v4, v6 edges) (x index) {
	words, fine := 0, false
	for i := range v6.count() {
		if v6.at(i).l != 0 {
			fine = true
			break
		}
	}
	for _, each := range []struct {
		of    *family
		edges edges
		lanes int
	}{{&x.v6, v6, 1}, {&x.v4, v4, 2}} {
		f, edges, count := each.of, each.edges, each.edges.count()
		split := sort.Search(count, func(i int) bool {
			return edges.at(i).h >= half
		})
		*f = family{words: uint32(words), count: uint32(count), split: uint32(split), lanes: uint8(each.lanes), odd: count&1 != 0}
		if 0 < split && split < count {
			// An even number, so that parity needs no correction. If it ends inside a word, so does the gap, and the lane
			// before the first key is below every address.
			f.gap = uint8(line + split%each.lanes*2)
		}
		words += (count+int(f.gap)+each.lanes-1)/each.lanes + line/each.lanes
	}
	x.words = make([]uint64, words)
	if fine {
		x.lows = make([]uint64, x.v4.words)
	}
	for i := range x.words {
		x.words[i] = half
		if i >= int(x.v4.words) {
			x.words[i] = top4
		}
	}
	if x.v4.gap != 0 && x.v4.split&1 != 0 {
		word, _ := x.v4.lane(x.v4.split, true)
		x.words[word] &^= 1<<32 - 1
	}
	for i := range v6.count() {
		at := v6.at(i)
		word, _ := x.v6.lane(uint32(i), at.h >= half)
		x.words[word] = at.h &^ half
		if fine {
			x.lows[word] = at.l
		}
	}
	for i := range v4.count() {
		h := v4.at(i).h
		word, lane := x.v4.lane(uint32(i), h >= half)
		x.words[word] = x.words[word]&^((1<<32-1)<<(lane<<5)) | h&^half>>32<<(lane<<5)
	}
	x.divide(&x.v6)
	x.divide(&x.v4)
	return x
}

// divide makes the cells of a family.
func (x *index) divide(f *family) {
	if f.count == 0 {
		return
	}
	first, last := x.high(f, 0), x.high(f, f.count-1)
	most := min(max(uint64(f.count)/keysInCell, 1), mostCells)
	// Half of the space at most, so that a cell is on one side of it.
	for f.shift < 63 && last>>f.shift-first>>f.shift >= most {
		f.shift++
	}
	count := last>>f.shift - first>>f.shift + 1
	f.low = first >> f.shift << f.shift
	f.cells = make([]cell, count)
	x.slots = slices.Grow(x.slots, int(count))
	var counts [1 << mostStride]uint32
	rank := uint32(0)
	for i := range f.cells {
		start := f.low + uint64(i)<<f.shift
		end := rank
		for end < f.count && (x.high(f, end)-start)>>f.shift == 0 {
			end++
		}
		stride := x.stride(f, start, rank, end, &counts)
		shift := f.shift - stride
		f.cells[i] = cell{uint32(len(x.slots)) - uint32(start>>shift), uint32(shift)}
		x.fill(f, start, 1<<stride, shift, rank, end)
		rank = end
	}
}

// room is how many keys a line is sure to hold, whichever lane they start at.
func (f *family) room() uint32 {
	return line + 1 - uint32(f.lanes)
}

// stride tells into how many slots to divide a cell: two to the power of it. It counts in counts.
func (x *index) stride(f *family, start uint64, from, to uint32, counts *[1 << mostStride]uint32) uint8 {
	if to-from <= f.room() {
		return 0
	}
	stride := min(f.shift, uint8(bits.Len32(to-from)-1), mostStride)
	clear(counts[:1<<stride])
	for rank := from; rank < to; rank++ {
		counts[(x.high(f, rank)-start)>>(f.shift-stride)]++
	}
	best := stride
	for ; ; stride-- {
		over := uint32(0)
		for _, n := range counts[:1<<stride] {
			if n > f.room() {
				over += n
			}
		}
		if over <= (to-from)/fewOver {
			best = stride
		}
		if stride == 0 {
			return best
		}
		for i := range 1 << (stride - 1) {
			counts[i] = counts[2*i] + counts[2*i+1]
		}
	}
}

// fill makes slots of 1 << shift addresses each from start on, for the keys of some ranks.
func (x *index) fill(f *family, start uint64, count int, shift uint8, rank, to uint32) {
	base := len(x.slots)
	x.slots = append(x.slots, make([]uint32, count)...)
	for i := range count {
		slot := start + uint64(i)<<shift
		end := rank
		for end < to && (x.high(f, end)-slot)>>shift == 0 {
			end++
		}
		if end-rank <= f.room() {
			word, _ := f.lane(rank, slot >= half)
			x.slots[base+i] = word << 1
		} else {
			x.slots[base+i] = x.node(f, rank, end)<<1 | 1
		}
		rank = end
	}
}

// node makes a node for the keys of some ranks.
func (x *index) node(f *family, rank, to uint32) uint32 {
	name := uint32(len(x.nodes))
	first, last := x.high(f, rank), x.high(f, to-1)
	if first == last {
		word, _ := f.lane(rank, first >= half)
		x.nodes = append(x.nodes, node{first, word, to - rank, search})
		return name
	}
	most, shift := uint64(max((to-rank)/keysInSlot, 2)), uint8(0)
	for last>>shift-first>>shift >= most {
		shift++
	}
	low := first >> shift << shift
	count := int(last>>shift-first>>shift) + 1
	x.nodes = append(x.nodes, node{low, uint32(len(x.slots)), uint32(count), shift})
	x.fill(f, low, count, shift, rank, to)
	return name
}
