package cidrgate

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"unicode/utf8"
)

// An ImageError says what is wrong with an image, and where.
type ImageError struct {
	Offset int64  // from the start of the image, in bytes
	What   string // what is there, and what should be
}

func (e *ImageError) Error() string {
	return fmt.Sprintf("cidrgate: image: offset %d: %s", e.Offset, e.What)
}

const (
	magic       = "\x89cidr\r\n\x1a"
	header      = 64
	entry       = 24
	align       = 64
	byDefault   = math.MaxUint32 // as an owner
	longestNote = 65024
)

// Sections in their order, with the bytes of an element.
var (
	painted = []section{{"v4.edges", 4}, {"v4.owner", 4}, {"v6.edges", 16}, {"v6.owner", 4}, {"action", 1}, {"line", 4},
		{"note", 4}, {"note.end", 8}, {"note.txt", 1}}
	verdicts = []section{{"v4.allow", 4}, {"v6.allow", 16}}
)

type section struct {
	name  string
	width uint64
}

// A part is what a section holds, and where.
type part struct {
	section
	offset int
	bytes  []byte
}

func (p part) count() int { return len(p.bytes) / int(p.width) }

func (p part) u32(i int) uint32 { return binary.LittleEndian.Uint32(p.bytes[4*i:]) }

// wrong tells of element i.
func (p part) wrong(i int, format string, args ...any) error {
	return wrong(p.offset+i*int(p.width), p.name+": "+format, args...)
}

func wrong(offset int, format string, args ...any) error {
	return &ImageError{int64(offset), fmt.Sprintf(format, args...)}
}

// Load reads an image, which `cidrgate compile`, the C library or package compile has made. It checks all of it, and
// fails with an [*ImageError] that names the first fault; there is no policy then. It keeps no reference to the slice.
//
// It takes time in proportion to the length of the image. The checksum of an image finds accidents, not forgery: keep
// images where policies are kept.
func Load(image []byte) (*Policy, error) {
	parts, err := sections(image)
	if err != nil {
		return nil, err
	}
	p := new(Policy)
	allowed := [2]edges{{width: 4}, {width: 16}}
	if len(parts) == len(verdicts) {
		for i, part := range parts {
			if err := checkEdges(part, false); err != nil {
				return nil, err
			}
			allowed[i].bytes = part.bytes
		}
	} else if err := p.paint(parts, binary.LittleEndian.Uint32(image[28:]) == 1, &allowed); err != nil {
		return nil, err
	}
	if p.fingerprint = fingerprint(allowed); !bytes.Equal(p.fingerprint[:], image[32:64]) {
		return nil, wrong(32, "the fingerprint is %x, but the answers have %x", image[32:64], p.fingerprint)
	}
	p.answers = newIndex(allowed[0], allowed[1])
	if p.rules != nil {
		v4, v6 := edges{parts[0].bytes, 4}, edges{parts[2].bytes, 16}
		p.rules.index = &p.answers
		if !bytes.Equal(v4.bytes, allowed[0].bytes) || !bytes.Equal(v6.bytes, allowed[1].bytes) {
			owners := newIndex(v4, v6)
			p.rules.index = &owners
		}
	}
	return p, nil
}

// LoadFile reads an image from a file, as [Load] does.
func LoadFile(name string) (*Policy, error) {
	image, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("cidrgate: %w", err)
	}
	p, err := Load(image)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// sections checks the header and the section table, and cuts the image.
