//! A set made to fit a limit: the cheapest list of at most so many networks that covers it.
//!
//! The networks of the smallest list are the leaves of a binary tree, whose other nodes are the longest prefixes that
//! two leaves share. A cheapest list is made of nodes: a network that covers two leaves or more can shrink to a node
//! and covers the same leaves, and what is covered piece by piece within a leaf can be covered by the leaf. So each
//! node gets a table, the least cost for every number of networks; the table of two children together is the best way
//! to share the networks out between them, and the node can do with one network: its own.

use alloc::vec::Vec;

use ipnet::IpNet;

use crate::edges::Edges;
use crate::error::OutOfMemory;
use crate::range::{Family, IpRange};
use crate::set::{CidrSet, Split};
use crate::word::Word;

/// A list of networks that covers a set and keeps to a limit, from [`CidrSet::fit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    networks: Vec<IpNet>,
    set: CidrSet,
    extra: CidrSet,
}

impl Fit {
    /// The list: at most as many networks as were asked for, none within another, IPv4 first, rising.
    ///
    /// It reads back as [`Fit::set`], and may be shorter than that set's smallest list by way of networks that end with
    /// the IPv4-mapped block: `::/80` is here one network.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// The addresses that the list covers: the set that was to fit, and [`Fit::extra`].
    #[must_use]
    pub fn set(&self) -> &CidrSet {
        &self.set
    }

    /// The addresses that the list covers beyond the set that was to fit. Empty if that set fits as it is.
    #[must_use]
    pub fn extra(&self) -> &CidrSet {
        &self.extra
    }
}

/// Why there is no list that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Every list that covers the set and nothing of what must not be added is longer than the limit.
    #[error("no list is that short; the shortest has {fewest} network{}", if *fewest == 1 { "" } else { "s" })]
    NoFit {
        /// How many networks the shortest such list has: as a limit it would do.
        fewest: usize,
    },
    /// Memory for the result, or for the way to it, could not be had.
    #[error("out of memory")]
    OutOfMemory,
}

