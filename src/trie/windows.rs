//! A table of slots that name lines, which hold some bits of their numbers.

use alloc::vec::Vec;
use core::ops::Range;

use super::{Key, Row, part_bits};
use crate::error::OutOfMemory;

/// Slots of two to the power of `shift` addresses each, from the first number on; one more, at `limit`, is for what lies
/// outside.
///
/// A slot is an entry. Its index, and what is left of the address when it is shifted by so many bits as the entry says,
/// come to the place of a line, or of another entry, with slots as small as that. The bits of the numbers that lie in a
/// slot tell them apart from every address in it; a number at the end of a slot lies below none of them.
///
/// With `HOSTS` lines hold addresses, not edges, of which a single host has two: the addresses whose answer is not that of
/// the slot.
#[derive(Clone, Debug)]
pub(crate) struct Windows<K: Key, const HOSTS: bool> {
    base: K,
    limit: K,
    shift: u32,
    slots: Vec<Entry>,
    /// The first is for slots without numbers.
    lines: Vec<K::Cells>,
}

/// From bit 9 on the index, below it the shift.
#[derive(Clone, Copy, Debug)]
struct Entry(u32);

impl Entry {
    const SHIFT: u32 = 0x3f;
    /// Whether the number of edges that the line does not know of is odd.
    const ODD: u32 = 1 << 6;
    /// It is another entry.
    const NODE: u32 = 1 << 7;
    /// The line holds what [`Key::ABOVE`] says.
    const ABOVE: u32 = 1 << 8;
    const INDEX: u32 = 9;
    /// Every index is below this.
    const INDICES: usize = 1 << (u32::BITS - Self::INDEX);

    fn new(index: usize, shift: u32, odd: bool, kind: u32) -> Option<Self> {
        let index = u32::try_from(index).ok().filter(|_| index < Self::INDICES)?;
        Some(Self(index << Self::INDEX | kind | shift | if odd { Self::ODD } else { 0 }))
    }

    #[inline(always)]
    fn place<K: Key>(self, inside: K) -> usize {
        (self.0 >> Self::INDEX) as usize + (inside >> (self.0 & Self::SHIFT)).low_usize()
    }
}

#[inline(always)]
fn low<K: Key>(at: K, bits: u32) -> K {
    at & !(K::MAX << bits)
}

impl<K: Key, const HOSTS: bool> Windows<K, HOSTS> {
    /// `None` if it would take more than so many bytes.
    pub(super) fn build(keys: &[K], flip: bool, bytes: usize) -> Result<Option<Self>, OutOfMemory> {
        let (Some(&first), Some(&last)) = (keys.first(), keys.last()) else {
            return Ok(None);
        };
        // What is outside is even, so what is odd up to the end is inside.
        let last = if keys.len() % 2 == 1 || flip || K::WHOLE.is_some() { K::MAX } else { last };
        let first = if flip || K::WHOLE.is_some() { K::ZERO } else { first };
        let most = K::slots(keys.len());
        let count = |shift| ((last >> shift) - (first >> shift)).low_usize().saturating_add(1);
        let wide = K::BITS - (last - first).leading_zeros();
        let mut shift = K::WHOLE.unwrap_or(wide.saturating_sub(most.ilog2() + 1));
        while count(shift) > most {
            shift += 1;
        }
        let base = first >> shift << shift;
        let slots = count(shift);
        let limit = (last >> shift).checked_add(K::ONE).filter(|end| *end <= K::MAX >> shift);
        // Up to the end of the space: the difference is right without the bit that does not fit.
        let limit = limit.map_or(K::ZERO, |end| end << shift).wrapping_sub(base);
        let limit = if limit == K::ZERO { K::MAX } else { limit };
        let mut plan = Plan::<K, HOSTS> {
            keys,
            flip,
            base,
            bytes,
            slots: Vec::new(),
            lines: Vec::new(),
            todo: Vec::new(),
            open: 0..0,
            members: Vec::new(),
        };
        if !plan.carry_out(shift, slots)? {
            return Ok(None);
        }
        let mut windows = Self { base, limit, shift, slots: plan.slots, lines: plan.lines };
        windows.slots.shrink_to_fit();
        windows.lines.shrink_to_fit();
        Ok(Some(windows))
    }