func sections(image []byte) ([]part, error) {
	if len(image) < len(magic) || string(image[:len(magic)]) != magic {
		return nil, wrong(0, "no image: it does not start with %q", magic)
	}
	if len(image) < 12 {
		return nil, wrong(8, "cut short: %d bytes", len(image))
	}
	if version := binary.LittleEndian.Uint32(image[8:]); version != 1 {
		return nil, wrong(8, "version %d; this reader knows version 1", version)
	}
	if len(image) < header {
		return nil, wrong(len(image), "cut short: %d bytes", len(image))
	}
	if length := binary.LittleEndian.Uint64(image[16:]); length != uint64(len(image)) {
		return nil, wrong(16, "the length is %d bytes, but there are %d", length, len(image))
	}
	if sum, is := binary.LittleEndian.Uint32(image[12:]), crc32.ChecksumIEEE(image[16:]); sum != is {
		return nil, wrong(12, "the checksum is %08x, but the bytes have %08x", sum, is)
	}
	contents, otherwise := binary.LittleEndian.Uint32(image[24:]), binary.LittleEndian.Uint32(image[28:])
	if contents > 1 {
		return nil, wrong(24, "contents %d; 0 is a painting, 1 verdicts only", contents)
	}
	if otherwise > 1 || contents == 1 && otherwise == 1 {
		return nil, wrong(28, "default %d; 0 is deny, 1 allow, and verdicts only have 0", otherwise)
	}
	all := painted
	if contents == 1 {
		all = verdicts
	}
	end := header + entry*len(all)
	if end > len(image) {
		return nil, wrong(header, "the section table ends at %d, the image at %d", end, len(image))
	}
	parts := make([]part, len(all))
	for i, section := range all {
		at := header + entry*i
		var name [8]byte
		copy(name[:], section.name)
		if string(image[at:at+8]) != string(name[:]) {
			return nil, wrong(at, "section %q where %q belongs", bytes.TrimRight(image[at:at+8], "\x00"), section.name)
		}
		start := (end + align - 1) / align * align
		if offset := binary.LittleEndian.Uint64(image[at+8:]); offset != uint64(start) {
			return nil, wrong(at+8, "%s: offset %d where %d belongs", section.name, offset, start)
		}
		length := binary.LittleEndian.Uint64(image[at+16:])
		if start > len(image) || length > uint64(len(image)-start) {
			return nil, wrong(at+16, "%s: %d bytes from %d on, but the image ends at %d", section.name, length, start, len(image))
		}
		if length%section.width != 0 {
			return nil, wrong(at+16, "%s: %d bytes are no whole number of elements of %d", section.name, length, section.width)
		}
		end = start + int(length)
		parts[i] = part{section, start, image[start:end]}
	}
	if end != len(image) {
		return nil, wrong(end, "the last section ends at %d, the image at %d", end, len(image))
	}
	if err := counts(parts); err != nil {
		return nil, err
	}
	end = header + entry*len(all)
	for _, part := range parts {
		for i, b := range image[end:part.offset] {
			if b != 0 {
				return nil, wrong(end+i, "padding is %#02x, not 0", b)
			}
		}
		end = part.offset + len(part.bytes)
	}
	return parts, nil
}

// counts checks that the sections have as many elements as they must.
func counts(parts []part) error {
	length := func(i int) int { return header + entry*i + 16 }
	for i, part := range parts {
		if strings.HasPrefix(part.name, "v") && part.count() > mostKeys+1 {
			return wrong(length(i), "%s: %d elements, more than the %d that this reader takes", part.name, part.count(), mostKeys)
		}
	}
	if len(parts) == len(verdicts) {
		return nil
	}
	for _, i := range []int{0, 2} {
		if edges, owners := parts[i], parts[i+1]; owners.count() != edges.count()+1 {
			return wrong(length(i+1), "%s: %d elements, but %d edges have %d segments",
				owners.name, owners.count(), edges.count(), edges.count()+1)
		}
	}
	rules := parts[4].count()
	if uint64(rules) > 1<<31 {
		return wrong(length(4), "action: %d elements, more than %d", rules, uint32(1<<31))
	}
	for _, i := range []int{5, 6} {
		if parts[i].count() != rules {
			return wrong(length(i), "%s: %d elements for %d rules", parts[i].name, parts[i].count(), rules)
		}
	}
	return nil
}

// checkEdges wants edges that rise, none in the mapped block, and unless zero is set it may start with 0.
func checkEdges(part part, painted bool) error {
	e := edges{part.bytes, int(part.width)}
	var before word
	for i := range e.count() {
		at := e.at(i)
		if i == 0 && painted && at == (word{}) {
			return part.wrong(i, "edge 0")
		}
		if i > 0 && !before.less(at) {
			return part.wrong(i, "the edge is not above the one before")
		}
		if e.width == 16 && at.mapped() {
			return part.wrong(i, "the edge is in the mapped block")
		}
		before = at
	}
	return nil
}