impl From<OutOfMemory> for FitError {
    fn from(OutOfMemory: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl CidrSet {
    /// The cheapest list of at most `max_networks` networks that covers the set: the smallest list if that fits, else
    /// one that adds as few addresses as any list of that length can, of those one of the fewest networks, and of
    /// those the one that widens low addresses rather than high ones. Nothing of `never` is added; what is in both the
    /// set and `never` stays in.
    ///
    /// For limits that others set: so many authorized ranges of a cluster, so many rules of a firewall.
    ///
    /// # What is cheap
    /// The cost is the plain number of addresses that are added, of both families together: it is what the list lets in
    /// and should not, and needs no rate of exchange between the families that somebody would have to guess. A `/64`
    /// of IPv6 has more addresses than IPv4 as a whole: where IPv6 networks are that large, they are widened only once
    /// widening IPv4, if need be to `0.0.0.0/0`, does not help. Where that is too much, put what must stay out into
    /// `never`, or fit [`only_v4`](Self::only_v4) and [`only_v6`](Self::only_v6) each to its share of the limit.
    ///
    /// The IPv4-mapped block of IPv6 costs nothing, because nobody can ask for an address in it. (The
    /// [`count`](Self::count) of an extra that runs through the block does have it.)
    ///
    /// # Costs
    /// One pass if the smallest list fits. Else time is n·`max_networks` at most for n networks: milliseconds from
    /// 10,000 to 200, seconds from 100,000 to 50,000. Memory is some 150 bytes for each network, and 8 more for each
    /// level of the tree above it: about log n of them, 32 or 128 at most.
    ///
    /// # Errors
    /// [`FitError::NoFit`] if `never` leaves no list that short, or if both families are to share one network, or any
    /// address is to have none; [`FitError::OutOfMemory`].
    ///
    /// ```
    /// use cidrgate::{CidrSet, FitError};
    /// let offices: CidrSet = "192.0.2.0/26\n192.0.2.128/25\n198.51.100.7".parse()?;
    /// let fit = offices.fit(2, &CidrSet::new())?;
    /// assert_eq!(fit.set().to_string(), "192.0.2.0/24\n198.51.100.7/32\n");
    /// assert_eq!(fit.extra().to_string(), "192.0.2.64/26\n");
    ///
    /// let never: CidrSet = "192.0.2.66".parse()?;
    /// assert_eq!(offices.fit(2, &never), Err(FitError::NoFit { fewest: 3 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fit(&self, max_networks: usize, never: &Self) -> Result<Fit, FitError> {
        let mut networks = Vec::new();
        if self.networks().nth(max_networks).is_none() {
            networks.try_reserve_exact(self.networks().count()).map_err(OutOfMemory::from)?;
            networks.extend(self.networks());
            return Ok(Fit { networks, set: self.clone(), extra: Self::new() });
        }
        let never = never.difference(self)?;
        let v4 = Tree::grow(self.v4(), never.v4(), max_networks)?;
        let v6 = Tree::grow(self.v6(), never.v6(), max_networks)?;
        let (of_v4, of_v6) = share(&v4, &v6, max_networks)?;
        networks.try_reserve_exact(of_v4 + of_v6).map_err(OutOfMemory::from)?;
        v4.cover(of_v4, |first, len| networks.push(first.net(len)))?;
        v6.cover(of_v6, |first, len| networks.push(first.net(len)))?;
        let set = Self::try_from_ranges(networks.iter().map(|net| IpRange::from(*net)))?;
        let extra = set.difference(self)?;
        Ok(Fit { networks, set, extra })
    }
}

/// The least cost for each number of networks from 0 on: it never rises. The table ends where more networks would not
/// help or are not to be had.
type Costs = Vec<u128>;

/// The cost of what cannot be. No real cost is as high: outside the mapped block the two families together have 2^128
/// addresses, and where anything is added at least two of them are in the set.
const NEVER: u128 = u128::MAX;

/// The tree over the networks of one family, and what is cheapest at its root.
struct Tree<W> {
    /// Children before their parents, the right child right before; so the root is last.
    nodes: Vec<Node<W>>,
    /// For each node that has children and each number of networks, how many go to the left child.
    splits: Vec<u32>,
    costs: Costs,
    fewest: usize,
}

struct Node<W> {
    first: W,
    len: u32,
    left: u32,
    /// Where its splits begin.
    splits: usize,
}

/// A node whose parent is yet to come.
struct Open<W> {
    /// Its place among the nodes.
    at: u32,
    first: W,
    /// How many addresses below it are in the set.
    members: u128,
    costs: Costs,
    /// The length of the shortest list, however long that is.
    fewest: usize,
}

impl<W: Word> Tree<W> {
    /// Puts the networks of `set` into a tree, left to right. `never` has nothing of `set`.
    fn grow(set: &Edges<W>, never: &Edges<W>, max: usize) -> Result<Self, OutOfMemory> {
        let mut tree = Self { nodes: Vec::new(), splits: Vec::new(), costs: Vec::new(), fewest: 0 };
        // Each shares more bits with the next than with the one before, so there are few: an address has no more bits.
        let mut open: Vec<Open<W>> = Vec::new();
        open.try_reserve_exact(W::BITS as usize + 2)?;
        for (first, len) in Split::new(set) {
            while let [.., left, right] = &open[..] {
                if common(left.first, right.first) < common(right.first, first) {
                    break;
                }
                tree.close(&mut open, never, max)?;
            }
            let at = tree.push(Node { first, len, left: 0, splits: 0 })?;
            let mut costs = Costs::new();
            costs.try_reserve_exact(2)?;
            costs.extend([NEVER, 0]);
            open.push(Open { at, first, members: size(first, len), costs, fewest: 1 });
        }
        while open.len() > 1 {
            tree.close(&mut open, never, max)?;
        }
        match open.pop() {
            Some(root) => (tree.costs, tree.fewest) = (root.costs, root.fewest),
            None => {
                tree.costs.try_reserve_exact(1)?;
                tree.costs.push(0);
            }
        }
        Ok(tree)
    }

    /// Makes one node of the last two.
    fn close(&mut self, open: &mut Vec<Open<W>>, never: &Edges<W>, max: usize) -> Result<(), OutOfMemory> {
        let (Some(right), Some(left)) = (open.pop(), open.pop()) else { return Ok(()) };
        let len = common(left.first, right.first);
        let first = left.first & W::mask(len);
        let members = left.members + right.members;
        let alone = match never.first_in((first, first | !W::mask(len))) {
            None => size(first, len) - members,
            Some(_) => NEVER,
        };
        let splits = self.splits.len();
        let mut costs = join(&left.costs, &right.costs, max, &mut self.splits)?;
        if let Some(cost) = costs.get_mut(1) {
            *cost = alone;
        }
        let fewest = if alone == NEVER { left.fewest + right.fewest } else { 1 };
        let at = self.push(Node { first, len, left: left.at, splits })?;
        open.push(Open { at, first, members, costs, fewest });
        Ok(())
    }

