//! Every layout against a binary search.

use alloc::vec;
use alloc::vec::Vec;

use super::*;

/// Compares every layout that can be made of the edges, and the one that is, with a binary search over them.
fn check<K: Key>(edges: &[K], probes: impl Iterator<Item = K> + Clone) {
    let index = Index::build(edges.iter().copied()).unwrap();
    let flip = edges.first() == Some(&K::ZERO);
    let before: Vec<_> = edges[usize::from(flip)..].iter().map(|&edge| edge - K::ONE).collect();
    let most = edges.len().max(64) << 10;
    let direct = Direct::build(&before, flip, most).unwrap().map(Index::Direct);
    let short = Direct::build(&before, flip, most).unwrap().map(Index::Short);
    let windows = (K::CELL_BITS > 0).then(|| Windows::build(&before, flip, usize::MAX).unwrap()).flatten();
    let hosts = K::CELL_BITS > 0 && K::ABOVE.is_none();
    let hosts = hosts.then(|| Windows::build(&before, flip, usize::MAX).unwrap()).flatten();
    let split = Split::build(&before, flip, most).unwrap();
    let search = Index::Search(Search::build(edges).unwrap(), edges.to_vec());
    assert_eq!(windows.is_none(), K::CELL_BITS == 0 || before.is_empty());
    let layouts: Vec<_> = [index, search]
        .into_iter()
        .chain(direct)
        .chain(short)
        .chain(windows.map(Index::Windows))
        .chain(hosts.map(Index::Hosts))
        .chain(split.map(Index::Split))
        .collect();
    let at: Vec<_> = probes.collect();
    let rank = |at| edges.partition_point(|&edge| edge <= at);
    let odd: Vec<_> = at.iter().map(|&at| rank(at) % 2 == 1).collect();
    for layout in &layouts {
        for (&at, &odd) in at.iter().zip(&odd) {
            assert_eq!(layout.is_odd(at), odd, "{at:?} of {edges:?} in {layout:?}");
        }
        let mut batch = vec![true; at.len()];
        layout.batch(at.iter().copied(), &mut batch);
        assert_eq!(batch, odd, "{edges:?} in {layout:?}");
    }
    if let Index::Search(search, edges) = &layouts[1] {
        at.iter().for_each(|&at| assert_eq!(search.rank(edges, at), rank(at), "{at:?} of {edges:?}"));
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, bound: u64) -> u64 {
        ((self.next() >> 32) * bound) >> 32
    }
    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

/// Each edge and its neighbours, the ends of the space, and some more.
fn probes<K: Key>(edges: &[K], more: Vec<K>) -> impl Iterator<Item = K> + Clone {
    let near = |&at: &K| [if at == K::ZERO { at } else { at - K::ONE }, at, at.next().unwrap_or(at)];
    edges.iter().flat_map(near).chain([K::ZERO, K::MAX]).chain(more)
}

fn sorted<K: Key>(edges: impl Iterator<Item = K>) -> Vec<K> {
    let mut edges: Vec<_> = edges.collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// As they are, and their highest and lowest bits as the edges of IPv4.
fn check_both(edges: Vec<u128>, random: &mut Random) {
    let more: Vec<_> = (0..64).map(|_| random.wide() >> random.below(128)).collect();
    let wide = sorted(edges.iter().copied());
    check(&wide, probes(&wide, more.clone()));
    let short = sorted(edges.iter().flat_map(|edge| [(edge >> 96) as u32, *edge as u32]));
    check(&short, probes(&short, more.iter().map(|at| *at as u32).collect()));
    let halves = sorted(edges.iter().flat_map(|edge| [(edge >> 64) as u64, *edge as u64]));
    check(&halves, probes(&halves, more.iter().map(|at| *at as u64).collect()));
    // Where no edge is finer than a /48, and where few are.
    for fine in [0, 3] {
        let coarse = |edge: &u128| (edge >> 64) as u64 >> 16 << if *edge as u64 % 16 < fine { 14 } else { 16 };
        let coarse = sorted(edges.iter().map(coarse));
        check(&coarse, probes(&coarse, more.iter().map(|at| *at as u64).collect()));
    }
}

#[test]
fn up_to_three_edges() {
    let all = || 0..=u8::MAX;
    check(&[], all());
    for a in all() {
        check(&[a], all());
        for b in all().skip(usize::from(a) + 1) {
            check(&[a, b], all());
            for c in all().skip(usize::from(b) + 1).step_by(7) {
                check(&[a, b, c], all());
            }
        }
    }
}

#[test]
fn many_edges() {
    let mut random = Random(1);
    for round in 0..20_000 {
        // In turn so dense and so dense, for blocks of some addresses.
        let dense = [1 + round % 256, 1 + random.below(256)];
        let block = 1 << random.below(8);
        let edges = (0..=u8::MAX).filter(|at| random.below(256) < dense[usize::from(at / block % 2)]);
        check(&edges.collect::<Vec<_>>(), 0..=u8::MAX);
    }
    check(&(0..=u8::MAX).collect::<Vec<_>>(), 0..=u8::MAX);
}

#[test]
fn random_edges() {
    let mut random = Random(2);
    for round in 0..400 {
        let count = 1 << random.below(11);
        let shift = random.below(128);
        let mut centre = random.wide();
        // Over the space, over a part of it, over orders of magnitude, around a few centres.
        let edges = (0..count).map(|_| match round % 4 {
            0 => random.wide(),
            1 => (random.wide() >> shift).wrapping_add(centre),
            2 => random.wide() >> random.below(128),
            _ => {
                if random.below(8) == 0 {
                    centre = random.wide();
                }
                centre.wrapping_add(random.wide() >> (127 - shift / 4))
            }
        });
        check_both(edges.collect(), &mut random);
    }
}

#[test]
fn ends_of_the_space() {
    let mut random = Random(3);
    for count in [0, 1, 2, 3, 4, 15, 16, 100, 1000] {
        let (low, high) = (0..count, u128::MAX - count..=u128::MAX);
        check_both(low.clone().collect(), &mut random);
        check_both(high.clone().collect(), &mut random);
        check_both(low.chain(high).collect(), &mut random);
    }
}

#[test]
fn wider_toy_space() {
    let mut random = Random(5);
    for round in 0..200 {
        let dense = [1 + round * 3, 1 + random.below(64)];
        let block = 1 << random.below(16);
        let coarse = if round % 2 == 0 { 1 } else { 4 };
        let edges = (0..=u16::MAX).step_by(coarse);
        let edges = edges.filter(|at| random.below(4096) < dense[usize::from(at / block % 2)]);
        check(&edges.collect::<Vec<_>>(), (0..=u16::MAX).step_by(1 + round as usize % 3));
    }
}

/// What the module says that an index takes at most.
fn limit(edges: usize) -> usize {
    (64 << 10) + 64 * edges
}

/// Its layout, having seen that it is right and not too large.
fn layout<K: Key>(edges: impl Iterator<Item = K>) -> &'static str {
    let edges = sorted(edges);
    let index = Index::build(edges.iter().copied()).unwrap();
    assert!(index.heap_bytes() <= limit(edges.len()), "{} for {} edges", index.heap_bytes(), edges.len());
    for at in probes(&edges, Vec::new()) {
        assert_eq!(index.is_odd(at), edges.partition_point(|&edge| edge <= at) % 2 == 1, "{at:?} of {edges:?}");
    }
    match index {
        Index::Short(_) => "short",
        Index::Direct(_) => "direct",
        Index::Windows(_) => "windows",
        Index::Hosts(_) => "hosts",
        Index::Split(_) => "split",
        Index::Search(..) => "search",
    }
}

#[test]
fn every_layout_is_chosen() {
    let mut random = Random(6);
    let mut spread = |count: usize| (0..count).map(|_| random.wide()).collect::<Vec<_>>();
    let (few, many) = (spread(40), spread(40_000));
    // Eight networks of IPv4 and of /48s, full of hosts, close together and less so.
    let clusters = |nets: u128, hosts: u128, step: u128| {
        (1..=nets).flat_map(move |net| {
            (1..=hosts).map(move |host| net << 125 | net << 120 | (host * step) << 96 | (host * step) << 40)
        })
    };
    let v4 = |at: u128| (at >> 96) as u32;
    assert_eq!(layout(few.iter().map(|&at| v4(at))), "short");
    assert_eq!(layout(many.iter().map(|&at| v4(at))), "direct");
    assert_eq!(layout(clusters(7, 4000, 3).map(v4)), "hosts");
    assert_eq!(layout(clusters(7, 4000, 3).map(|at| v4(at) / 8 * 8)), "windows");
    assert_eq!(layout(clusters(7, 4000, 40).map(v4)), "windows");
    assert_eq!(layout(clusters(7, 100, 3).map(v4)), "split");
    assert_eq!(layout(few.iter().map(|&at| upper(at))), "short");
    assert_eq!(layout(many.iter().map(|&at| upper(at))), "search");
    assert_eq!(layout(clusters(7, 5000, 3).map(upper)), "windows");
    assert_eq!(layout(few.iter().copied()), "direct");
    assert_eq!(layout(many.iter().copied()), "search");
    assert_eq!(layout(clusters(7, 4000, 3)), "split");
}

/// Sets that are made to take much.
#[test]
fn memory() {
    let mut random = Random(4);
    let top = |at: u128| (at >> 96) as u32;
    let both = |edges: &mut dyn Iterator<Item = u128>| {
        let edges: Vec<_> = edges.collect();
        layout(edges.iter().copied());
        layout(edges.iter().map(|&at| top(at)));
        layout(edges.iter().map(|&at| upper(at)));
    };
    // Each edge so many bits further than the last, from one start or from many.
    for bits in 1..=8 {
        for (starts, width) in [(1, 128), (999, 118)] {
            let chain = move |start: u128| (0..width).step_by(bits).map(move |bit| start << 118 | 1_u128 << bit);
            both(&mut (0..starts).flat_map(chain));
        }
    }
    // Clusters of a few neighbours, or nearly so: as many as make a line, a group, a table too full.
    for size in [3, 5, 9, 16, 17, 18, 33, 65, 66, 129] {
        for gap in [0, 1, 2, 5, 8, 9, 12, 16] {
            let starts: Vec<_> = (0..9_999 / size).map(|_| random.wide() >> 1).collect();
            both(&mut starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap << 96))));
            both(&mut starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap << 64))));
            both(&mut starts.iter().flat_map(|start| (0..size).map(move |i| start + (i << gap))));
        }
    }
    // Every second host of some networks, one host of every network, and edges without order.
    let nets: Vec<_> = (0..999).map(|_| random.wide() >> 104 << 104).collect();
    both(&mut nets.iter().flat_map(|net| (0..256).step_by(2).map(move |host| net | host << 96)));
    both(&mut (0..1 << 16).map(|net| net << 112 | 77 << 96));
    both(&mut (0..100_000).map(|_| random.wide()));
}
