//! Why an address gets its answer: the rule that decides, every rule it beats, and rules that nearly match.

use alloc::vec::Vec;
use core::fmt::{self, Display};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::paint::Part;
use super::{Action, Policy, Precedence, Rule, Target};
use crate::painting::Order;
use crate::range::IpRange;
use crate::text::{Canonical, decimal_as_octal};
use crate::word::Networks;

/// How many near misses are told.
const NEAR_MISSES: usize = 8;

/// Why an address gets its answer; made by [`Policy::explain`]. Shown, it is a few lines of text.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    policy: &'a Policy,
    addr: IpAddr,
    owner: Option<usize>,
    beaten: Vec<Beaten>,
    near_misses: Vec<NearMiss>,
}

impl Explanation<'_> {
    /// The policy that was asked.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.policy
    }

    /// The address; an IPv4-mapped one as the IPv4 address it is.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The answer.
    #[must_use]
    pub fn action(&self) -> Action {
        self.owner.and_then(|owner| self.policy.rules.get(owner)).map_or(self.policy.default, Rule::action)
    }

    /// The rule that decides, counted from 0; `None` for the default.
    #[must_use]
    pub fn owner(&self) -> Option<usize> {
        self.owner
    }

    /// The other rules that contain the address, the next to win first.
    #[must_use]
    pub fn beaten(&self) -> &[Beaten] {
        &self.beaten
    }

    /// Rules that do not contain the address but look as if they were meant to, in the order of the text, a few at
    /// most. Only rules that would give the other answer are among them.
    #[must_use]
    pub fn near_misses(&self) -> &[NearMiss] {
        &self.near_misses
    }
}

/// A rule that contains the address, but does not decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beaten {
    rule: usize,
    reason: Reason,
}

impl Beaten {
    /// The rule, counted from 0.
    #[must_use]
    pub fn rule(&self) -> usize {
        self.rule
    }

    /// Why it does not decide.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

/// Why a rule lost against the one that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It comes later.
    Later,
    /// Its prefix around the address is shorter.
    ShorterPrefix {
        /// Its length.
        len: u32,
        /// The length of the rule that decides.
        winner: u32,
    },
    /// Its priority number is higher.
    HigherNumber {
        /// Its number.
        number: u32,
        /// The number of the rule that decides.
        winner: u32,
    },
    /// It is an allow, and a deny decides.
    Allow,
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Later => f.write_str("it comes later"),
            Self::ShorterPrefix { len, winner } => write!(f, "/{len} is shorter than /{winner}"),
            Self::HigherNumber { number, winner } => write!(f, "priority {number} comes after {winner}"),
            Self::Allow => f.write_str("a deny wins over an allow"),
        }
    }
}

/// A rule that nearly contains the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NearMiss {
    rule: usize,
    reading: Reading,
}

impl NearMiss {
    /// The rule, counted from 0.
    #[must_use]
    pub fn rule(&self) -> usize {
        self.rule
    }
}

/// How the rule would have matched.
impl Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reading.fmt(f)
    }
}

/// In which way a rule is near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The address lies in the neighbour of the same size.
    Adjacent(IpRange),
    /// The same digits mean another address, which the rule contains.
    Digits(IpAddr, &'static str),
    /// The address carries one of the other family, or is carried by one, that the rule contains.
    Embedded(IpAddr, &'static str),
    /// The rule takes in the whole of the other family.
    OtherFamily { v6: bool },
}

impl Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adjacent(range) => {
                let range = range.network().map_or_else(|| Canonical::from(*range), Canonical::from);
                write!(f, "the address is just outside {range}")
            }
            Self::Digits(addr, how) => write!(f, "it contains {addr}: {how}"),
            Self::Embedded(addr, how) => write!(f, "it contains {addr}, {how}; such addresses are never decoded"),
            Self::OtherFamily { v6: true } => f.write_str("it is about IPv6 only"),
            Self::OtherFamily { v6: false } => f.write_str("it is about IPv4 only"),
        }
    }
}