    fn push(&mut self, node: Node<W>) -> Result<u32, OutOfMemory> {
        let at = narrow(self.nodes.len())?;
        self.nodes.try_reserve(1)?;
        self.nodes.push(node);
        Ok(at)
    }

    /// Tells the cheapest list of `count` networks, rising. The table of costs says that there is one.
    fn cover(&self, count: usize, mut tell: impl FnMut(W, u32)) -> Result<(), OutOfMemory> {
        // The right children on the way down.
        let mut open = Vec::new();
        open.try_reserve_exact(W::BITS as usize + 2)?;
        if count > 0 {
            open.push((self.nodes.len() - 1, count));
        }
        while let Some((at, count)) = open.pop() {
            let node = &self.nodes[at];
            if count == 1 {
                tell(node.first, node.len);
            } else {
                let left = self.splits[node.splits + count] as usize;
                open.push((at - 1, count - left));
                open.push((node.left as usize, left));
            }
        }
        Ok(())
    }
}

/// How many networks each family gets. No network has addresses of both.
fn share<A, B>(a: &Tree<A>, b: &Tree<B>, max: usize) -> Result<(usize, usize), FitError> {
    let mut splits = Vec::new();
    let costs = join(&a.costs, &b.costs, max, &mut splits)?;
    // Of equal costs the first, which has the fewest networks.
    match (0..costs.len()).min_by_key(|count| costs[*count]) {
        Some(count) if costs[count] < NEVER => Ok((splits[count] as usize, count - splits[count] as usize)),
        _ => Err(FitError::NoFit { fewest: a.fewest + b.fewest }),
    }
}

/// The costs of two parts side by side, with up to `max` networks, and appended to `splits` how many of them go to the
/// left part. Of equal costs the one with the fewest on the left.
fn join(left: &[u128], right: &[u128], max: usize, splits: &mut Vec<u32>) -> Result<Costs, OutOfMemory> {
    // How many each can use.
    let (most_left, most_right) = (left.len() - 1, right.len() - 1);
    let most = max.min(most_left + most_right);
    let mut costs = Costs::new();
    costs.try_reserve_exact(most + 1)?;
    splits.try_reserve(most + 1)?;
    for count in 0..=most {
        let (from, to) = (count.saturating_sub(most_right), count.min(most_left));
        let (mut best, mut split) = (NEVER, from);
        let rights = right[count - to..=count - from].iter().rev();
        for ((of_left, left), right) in (from..).zip(&left[from..=to]).zip(rights) {
            // From here on the right part alone costs as much: it has fewer and fewer.
            if *right >= best {
                break;
            }
            let cost = left.saturating_add(*right);
            if cost < best {
                (best, split) = (cost, of_left);
            }
        }
        costs.push(best);
        splits.push(narrow(split)?);
    }
    Ok(costs)
}

/// An index of 32 bits, to save memory. A tree of 2^32 nodes takes more of it than there is.
fn narrow(index: usize) -> Result<u32, OutOfMemory> {
    u32::try_from(index).map_err(|_| OutOfMemory)
}

/// How many leading bits two addresses share.
fn common<W: Word>(a: W, b: W) -> u32 {
    (a ^ b).leading_zeros()
}

/// How many addresses of a network can be asked for. Without the mapped block the whole of IPv6 is less than 2^128.
fn size<W: Word>(first: W, len: u32) -> u128 {
    let last = first | !W::mask(len);
    let span = last.to_u128() - first.to_u128();
    match W::FOREIGN {
        Some((start, end)) if first <= start && end <= last => span - (end.to_u128() - start.to_u128()),
        _ => span + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// The cheapest list by number of networks, as the judge sees it: its cost, and how short such a list can be.
    type Best = Vec<Option<(u128, usize)>>;

    /// A toy space of 2^`bits` addresses with sets as masks. It is laid over the 256 of a byte, either in the lowest
    /// addresses or over all of them, each of the toy for many.
    struct Toy {
        bits: u32,
        each: u32,
        /// For each set the length of its smallest list.
        lengths: Vec<usize>,
    }

    impl Toy {
        fn new(bits: u32, each: u32) -> Self {
            let mut toy = Self { bits, each, lengths: Vec::new() };
            toy.lengths = (0..1 << (1 << bits)).map(|set| toy.length(set)).collect();
            toy
        }

        /// Takes away every network that is in the set, large ones first.
        fn length(&self, mut set: u32) -> usize {
            let mut count = 0;
            for size in (0..=self.bits).rev().map(|bit| 1u32 << bit) {
                for first in (0..1 << self.bits).step_by(size as usize) {
                    let network = (((1u64 << size) - 1) << first) as u32;
                    if set & network == network {
                        set &= !network;
                        count += 1;
                    }
                }
            }
            assert_eq!(set, 0);
            count
        }

        fn edges(&self, set: u32) -> Edges<u8> {
            let members = (0..1u32 << self.bits).filter(|at| set >> at & 1 == 1);
            let ranges = members.map(|at| ((at * self.each) as u8, (at * self.each + self.each - 1) as u8));
            Edges::from_ranges(ranges.collect()).unwrap()
        }

        /// Tries every larger set there is.
        fn best(&self, set: u32, never: u32, up_to: usize) -> Best {
            let all = ((1u64 << (1 << self.bits)) - 1) as u32;
            let mut best: Best = vec![None; up_to + 1];
            let free = all & !set & !never;
            let mut extra = free;
            loop {
                let (cost, length) = (extra.count_ones() * self.each, self.lengths[(set | extra) as usize]);
                for best in best.iter_mut().skip(length) {
                    *best = Some(best.unwrap_or((u128::MAX, 0)).min((cost.into(), length)));
                }
                if extra == 0 {
                    return best;
                }
                extra = (extra - 1) & free;
            }
        }

        /// A list of real networks as a set of the toy. Networks rise and lie apart.
        fn mask(&self, list: &[(u8, u32)]) -> u32 {
            let mut mask = 0;
            let mut next = 0;
            for (first, len) in list {
                let (first, size) = (u32::from(*first), 256 >> len);
                assert!(next <= first && first % size == 0, "{list:?}");
                next = first + size;
                for at in first / self.each..next / self.each {
                    mask |= 1 << at;
                }
            }
            mask
        }
    }

    /// The list of `tree` alone, or how short the shortest would be.
    fn list(tree: &Tree<u8>, max: usize) -> Result<Vec<(u8, u32)>, usize> {
        let nothing = Tree::<u8>::grow(&Edges::default(), &Edges::default(), max).unwrap();
        let count = match share(tree, &nothing, max) {
            Ok((count, 0)) => count,
            Err(FitError::NoFit { fewest }) => return Err(fewest),
            other => panic!("{other:?}"),
        };
        let mut list = Vec::new();
        tree.cover(count, |first, len| list.push((first, len))).unwrap();
        assert_eq!(list.len(), count);
        Ok(list)
    }

    /// For every limit: as cheap as any, as short as any so cheap, and nothing that must not be.
    fn check(toy: &Toy, set: u32, never: u32) {
        let length = toy.lengths[set as usize];
        let best = toy.best(set, never, length);
        let fewest = best.iter().position(Option::is_some).unwrap();
        let (edges, out) = (toy.edges(set), toy.edges(never & !set));
        for (max, best) in best.iter().enumerate() {
            let tree = Tree::grow(&edges, &out, max).unwrap();
            let list = list(&tree, max);
            let Some((cost, length)) = best else {
                assert_eq!(list, Err(fewest), "{set:b} {never:b} {max}");
                continue;
            };
            let list = list.unwrap();
            let covered = toy.mask(&list);
            assert_eq!(covered & set, set, "{set:b} {never:b} {max}");
            assert_eq!(covered & !set & never, 0, "{set:b} {never:b} {max}");
            let added = (covered & !set).count_ones() * toy.each;
            assert_eq!((u128::from(added), list.len()), (*cost, *length), "{set:b} {never:b} {max}");
            assert!(tree.costs.is_sorted_by(|a, b| a >= b));
        }
    }

    /// A row of numbers that are random enough, always the same.
    fn random() -> impl FnMut() -> u32 {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 20) as u32
        }
    }