    /// The slot of an address, and what tells addresses inside it apart.
    #[inline(always)]
    fn slot(&self, at: K) -> (Entry, K) {
        let (inside, shift) = match K::WHOLE {
            Some(shift) => (at, shift),
            None => (at.wrapping_sub(self.base).min(self.limit), self.shift),
        };
        (self.slots[(inside >> shift).low_usize()], low(inside, shift))
    }

    #[inline(always)]
    fn is_odd_at(&self, at: K, place: usize, entry: Entry) -> bool {
        let line = &self.lines[place];
        let window = if entry.0 & Entry::ABOVE != 0 { K::ABOVE.unwrap_or(0) } else { 0 };
        let cell = if K::ABOVE.is_some() { at >> window } else { at }.cell();
        (if HOSTS { line.has(cell) } else { line.is_odd(cell) }) ^ (entry.0 & Entry::ODD != 0)
    }

    #[inline(always)]
    pub(super) fn is_odd(&self, at: K) -> bool {
        let (mut entry, mut inside) = self.slot(at);
        while entry.0 & Entry::NODE != 0 {
            let shift = entry.0 & Entry::SHIFT;
            entry = self.slots[entry.place(inside)];
            inside = low(inside, shift);
        }
        self.is_odd_at(at, entry.place(inside), entry)
    }

    /// One phase after the other, so that the memory works on many look-ups at once.
    #[inline]
    pub(super) fn batch(&self, mut at: impl Iterator<Item = K>, odd: &mut [bool]) {
        const GROUP: usize = 16;
        let mut groups = odd.chunks_exact_mut(GROUP);
        for group in &mut groups {
            let mut keys = [K::ZERO; GROUP];
            for (key, at) in keys.iter_mut().zip(&mut at) {
                *key = at;
            }
            let mut slots = [(Entry(0), K::ZERO); GROUP];
            for (slot, &at) in slots.iter_mut().zip(&keys) {
                *slot = self.slot(at);
            }
            let mut places = [0; GROUP];
            for (place, (entry, inside)) in places.iter_mut().zip(&mut slots) {
                while entry.0 & Entry::NODE != 0 {
                    let shift = entry.0 & Entry::SHIFT;
                    *entry = self.slots[entry.place(*inside)];
                    *inside = low(*inside, shift);
                }
                *place = entry.place(*inside);
            }
            for (((odd, &at), &place), &(entry, _)) in group.iter_mut().zip(&keys).zip(&places).zip(&slots) {
                *odd = self.is_odd_at(at, place, entry);
            }
        }
        groups.into_remainder().iter_mut().zip(at).for_each(|(odd, at)| *odd = self.is_odd(at));
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Entry>() + self.lines.capacity() * size_of::<K::Cells>()
    }
}

/// A group has room for at most so many times its numbers. Smaller groups mean more tables, and a look-up that goes on to
/// one is hard to foresee for the processor.
const GROUP_ROOM: usize = 4;
/// If more than one of so many numbers is in tables of their own, every slot with numbers has one, so that there is
/// nothing to foresee.
const DEEP: usize = 3;
/// What a number costs that is too far from others, or too close, for a line, roughly.
const FAR_BYTES: usize = 16;
/// So many tables are made before it is asked whether all of them will have room.
const SAMPLE: usize = 64;
/// A table has at most two to the power of this slots.
const NODE_BITS: u32 = 8;

/// Whether nearly all edges are those of a few addresses each.
pub(super) fn are_hosts<K: Key>(keys: &[K], flip: bool) -> bool {
    let few = |run: &&[K]| matches!(run, [before, last] if *last - *before <= K::ONE << 2);
    let hosts = keys[usize::from(flip).min(keys.len())..].chunks(2).filter(few).count();
    2 * hosts >= keys.len() - keys.len() / 16
}