impl Policy {
    /// Explains the answer for an address: which rule decides, which others contain the address and why they lose,
    /// and which nearly match. Looks at each rule once; the rules that contain the address are sorted.
    ///
    /// ```
    /// let policy: cidrgate::Policy = "deny 203.0.113.77 # lost laptop\nallow 203.0.113.0/24\n".parse()?;
    /// let why = policy.explain(std::net::Ipv4Addr::new(203, 0, 113, 77));
    /// assert_eq!(why.to_string(), "\
    /// 203.0.113.77 deny line 1: deny 203.0.113.77/32 # lost laptop
    ///   beats line 2: allow 203.0.113.0/24: it comes later
    /// ");
    /// # Ok::<(), cidrgate::ReadError>(())
    /// ```
    #[must_use]
    pub fn explain(&self, addr: impl Into<IpAddr>) -> Explanation<'_> {
        let addr = addr.into().to_canonical();
        let mut holders = match addr {
            IpAddr::V4(addr) => self.holders(addr.to_bits()),
            IpAddr::V6(addr) => self.holders(addr.to_bits()),
        };
        holders.sort_unstable_by_key(|holder| holder.order);
        let winner = holders.first().copied();
        let lost = holders.iter().skip(1).zip(winner.iter().cycle());
        let beaten = lost.map(|(loser, winner)| Beaten { rule: loser.rule, reason: self.reason(winner, loser) });
        let mut explanation = Explanation {
            policy: self,
            addr,
            owner: winner.map(|winner| winner.rule),
            beaten: beaten.collect(),
            near_misses: Vec::new(),
        };
        explanation.near_misses = self.near_misses(addr, explanation.action());
        explanation
    }

    /// The rules that contain the address.
    fn holders<W: Part>(&self, at: W) -> Vec<Holder> {
        let rules = self.rules.iter().enumerate();
        let holder = |(index, rule): (usize, &Rule)| {
            let (first, last) = self.runs_near(&rule.target, at).find(|(first, last)| *first <= at && at <= *last)?;
            let len = match &rule.target {
                Target::Network(net) => u32::from(net.prefix_len()),
                _ => Networks::new(first, last).find(|(first, len)| (*first ^ at) & W::mask(*len) == W::ZERO)?.1,
            };
            Some(Holder { rule: index, len, order: self.order(index, rule, W::BITS, len) })
        };
        rules.filter_map(holder).collect()
    }

    /// The run of a target that holds the address, or those next to it.
    fn runs_near<W: Part>(&self, target: &Target, at: W) -> impl Iterator<Item = (W, W)> {
        let named = match target {
            Target::Set(name) => self.set(name.as_str()),
            _ => None,
        };
        let one = named.is_none().then(|| self.runs::<W>(target));
        one.into_iter().flatten().chain(named.into_iter().flat_map(move |set| W::of_set(set).runs_near(at)))
    }

    fn reason(&self, winner: &Holder, loser: &Holder) -> Reason {
        let rule = |holder: &Holder| &self.rules[holder.rule];
        let number = |holder: &Holder| rule(holder).priority.unwrap_or(u32::MAX);
        match self.precedence {
            Precedence::LongestPrefix if loser.len != winner.len => {
                Reason::ShorterPrefix { len: loser.len, winner: winner.len }
            }
            Precedence::Priority if number(loser) != number(winner) => {
                Reason::HigherNumber { number: number(loser), winner: number(winner) }
            }
            Precedence::FirstMatch => Reason::Later,
            _ if rule(loser).action != rule(winner).action => Reason::Allow,
            _ => Reason::Later,
        }
    }

    fn near_misses(&self, addr: IpAddr, answer: Action) -> Vec<NearMiss> {
        let others = other_readings(addr);
        let near = |(index, rule): (usize, &Rule)| {
            let reading = match addr {
                IpAddr::V4(addr) => self.reading(&rule.target, addr.to_bits(), &others),
                IpAddr::V6(addr) => self.reading(&rule.target, addr.to_bits(), &others),
            };
            Some(NearMiss { rule: index, reading: reading? })
        };
        let rules = self.rules.iter().enumerate().filter(|(_, rule)| rule.action != answer);
        rules.filter_map(near).take(NEAR_MISSES).collect()
    }

    /// In which way a target is near the address; in none if it contains it.
    fn reading<W: Part>(&self, target: &Target, at: W, others: &[Reading]) -> Option<Reading> {
        let mut adjacent = None;
        for (first, last) in self.runs_near(target, at) {
            if first <= at && at <= last {
                return None;
            }
            let (span, gap) = (last - first, if at < first { first - at } else { at - last });
            // Next to a quarter of the Internet is next to nothing.
            if gap <= span.next().unwrap_or(span) && span.leading_zeros() >= W::BITS / 4 {
                adjacent = Some(Reading::Adjacent(W::range(first, last)));
            }
        }
        adjacent.or_else(|| others.iter().copied().find(|reading| self.would_contain(target, *reading)))
    }

    fn would_contain(&self, target: &Target, reading: Reading) -> bool {
        match reading {
            Reading::OtherFamily { v6 } => {
                matches!(target, Target::Network(net) if net.prefix_len() == 0 && net.addr().is_ipv6() == v6)
            }
            Reading::Digits(addr, _) | Reading::Embedded(addr, _) => match addr {
                IpAddr::V4(addr) => self.holds(target, addr.to_bits()),
                IpAddr::V6(addr) => self.holds(target, addr.to_bits()),
            },
            Reading::Adjacent(_) => false,
        }
    }

    fn holds<W: Part>(&self, target: &Target, at: W) -> bool {
        self.runs_near(target, at).any(|(first, last)| first <= at && at <= last)
    }
}