    #[test]
    fn every_set_and_every_never_of_eight_addresses() {
        for each in [1, 32] {
            let toy = Toy::new(3, each);
            for set in 0..256 {
                for never in 0..256 {
                    check(&toy, set, never);
                }
            }
        }
    }

    #[test]
    fn every_set_of_sixteen_addresses() {
        let mut random = random();
        let toy = Toy::new(4, 16);
        for set in 0..1 << 16 {
            check(&toy, set, 0);
            // One in four is never to be in.
            check(&toy, set, random() & random() & 0xffff);
        }
    }

    /// The 256 addresses of a byte, one truth each.
    type Naive = [bool; 256];

    fn paint(set: &mut Naive, (at, len): (u8, u32)) {
        let size = 256 >> len;
        let first = usize::from(at) / size * size;
        set[first..first + size].fill(true);
    }

    /// How many are in the first set alone.
    fn less(a: &Naive, b: &Naive) -> u128 {
        (0..256).filter(|at| a[*at] && !b[*at]).count() as u128
    }

    /// Long prefixes, and leaves far from each other: every way to widen each network.
    #[test]
    fn every_way_to_widen_a_few_networks() {
        let mut random = random();
        for _ in 0..300 {
            let networks: Vec<_> = (0..1 + random() % 4).map(|_| (random() as u8, 2 + random() % 7)).collect();
            let (mut set, mut never) = ([false; 256], [false; 256]);
            networks.iter().for_each(|network| paint(&mut set, *network));
            (0..random() % 4).for_each(|_| paint(&mut never, (random() as u8, 8)));
            (0..256).for_each(|at| never[at] &= !set[at]);

            let mut best = [None; 5];
            for way in 0..9u32.pow(networks.len() as u32) {
                // The new lengths are the digits of a number.
                let len = |index: usize| way / 9u32.pow(index as u32) % 9;
                let mut wide: Vec<_> = networks.iter().enumerate().map(|(index, (at, _))| (*at, len(index))).collect();
                if wide.iter().zip(&networks).any(|(wide, network)| wide.1 > network.1) {
                    continue;
                }
                wide.sort_by_key(|(_, len)| *len);
                let (mut members, mut count) = ([false; 256], 0);
                for network in wide {
                    count += usize::from(!members[usize::from(network.0)]);
                    paint(&mut members, network);
                }
                if (0..256).all(|at| !members[at] || !never[at]) {
                    for best in best.iter_mut().skip(count) {
                        *best = Some(best.unwrap_or(u128::MAX).min(less(&members, &set)));
                    }
                }
            }
            let edges = |set: &Naive| {
                let members = (0..=u8::MAX).filter(|at| set[usize::from(*at)]);
                Edges::from_ranges(members.map(|at| (at, at)).collect()).unwrap()
            };
            for (max, best) in best.iter().enumerate() {
                let tree = Tree::grow(&edges(&set), &edges(&never), max).unwrap();
                let cost = list(&tree, max).ok().map(|list| {
                    let mut members = [false; 256];
                    list.iter().for_each(|network| paint(&mut members, *network));
                    assert_eq!(less(&set, &members), 0);
                    assert_eq!(less(&members, &never.map(|never| !never)), 0);
                    less(&members, &set)
                });
                assert_eq!(cost, *best, "{networks:?} {max}");
            }
        }
    }