struct Plan<'a, K: Key, const HOSTS: bool> {
    keys: &'a [K],
    flip: bool,
    base: K,
    /// How much memory there is.
    bytes: usize,
    slots: Vec<Entry>,
    lines: Vec<K::Cells>,
    /// Slots that still need their table, its numbers, and the power of two that the slot has addresses.
    todo: Vec<(usize, Range<usize>, u32)>,
    /// The numbers of a line that may take on more.
    open: Range<usize>,
    /// The hosts of a line that may take on more, and of the slot that is looked at.
    members: Vec<K>,
}

impl<K: Key, const HOSTS: bool> Plan<'_, K, HOSTS> {
    fn carry_out(&mut self, shift: u32, slots: usize) -> Result<bool, OutOfMemory> {
        self.first_lines()?;
        let all = 0..self.keys.len();
        if !self.table(all, shift, slots, None)? {
            return Ok(false);
        }
        // For what is outside.
        self.slots.try_reserve(1)?;
        self.slots.push(Entry(shift));
        let (tables, before) = (self.todo.len(), self.used());
        let deep: usize = self.todo.iter().map(|(_, run, _)| run.len()).sum();
        while let Some((slot, run, bits)) = self.todo.pop() {
            // If the first ones take much more than is there for each, the others will too.
            let done = tables.saturating_sub(self.todo.len() + 1);
            if done == SAMPLE && (self.used() - before) / SAMPLE / 2 > self.bytes.saturating_sub(before) / tables {
                return Ok(false);
            }
            let node_bits = self.node_bits(&run, bits);
            let shift = bits - node_bits;
            let Some(entry) = Entry::new(self.slots.len(), shift, false, Entry::NODE) else {
                return Ok(false);
            };
            self.slots[slot] = entry;
            let shared = self.window(&run, bits);
            if !self.table(run, shift, 1 << node_bits, shared)? {
                return Ok(false);
            }
        }
        if deep > self.keys.len() / DEEP {
            return Ok(self.deepen(shift, slots)? && self.has_room_for(0, 0));
        }
        Ok(self.has_room_for(0, 0))
    }

    /// Gives every slot of the first table that has none a table of one slot.
    fn deepen(&mut self, shift: u32, slots: usize) -> Result<bool, OutOfMemory> {
        let mut even_odd = [None; 2];
        for slot in 0..=slots {
            let entry = self.slots[slot];
            if entry.0 & Entry::NODE != 0 {
                continue;
            }
            let constant = entry.0 >> Entry::INDEX == 0;
            let known = if constant { even_odd[usize::from(entry.0 & Entry::ODD != 0)] } else { None };
            let at = known.unwrap_or(self.slots.len());
            if known.is_none() {
                if !self.has_room_for(1, 0) {
                    return Ok(false);
                }
                self.slots.try_reserve(1)?;
                self.slots.push(entry);
                if constant {
                    even_odd[usize::from(entry.0 & Entry::ODD != 0)] = Some(at);
                }
            }
            let Some(entry) = Entry::new(at, shift, false, Entry::NODE) else {
                return Ok(false);
            };
            self.slots[slot] = entry;
        }
        Ok(true)
    }

    fn used(&self) -> usize {
        self.slots.len() * size_of::<Entry>() + self.lines.len() * size_of::<K::Cells>()
    }

    /// In memory, and in an entry.
    fn has_room_for(&self, slots: usize, lines: usize) -> bool {
        self.used() + slots * size_of::<Entry>() + lines * size_of::<K::Cells>() <= self.bytes
            && (self.slots.len() + slots).max(self.lines.len() + lines) < Entry::INDICES
    }

    /// Without the number that is the end of its part of two to the power of `bits` addresses.
    fn without_end(&self, run: Range<usize>, bits: u32) -> Range<usize> {
        let at_end = run.end > run.start && low(self.keys[run.end - 1], bits) == low(K::MAX, bits);
        run.start..run.end - usize::from(at_end)
    }

    /// Whether an odd number of edges comes before a number.
    fn odd(&self, at: usize) -> bool {
        (at % 2 == 1) ^ self.flip
    }

    /// How far numbers are shifted for their cells to tell them from every address of so many bits around them.
    fn window(&self, run: &Range<usize>, bits: u32) -> Option<u32> {
        if bits <= K::CELL_BITS {
            return Some(0);
        }
        match K::ABOVE {
            Some(shift) if bits <= K::CELL_BITS + shift => {
                let coarse = self.keys[run.clone()].iter().all(|&key| low(key, shift) == low(K::MAX, shift));
                coarse.then_some(shift)
            }
            _ => None,
        }
    }

    /// The slots of one table, of two to the power of `shift` addresses each. Where one window is right for all of it,
    /// neighbours share a line.
    fn table(&mut self, run: Range<usize>, shift: u32, slots: usize, shared: Option<u32>) -> Result<bool, OutOfMemory> {
        if !self.has_room_for(slots, 0) {
            return Ok(false);
        }
        self.slots.try_reserve(slots)?;
        let keys = self.keys;
        let (table, base) = (self.slots.len(), self.base);
        let part = |key: K| (key - base) >> shift;
        let origin = if table == 0 { K::ZERO } else { low_out(part(keys[run.start]), slots) };
        let mut at = run.start;
        while at < run.end {
            let (start, slot) = (at, part(keys[at]));
            self.constant(table + (slot - origin).low_usize(), shift, start);
            at += keys[at..run.end].iter().take_while(|&&key| part(key) == slot).count();
            let inside = self.without_end(start..at, shift);
            if inside.is_empty() {
                self.constant(self.slots.len() + 1, shift, start);
                continue;
            }
            let entry =
                if HOSTS { self.hosts(&inside, shift, shared.is_some())? } else { self.edges(&inside, shift, shared)? };
            if entry.is_none() {
                self.close(shared)?;
                self.todo.try_reserve(1)?;
                self.todo.push((self.slots.len(), start..at, shift));
            }
            // Each table that is still to come has two slots and a line at least.
            if !self.has_room_for(2 * self.todo.len(), self.todo.len()) {
                return Ok(false);
            }
            self.slots.push(entry.unwrap_or(Entry(0)));
        }
        self.close(shared)?;
        self.constant(table + slots, shift, run.end);
        Ok(true)
    }

    /// Slots without numbers, for which there is room, up to this one; so many numbers come before them.
    fn constant(&mut self, end: usize, shift: u32, before: usize) {
        let odd = if self.odd(before) { Entry::ODD } else { 0 };
        let shift = if HOSTS { shift - 1 } else { shift };
        self.slots.resize(end, Entry(shift | odd));
    }

    /// What slots without numbers have. A line of hosts holds one at least: the last address of the upper half for those of
    /// the lower, and the other way round.
    fn first_lines(&mut self) -> Result<(), OutOfMemory> {
        self.lines.try_reserve(2)?;
        let full = |at: K| K::Cells::new(None, core::iter::repeat_n(at.cell(), K::Cells::LANES));
        let (hosts, edges) = ([full(K::MAX), full(K::ZERO)], [K::Cells::new(None, core::iter::empty())]);
        self.lines.extend_from_slice(if HOSTS { &hosts } else { &edges });
        Ok(())
    }

    fn line(&mut self, run: Range<usize>, window: u32, odd: bool) -> Result<(), OutOfMemory> {
        self.lines.try_reserve(1)?;
        let cells = self.keys[run].iter().map(|&key| (key >> window).cell());
        self.lines.push(K::Cells::new(odd.then_some(K::Cells::LOWEST), cells));
        Ok(())
    }

    /// The entry for a slot whose numbers have room in lines; `None` if they have not. Where all of the table has one
    /// window, the last line may take on those of the slots that follow.
    fn edges(&mut self, run: &Range<usize>, bits: u32, shared: Option<u32>) -> Result<Option<Entry>, OutOfMemory> {
        let lanes = K::Cells::LANES;
        if let Some(window) = shared {
            let joins = !self.open.is_empty() && run.end - self.open.start <= lanes;
            if joins || run.len() <= lanes {
                if !joins {
                    self.close(shared)?;
                    self.open.start = run.start;
                }
                self.open.end = run.end;
                return Ok(Entry::new(self.lines.len(), bits, self.odd(self.open.start), other(window)));
            }
            self.close(shared)?;
        }
        let keys = &self.keys[run.clone()];
        let window = self.window(run, bits);
        let fits = window.and_then(|window| part_bits(keys, K::ZERO, lanes, false, true, window));
        let (Some(window), Some(fits)) = (window, fits) else {
            return Ok(None);
        };
        let log = bits.saturating_sub(fits);
        if log > 0 && bits > K::SMALL && lanes << log > GROUP_ROOM * run.len() {
            return Ok(None);
        }
        let entry = Entry::new(self.lines.len(), bits - log, self.odd(run.start), other(window));
        self.group(run, bits, log, window)?;
        Ok(entry)
    }

    /// The entry for a slot whose addresses have room in lines; `None` if they have not. Where `shared`, the last line may
    /// take on those of the slots that follow.
    fn hosts(&mut self, run: &Range<usize>, bits: u32, shared: bool) -> Result<Option<Entry>, OutOfMemory> {
        let lanes = K::Cells::LANES;
        if bits > K::CELL_BITS {
            return Ok(None);
        }
        // Stretches of the slot, in turn as before the first number and the other way round.
        let start = self.keys[run.start] >> bits << bits;
        let ends = self.keys[run.clone()].iter().copied().chain([start | low(K::MAX, bits)]);
        let stretches = ends.scan(start, |from, end| {
            let stretch = (*from, (end - *from).low_usize() + 1);
            *from = end.wrapping_add(K::ONE);
            Some(stretch)
        });
        let mut sums = [0, 0];
        stretches.clone().enumerate().for_each(|(number, (_, len))| sums[number % 2] += len);
        let rare = usize::from(sums[1] <= sums[0]);
        // A small slot has room in any case, the larger ones in proportion.
        let small = bits <= K::SMALL;
        if !small && sums[rare] > lanes.max(2 * run.len()) {
            return Ok(None);
        }
        // The answer of the others.
        let odd = self.odd(run.start) ^ (rare == 0);
        let pending = self.members.len();
        self.members.try_reserve(sums[rare])?;
        for (mut at, len) in stretches.skip(rare).step_by(2) {
            for _ in 0..len {
                self.members.push(at);
                at = at.wrapping_add(K::ONE);
            }
        }
        let members = &self.members[pending..];
        // As for edges, but what comes before does not count.
        let apart = members.iter().zip(members.get(lanes..).unwrap_or_default()).map(|(&from, &to)| from ^ to);
        let log = bits.saturating_sub(K::BITS - 1 - apart.fold(K::MAX, K::min).leading_zeros());
        if !small && log > 0 && lanes << log > GROUP_ROOM * members.len() {
            self.members.truncate(pending);
            return Ok(None);
        }
        let joined = log == 0 && shared && self.members.len() <= lanes;
        if !joined {
            self.host_line(0..pending)?;
            self.members.drain(..pending);
        }
        let entry = Entry::new(self.lines.len(), bits - log, odd, 0);
        if log == 0 && shared {
            return Ok(entry);
        }
        let mut at = 0;
        for part in 0..1 << log {
            let inside = |at: &&K| (low(**at, bits) >> (bits - log)).low_usize() == part;
            let start = at;
            at += self.members[start..].iter().take_while(inside).count();
            // In a part without any: one of another part.
            self.host_line(if at == start { 0..1 } else { start..at })?;
        }
        self.members.clear();
        Ok(entry)
    }

    /// A line of these members, which fill it; none if there are none.
    fn host_line(&mut self, members: Range<usize>) -> Result<(), OutOfMemory> {
        if !members.is_empty() {
            self.lines.try_reserve(1)?;
            let filled = self.members[members].iter().cycle().take(K::Cells::LANES);
            self.lines.push(K::Cells::new(None, filled.map(|at| at.cell())));
        }
        Ok(())
    }

    /// Ends the line that might have taken on more.
    fn close(&mut self, shared: Option<u32>) -> Result<(), OutOfMemory> {
        self.host_line(0..self.members.len())?;
        self.members.clear();
        let open = core::mem::take(&mut self.open);
        if open.is_empty() { Ok(()) } else { self.line(open, shared.unwrap_or(0), false) }
    }

    /// The parts of a slot that have numbers, or an odd number before them: the part, the numbers that matter in it, and
    /// whether those before them are odd.
    fn parts(&self, run: &Range<usize>, bits: u32, log: u32) -> impl Iterator<Item = (usize, Range<usize>, bool)> + '_ {
        let run = run.clone();
        let shift = bits - log;
        let part = move |at: usize| (low(self.keys[at], bits) >> shift).low_usize();
        let mut at = run.start;
        core::iter::from_fn(move || {
            if at == run.end {
                return None;
            }
            let start = at;
            let this = part(start);
            while at < run.end && part(at) == this {
                at += 1;
            }
            Some((this, self.without_end(start..at, shift), (start - run.start) % 2 == 1))
        })
    }

    fn group(&mut self, run: &Range<usize>, bits: u32, log: u32, window: u32) -> Result<(), OutOfMemory> {
        let shift = bits - log;
        let mut at = run.start;
        for part in 0..1 << log {
            let start = at;
            while at < run.end && (low(self.keys[at], bits) >> shift).low_usize() == part {
                at += 1;
            }
            // The lowest number is below every address in a later part.
            self.line(self.without_end(start..at, shift), window, (start - run.start) % 2 == 1)?;
        }
        Ok(())
    }

    /// The size of a table for a slot, as a power of two: the one that makes for the least memory.
    fn node_bits(&self, run: &Range<usize>, bits: u32) -> u32 {
        let lanes = K::Cells::LANES;
        let least = (run.len() / lanes).max(2).ilog2();
        // Small enough for hosts, and not so small that there are no halves.
        let (least, most) = if HOSTS { (least.max(bits.saturating_sub(K::SMALL)), bits - 1) } else { (least, bits) };
        let cost = |log: u32| {
            let shift = bits - log;
            let (mut lines, mut room, mut far) = (0, 0, 0);
            for (_, cells, _) in self.parts(run, bits, log) {
                match if HOSTS { cells.len().div_ceil(2) } else { cells.len() } {
                    len if len <= room => room -= len,
                    len if len <= lanes => {
                        lines += 1;
                        room = lanes - len;
                    }
                    len if shift <= K::SMALL => {
                        lines += 2 * len.div_ceil(lanes);
                        room = 0;
                    }
                    len => {
                        far += len;
                        room = 0;
                    }
                }
            }
            (lines * size_of::<K::Cells>() + (size_of::<Entry>() << log)) + far * FAR_BYTES
        };
        let (mut best, mut least_cost) = (1, usize::MAX);
        for log in least.min(most)..=most.min(NODE_BITS) {
            if size_of::<Entry>() << log >= least_cost {
                break;
            }
            let cost = cost(log);
            if cost < least_cost {
                (best, least_cost) = (log.max(1), cost);
            } else if cost > 2 * least_cost {
                break;
            }
        }
        best
    }
}