/// A rule that contains the address.
#[derive(Clone, Copy)]
struct Holder {
    order: Order,
    rule: usize,
    len: u32,
}

/// What the address could have been meant or taken for.
fn other_readings(addr: IpAddr) -> Vec<Reading> {
    let mut readings = Vec::from([Reading::OtherFamily { v6: addr.is_ipv4() }]);
    match addr {
        IpAddr::V4(v4) => {
            let octets = v4.octets();
            let whole = |read: fn(u8) -> Option<u8>| {
                let mut other = octets;
                for octet in &mut other {
                    *octet = read(*octet)?;
                }
                Some(other)
            };
            let octal = whole(|octet| u8::try_from(decimal_as_octal(octet.into())?).ok());
            let decimal = whole(|octet| u8::try_from(octal_as_decimal(octet.into())).ok());
            let mut reversed = octets;
            reversed.reverse();
            let digits = [
                (octal, "the same digits read as octal"),
                (decimal, "its octets written in octal, read as decimal"),
                (Some(reversed), "the same octets in the other byte order"),
            ];
            let digits = digits.into_iter().filter(|(other, _)| *other != Some(octets));
            readings.extend(digits.filter_map(|(other, how)| Some(Reading::Digits(IpAddr::from(other?), how))));
            let bits = u128::from(v4.to_bits());
            let carried = [
                (v4.to_ipv6_mapped().to_bits(), "its IPv4-mapped form"),
                (0x2002 << 112 | bits << 80, "its 6to4 form"),
                (0x64_ff9b << 96 | bits, "its NAT64 form"),
                (bits, "its IPv4-compatible form"),
            ];
            readings.extend(carried.map(|(bits, how)| Reading::Embedded(Ipv6Addr::from_bits(bits).into(), how)));
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            let low = (bits & 0xffff_ffff) as u32;
            let carried = [
                (bits >> 112 == 0x2002, (bits >> 80 & 0xffff_ffff) as u32, "the IPv4 address of its 6to4 form"),
                (bits >> 32 == 0x64_ff9b << 64, low, "the IPv4 address of its NAT64 form"),
                (bits >> 32 == 0 && bits > 1, low, "the IPv4 address of its IPv4-compatible form"),
                (bits >> 96 == 0x2001_0000, !low, "the IPv4 address of its Teredo form"),
            ];
            let carried = carried.into_iter().filter(|(has, ..)| *has);
            readings.extend(carried.map(|(_, v4, how)| Reading::Embedded(Ipv4Addr::from_bits(v4).into(), how)));
        }
    }
    readings
}

/// The octal digits of a number, read as decimal.
fn octal_as_decimal(value: u32) -> u32 {
    value % 8 + value / 8 % 8 * 10 + value / 64 * 100
}

/// A line for the answer, one for each rule that lost, one for each near miss.
impl Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |rule: usize| Said(rule, &self.policy.rules[rule]);
        write!(f, "{} {} ", Canonical::from(self.addr), self.action())?;
        match self.owner {
            Some(owner) => writeln!(f, "{}", said(owner))?,
            None => writeln!(f, "default")?,
        }
        for beaten in &self.beaten {
            writeln!(f, "  beats {}: {}", said(beaten.rule), beaten.reason)?;
        }
        for near in &self.near_misses {
            writeln!(f, "  near miss: {}: {near}", said(near.rule))?;
        }
        Ok(())
    }
}

/// A rule by its line, or by its number where it has none.
struct Said<'a>(usize, &'a Rule);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.1.line() == 0 {
            write!(f, "rule {}: ", self.0)?;
        }
        write!(f, "{:#}", self.1)
    }
}