// paint reads the segments and what is known of the rules, and gives the edges of what is allowed.
func (p *Policy) paint(parts []part, otherwise bool, allowed *[2]edges) error {
	action, line, note, noteEnd, noteText := parts[4], parts[5], parts[6], parts[7], parts[8]
	count := action.count()
	for f := range allowed {
		if err := checkEdges(parts[2*f], true); err != nil {
			return err
		}
		part := parts[2*f+1]
		for i := range part.count() {
			owner := part.u32(i)
			if owner != byDefault && uint64(owner) >= uint64(count) {
				return part.wrong(i, "rule %d of %d", owner, count)
			}
			if i > 0 && owner == part.u32(i-1) {
				return part.wrong(i, "the segment has the owner of the one before")
			}
		}
	}
	for i, a := range action.bytes {
		if a > 1 {
			return action.wrong(i, "%d; 0 is deny, 1 allow", a)
		}
	}
	if err := checkNotes(note, noteEnd, noteText); err != nil {
		return err
	}

	allows := func(owner uint32) bool {
		if owner == byDefault {
			return otherwise
		}
		return action.bytes[owner] == 1
	}
	for f := range allowed {
		e, owners := edges{parts[2*f].bytes, allowed[f].width}, parts[2*f+1]
		before := false
		for i := range owners.count() {
			if now := allows(owners.u32(i)); now != before {
				var start word
				if i > 0 {
					start = e.at(i - 1)
				}
				allowed[f].add(start)
				before = now
			}
		}
	}

	p.rules = &rules{
		otherwise: otherwise,
		owners:    [2][]uint32{numbers(parts[1]), numbers(parts[3])},
		actions:   bytes.Clone(action.bytes),
		lines:     numbers(line),
		notes:     numbers(note),
		noteText:  string(noteText.bytes),
	}
	p.rules.noteEnds = make([]uint64, noteEnd.count())
	for i := range p.rules.noteEnds {
		p.rules.noteEnds[i] = binary.LittleEndian.Uint64(noteEnd.bytes[8*i:])
	}
	return nil
}

func numbers(part part) []uint32 {
	all := make([]uint32, part.count())
	for i := range all {
		all[i] = part.u32(i)
	}
	return all
}

func checkNotes(note, noteEnd, noteText part) error {
	count := noteEnd.count()
	end := uint64(0)
	text := func(i int) []byte { // of a note that was checked
		start := uint64(0)
		if i > 0 {
			start = binary.LittleEndian.Uint64(noteEnd.bytes[8*i-8:])
		}
		return noteText.bytes[start:binary.LittleEndian.Uint64(noteEnd.bytes[8*i:])]
	}
	for i := range count {
		next := binary.LittleEndian.Uint64(noteEnd.bytes[8*i:])
		if next <= end || next > uint64(len(noteText.bytes)) {
			return noteEnd.wrong(i, "the note ends at %d; the one before at %d, all at %d", next, end, len(noteText.bytes))
		}
		if next-end > longestNote {
			return noteEnd.wrong(i, "a note of %d bytes; the longest are of %d", next-end, longestNote)
		}
		end = next
		if at, what := faultInNote(text(i)); what != "" {
			return noteText.wrong(int(next)-len(text(i))+at, "%s", what)
		}
	}
	if end != uint64(len(noteText.bytes)) {
		return noteText.wrong(int(end), "the last note ends at %d, the text at %d", end, len(noteText.bytes))
	}
	used, before := uint32(0), uint32(0)
	for i := range note.count() {
		now := note.u32(i)
		switch {
		case now == 0 || now == before:
		case uint64(now) != uint64(used)+1 || int(now) > count:
			return note.wrong(i, "note %d of %d, where %d is the next", now, count, uint64(used)+1)
		case before != 0 && bytes.Equal(text(int(before)-1), text(int(now)-1)):
			return note.wrong(i, "the note is that of the rule before, and should be shared")
		default:
			used = now
		}
		before = now
	}
	if int(used) != count {
		return noteEnd.wrong(int(used), "nobody has the note")
	}
	return nil
}

// faultInNote gives where a note is not as notes are, and how; an empty text if it is.
func faultInNote(note []byte) (int, string) {
	blank := func(b byte) bool { return b == ' ' || b == '\t' }
	if blank(note[0]) {
		return 0, "a note starts with a blank"
	}
	if blank(note[len(note)-1]) {
		return len(note) - 1, "a note ends with a blank"
	}
	for i := 0; i < len(note); {
		r, size := rune(note[i]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRune(note[i:]); size == 1 {
				return i, "a note is not UTF-8"
			}
		}
		if r < ' ' && r != '\t' || 0x7f <= r && r <= 0x9f {
			return i, fmt.Sprintf("a note with the control character %U", r)
		}
		i += size
	}
	return 0, ""
}

// fingerprint hashes what is allowed.
func fingerprint(allowed [2]edges) (sum [32]byte) {
	hash := sha256.New()
	hash.Write([]byte("cidrgate.verdict.1\x00"))
	for _, e := range allowed {
		var count [8]byte
		binary.LittleEndian.PutUint64(count[:], uint64(e.count()))
		hash.Write(count[:])
		hash.Write(e.bytes)
	}
	hash.Sum(sum[:0])
	return sum
}