    #[test]
    fn two_families_share_the_limit_in_the_cheapest_way() {
        let mut random = random();
        let toy = Toy::new(3, 1);
        for _ in 0..20_000 {
            let [a, b, never_a, never_b] = [(); 4].map(|()| random() & 0xff);
            let (best_a, best_b) = (toy.best(a, never_a, 8), toy.best(b, never_b, 8));
            let shortest = |best: &Best| best.iter().position(Option::is_some).unwrap();
            for max in 0..=8 {
                let both = |of_a: usize| {
                    let (a, b) = (best_a[of_a]?, best_b[max - of_a]?);
                    Some((a.0 + b.0, a.1 + b.1))
                };
                let best = (0..=max).filter_map(both).min();
                let grow = |set, never| Tree::grow(&toy.edges(set), &toy.edges(never & !set), max).unwrap();
                let (tree_a, tree_b) = (grow(a, never_a), grow(b, never_b));
                let found = share(&tree_a, &tree_b, max)
                    .map(|(of_a, of_b)| (tree_a.costs[of_a] + tree_b.costs[of_b], of_a + of_b));
                let best = best.ok_or(FitError::NoFit { fewest: shortest(&best_a) + shortest(&best_b) });
                assert_eq!(found, best, "{a:b} {b:b} {never_a:b} {never_b:b} {max}");
            }
        }
    }

    #[test]
    fn sizes_leave_out_the_mapped_block() {
        assert_eq!(size(0u8, 0), 256);
        assert_eq!(size(0u32, 0), 1 << 32);
        assert_eq!(size(0u128, 0), 0u128.wrapping_sub(1 << 32));
        assert_eq!(size(0u128, 80), (1 << 48) - (1 << 32));
        assert_eq!(size(0xfffe_0000_0000_u128, 95), 1 << 32);
        assert_eq!(size(0xfffe_0000_0000_u128, 96), 1 << 32);
        assert_eq!(size(1u128 << 127, 1), 1 << 127);
        assert_eq!(size(u128::MAX, 128), 1);
    }
}