const fn other(window: u32) -> u32 {
    if window == 0 { 0 } else { Entry::ABOVE }
}

/// The first slot of the table of so many that a slot is in.
fn low_out<K: Key>(slot: K, slots: usize) -> K {
    let bits = slots.ilog2();
    slot >> bits << bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many entries are tables, groups of more than one line, and of the window above.
    fn kinds<K: Key, const HOSTS: bool>(edges: impl IntoIterator<Item = K>) -> [usize; 3] {
        let keys: Vec<_> = edges.into_iter().map(|edge| edge - K::ONE).collect();
        let windows = Windows::<_, HOSTS>::build(&keys, false, usize::MAX).unwrap().unwrap();
        let of = |kind| windows.slots.iter().filter(|entry| entry.0 & kind != 0).count();
        let group = |entry: &&Entry| {
            entry.0 & (Entry::NODE | Entry::ABOVE) == 0
                && entry.0 >> Entry::INDEX != 0
                && entry.0 & Entry::SHIFT < windows.shift
        };
        [of(Entry::NODE), windows.slots.iter().filter(group).count(), of(Entry::ABOVE)]
    }

    #[test]
    fn every_kind_of_entry_is_chosen() {
        // Few edges; enough for a group; clusters that need a table; a table in every slot.
        let some = |nets: u32, hosts: u32, step: usize| -> Vec<u32> {
            let hosts = move |net| (1..=hosts).step_by(step).map(move |host| net << 16 | host);
            (1..=nets).flat_map(hosts).chain([0xf000_0000]).collect()
        };
        assert_eq!(kinds::<_, false>(some(100, 9, 1)), [0, 0, 0]);
        assert_eq!(kinds::<_, false>(some(100, 60_000, 2_500)), [0, 100, 0]);
        let one = some(1, 200, 2).into_iter().take(100).chain(some(2000, 5, 1).into_iter().skip(5));
        assert_eq!(kinds::<_, false>(one)[0], 1);
        assert_eq!(kinds::<_, false>(some(100, 200, 2))[0], (1 << 16) + 1);
        // The same of hosts, each of two edges.
        let some = |nets: u32, hosts: u32, step: usize| -> Vec<u32> {
            let hosts =
                move |net| (1..=hosts).step_by(step).flat_map(move |host| [0_u32, 1].map(|at| (net << 16) + host + at));
            (1..=nets).flat_map(hosts).collect()
        };
        assert_eq!(kinds::<_, true>(some(100, 60_000, 4_000)), [0, 0, 0]);
        assert_eq!(kinds::<_, true>(some(100, 60_000, 2_500)), [0, 100, 0]);
        let one = some(1, 200, 2).into_iter().chain(some(2000, 5, 2).into_iter().skip(6));
        assert_eq!(kinds::<_, true>(one)[0], 1);
        assert_eq!(kinds::<_, true>(some(100, 200, 2))[0], (1 << 16) + 1);
        // Windows below and above: edges at /64s and at /48s.
        let fine = (1..200_u64).map(|at| 0x2001_0db8 << 32 | at);
        let coarse = (1..200_u64).map(|at| 0x2a00_0000 << 32 | at << 36);
        let [nodes, _, above] = kinds::<_, false>(fine.chain(coarse));
        assert!(nodes > 0 && above > 0, "{nodes} {above}");
        // The toy spaces, in which tests see every address, have them all.
        let steps = |kinds: &dyn Fn(u16) -> [usize; 3]| {
            (1..20).map(kinds).fold([0; 3], |[a, b, c], [nodes, groups, above]| [a + nodes, b + groups, c + above])
        };
        let clusters = |step: u16| (1..=u8::MAX).filter(move |at| u16::from(at % 64) % (4 * step) < step);
        let [nodes, groups, _] = steps(&|step| kinds::<_, false>(clusters(step)));
        assert!(nodes > 0 && groups > 0, "{nodes} {groups}");
        let [nodes, groups, _] = steps(&|step| kinds::<_, true>(clusters(step)));
        assert!(nodes > 0 && groups > 0, "{nodes} {groups}");
        let of_16 = |step: u16| {
            (4..=u16::MAX).filter(move |at| at % 16 == 0 && at / 16 % step == 0 || at % 4096 < 64 || at % 4096 == 1000)
        };
        let [nodes, groups, above] = steps(&|step| kinds::<_, false>(of_16(step)));
        assert!(nodes > 0 && groups > 0 && above > 0, "{nodes} {groups} {above}");
    }
}
