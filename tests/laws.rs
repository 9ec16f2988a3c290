//! Random policies against the oracle: every way to ask gives its answer and its rule, and what is said about the
//! answers (networks, explanations, fingerprints, differences, findings) is what it would say.

mod cases;
mod oracle;

use std::net::IpAddr;

use cases::{Case, Target};
use cidrgate::{Action, CidrSet, Code, Matcher, Policy};
use ipnet::IpNet;
use oracle::{Addr, MAPPED, Precedence, Rule, Span};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

/// Random addresses of all sizes.
fn others() -> impl Strategy<Value = Vec<u128>> {
    let other = (any::<u128>(), 0..128u32).prop_map(|(bits, shift)| bits >> shift);
    proptest::collection::vec(other, 8)
}

fn read(text: &str) -> Policy {
    Policy::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn compile(case: &Case) -> Matcher {
    read(&case.text()).compile().unwrap()
}

fn action(allow: bool) -> Action {
    if allow { Action::Allow } else { Action::Deny }
}

/// Where answers may change.
fn turns(rules: &[Rule]) -> Vec<Addr> {
    oracle::turns(rules.iter().flat_map(|rule| rule.parts.iter().map(|(span, _)| span)))
}

/// A network as the oracle has it.
fn net(net: IpNet) -> (Addr, u32) {
    // Not folded: a network that is printed must not be IPv4 in disguise.
    let addr = match net.addr() {
        IpAddr::V4(ip) => Addr { v6: false, bits: u32::from(ip).into() },
        IpAddr::V6(ip) => Addr { v6: true, bits: ip.into() },
    };
    (addr, net.prefix_len().into())
}

/// The ranges of a set.
fn ranges(set: &CidrSet) -> Vec<Span> {
    let spans = set.ranges().map(|range| {
        let (first, last) = (Addr::of(range.first()), Addr::of(range.last()));
        assert_eq!(first.v6, last.v6, "{range}");
        Span { v6: first.v6, first: first.bits, last: last.bits }
    });
    spans.collect()
}

/// The ranges that the set of addresses with some property has to have.
fn expected_ranges(turns: &[Addr], has: impl Fn(Addr) -> bool) -> Vec<Span> {
    let stretches = oracle::stretches(turns, has).into_iter();
    let spans = stretches.filter(|(_, has)| *has).map(|(span, _)| match span.last {
        last if span.v6 && last == MAPPED.1 => Span { last: MAPPED.0 - 1, ..span },
        _ => span,
    });
    spans.collect()
}

/// The fingerprint, from answers alone.
fn fingerprint(turns: &[Addr], allows: impl Fn(Addr) -> bool) -> String {
    let stretches = oracle::stretches(turns, allows);
    let edges = |v6| {
        let family: Vec<_> = stretches.iter().filter(|(span, _)| span.v6 == v6).collect();
        let before = std::iter::once(false).chain(family.iter().map(|(_, allow)| *allow));
        let flips = family.iter().zip(before).filter(|((_, allow), before)| allow != before);
        flips.map(|((span, _), _)| span.first).collect::<Vec<u128>>()
    };
    let (v4, v6) = (edges(false), edges(true));
    let mut bytes = b"cidrgate.verdict.1\0".to_vec();
    bytes.extend((v4.len() as u64).to_le_bytes());
    v4.iter().for_each(|edge| bytes.extend((*edge as u32).to_le_bytes()));
    bytes.extend((v6.len() as u64).to_le_bytes());
    v6.iter().for_each(|edge| bytes.extend(edge.to_le_bytes()));
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

proptest! {
    #![proptest_config(cases::config(1500))]

    #[test]
    fn every_way_to_ask_gives_the_answer_of_the_oracle(case in cases::case(), others in others()) {
        let (policy, rules) = (read(&case.text()), case.rules());
        prop_assert_eq!(policy.rules().len(), rules.len());
        let matcher = policy.compile().unwrap();
        let verdicts = policy.compile_verdicts_only().unwrap();
        let turns = turns(&rules);
        let (mut v4, mut v6, mut both) = (Vec::new(), Vec::new(), Vec::new());
        for at in cases::probes(&turns, &others) {
            let (allow, rule) = oracle::answer(case.precedence, &rules, case.default, at);
            for ip in [Some(at.ip()), at.disguised()].into_iter().flatten() {
                prop_assert_eq!(matcher.allows(ip), allow, "{}", ip);
                prop_assert_eq!(verdicts.allows(ip), allow, "{}", ip);
                let decision = matcher.decide(ip);
                prop_assert_eq!((decision.action(), decision.rule()), (action(allow), rule), "{}", ip);
                let decision = verdicts.decide(ip);
                prop_assert_eq!((decision.action(), decision.rule()), (action(allow), None), "{}", ip);
                prop_assert_eq!(matcher.allowed().contains(ip), allow, "{}", ip);
                match ip {
                    IpAddr::V4(ip) => {
                        prop_assert_eq!(matcher.allows_v4(ip), allow, "{}", ip);
                        v4.push((ip.octets(), allow));
                    }
                    IpAddr::V6(ip) => {
                        prop_assert_eq!(matcher.allows_v6(ip), allow, "{}", ip);
                        v6.push((ip.octets(), allow));
                    }
                }
                both.push((ip, allow));
            }
        }
        for matcher in [&matcher, &verdicts] {
            let (octets, expected): (Vec<_>, Vec<_>) = v4.iter().copied().unzip();
            let mut allowed = vec![true; octets.len()];
            matcher.allows_batch_v4(&octets, &mut allowed);
            prop_assert_eq!(allowed, expected);
            let (octets, expected): (Vec<_>, Vec<_>) = v6.iter().copied().unzip();
            let mut allowed = vec![true; octets.len()];
            matcher.allows_batch_v6(&octets, &mut allowed);
            prop_assert_eq!(allowed, expected);
            let (ips, mut expected): (Vec<_>, Vec<_>) = both.iter().copied().unzip();
            // More places than addresses: those without one are false.
            expected.extend([false, false]);
            let mut allowed = vec![true; expected.len()];
            matcher.allows_batch(&ips, &mut allowed);
            prop_assert_eq!(&allowed, &expected);
            // Fewer: the others are left out.
            let mut allowed = vec![true; ips.len() / 2];
            matcher.allows_batch(&ips, &mut allowed);
            prop_assert_eq!(&allowed[..], &expected[..ips.len() / 2]);
        }
    }

    #[test]
    fn a_decisions_network_is_the_largest_of_its_owner(case in cases::case(), others in others()) {
        let (policy, rules) = (read(&case.text()), case.rules());
        let turns = turns(&rules);
        let answer = |at| oracle::answer(case.precedence, &rules, case.default, at);
        let owners = oracle::stretches(&turns, |at| answer(at).1);
        let answers = oracle::stretches(&turns, |at| answer(at).0);
        let (matcher, verdicts) = (policy.compile().unwrap(), policy.compile_verdicts_only().unwrap());
        let probes = cases::probes(&turns, &others);
        for at in &probes {
            let around = |stretch: Option<&Span>| {
                let (span, len) = oracle::largest_network(*at, *stretch.unwrap());
                (Addr { v6: span.v6, bits: span.first }, len)
            };
            let owned = around(owners.iter().map(|(span, _)| span).find(|span| span.contains(*at)));
            let alike = around(answers.iter().map(|(span, _)| span).find(|span| span.contains(*at)));
            prop_assert_eq!(net(matcher.decide(at.ip()).network()), owned, "{}", at.ip());
            prop_assert_eq!(net(verdicts.decide(at.ip()).network()), alike, "{}", at.ip());
            // What the network says, in other words: every address in it has the same owner.
            let network = oracle::network(at.v6, at.bits, owned.1);
            for other in probes.iter().filter(|other| network.contains(**other)) {
                prop_assert_eq!(answer(*other).1, answer(*at).1, "{} and {}", at.ip(), other.ip());
            }
        }
    }

    #[test]
    fn the_allowed_set_and_its_fingerprint_are_those_of_the_answers(case in cases::case()) {
        let (policy, rules) = (read(&case.text()), case.rules());
        let turns = turns(&rules);
        let allows = |at| oracle::answer(case.precedence, &rules, case.default, at).0;
        let expected = expected_ranges(&turns, allows);
        for matcher in [policy.compile().unwrap(), policy.compile_verdicts_only().unwrap()] {
            prop_assert_eq!(ranges(&matcher.allowed()), &expected[..]);
            let fingerprint = fingerprint(&turns, allows);
            prop_assert_eq!(matcher.fingerprint().to_string(), &fingerprint[..]);
            let bytes = matcher.fingerprint().as_bytes().map(|byte| format!("{byte:02x}")).concat();
            prop_assert_eq!(bytes, fingerprint);
        }
    }

    #[test]
    fn fingerprints_are_equal_where_the_allowed_sets_are(a in cases::case(), b in cases::case()) {
        // The second as it is, then one that says the same as the first in another way.
        let (a, b) = (compile(&a), compile(&b));
        prop_assert_eq!(a.fingerprint() == b.fingerprint(), a.allowed() == b.allowed());
        let list = format!("set s = {}\nallow @s", a.allowed().to_string().trim_end().replace('\n', ","));
        if !a.allowed().is_empty() && list.len() < cidrgate::MAX_LINE {
            prop_assert_eq!(read(&list).compile().unwrap().fingerprint(), a.fingerprint());
        }
    }

    #[test]
    fn a_difference_is_what_changes(case in cases::case(), other in cases::case(), keep in any::<bool>()) {
        // Either two that have nothing to do with each other, or one that lost its first statement.
        let other = if keep {
            Case { statements: case.statements.iter().skip(1).cloned().collect(), ..case.clone() }
        } else {
            other
        };
        let (old_rules, new_rules) = (case.rules(), other.rules());
        let parts = old_rules.iter().chain(&new_rules).flat_map(|rule| rule.parts.iter().map(|(span, _)| span));
        let turns = oracle::turns(parts);
        let old = |at| oracle::answer(case.precedence, &old_rules, case.default, at).0;
        let new = |at| oracle::answer(other.precedence, &new_rules, other.default, at).0;
        let change = compile(&case).diff(&compile(&other));
        prop_assert_eq!(ranges(change.newly_allowed()), expected_ranges(&turns, |at| new(at) && !old(at)));
        prop_assert_eq!(ranges(change.newly_denied()), expected_ranges(&turns, |at| old(at) && !new(at)));
    }

    #[test]
    fn an_explanation_names_the_owner_and_every_rule_it_beats(case in cases::case(), others in others()) {
        let (policy, rules) = (read(&case.text()), case.rules());
        for at in cases::probes(&turns(&rules), &others).into_iter().step_by(3) {
            let (allow, owner) = oracle::answer(case.precedence, &rules, case.default, at);
            let mut order = oracle::ranking(case.precedence, &rules, at).into_iter();
            prop_assert_eq!(order.next(), owner);
            let explained = policy.explain(at.disguised().unwrap_or(at.ip()));
            prop_assert_eq!((explained.addr(), explained.action(), explained.owner()), (at.ip(), action(allow), owner));
            let beaten: Vec<_> = explained.beaten().iter().map(cidrgate::Beaten::rule).collect();
            prop_assert_eq!(beaten, order.collect::<Vec<_>>(), "{}", at.ip());
            let near: Vec<_> = explained.near_misses().iter().map(cidrgate::NearMiss::rule).collect();
            prop_assert!(near.is_sorted() && near.len() <= 8);
            for rule in near {
                prop_assert!(!rules[rule].contains(at) && rules[rule].allow != allow, "{}: {}", at.ip(), explained);
            }
            prop_assert_eq!(explained.to_string().lines().count(),
                1 + explained.beaten().len() + explained.near_misses().len());
        }
    }

    #[test]
    fn lint_finds_what_the_oracle_finds(case in cases::case()) {
        let (policy, rules) = (read(&case.text()), case.rules());
        let turns = turns(&rules);
        let answers: Vec<_> =
            turns.iter().map(|at| oracle::answer(case.precedence, &rules, case.default, *at)).collect();
        let findings = policy.lint().unwrap();
        let found = |code| {
            let found = findings.iter().filter(|finding| finding.code() == code);
            // Those without a rule are about an entry of a set.
            let mut found: Vec<_> = found.filter_map(cidrgate::Finding::rule).collect();
            found.sort();
            found
        };
        let some = |has: &dyn Fn(usize) -> bool| (0..rules.len()).filter(|rule| has(*rule)).collect::<Vec<_>>();
        let wins = |rule| answers.iter().any(|(_, owner)| *owner == Some(rule));
        let is_needed = |rule| turns.iter().zip(&answers).any(|(at, (allow, _))| {
            oracle::answer_without(rule, case.precedence, &rules, case.default, *at).0 != *allow
        });
        // A rule of an empty set has no address to win.
        prop_assert_eq!(found(Code::Shadowed), some(&|rule| !rules[rule].parts.is_empty() && !wins(rule)));
        prop_assert_eq!(found(Code::Redundant), some(&|rule| wins(rule) && !is_needed(rule)));
        // What a target comes down to: a set of one run is that network or range, equal sets are one.
        let said: Vec<_> = case.expanded().map(|(statement, target)| {
            (statement.allow, match target {
                Target::Piece(piece) => piece.canonical(),
                Target::All => "all".to_string(),
                Target::Set(number) => match oracle::runs(&case.set_spans(*number))[..] {
                    [Span { v6, first, last }] => cases::Piece::Range { v6, first, last }.canonical(),
                    ref runs => format!("{runs:?}"),
                },
            })
        }).collect();
        let contradicts =
            |rule: usize| said[..rule].iter().any(|(allow, target)| *target == said[rule].1 && *allow != said[rule].0);
        prop_assert_eq!(found(Code::Contradiction), some(&contradicts));
        let whole: Vec<_> = case.expanded().map(|(statement, target)| statement.allow && match target {
            Target::Piece(piece) => ["0.0.0.0/0", "::/0"].contains(&&*piece.canonical()),
            Target::All => true,
            Target::Set(_) => false,
        }).collect();
        prop_assert_eq!(found(Code::WholeFamily), some(&|rule| whole[rule]));
        prop_assert!(findings.windows(2).all(|two| (two[0].line(), two[0].column()) <= (two[1].line(), two[1].column())));

        let of_sets =
            |code| findings.iter().filter(|finding| finding.code() == code && finding.rule().is_none()).count();
        let all_in_disguise = |piece: &&cases::Piece| {
            piece.text().starts_with(':') && piece.canonical() == "0.0.0.0/0"
        };
        prop_assert_eq!(of_sets(Code::WholeFamily), case.sets.iter().flatten().filter(all_in_disguise).count());
        let used = |set: usize| case.expanded().any(|(_, target)| matches!(target, Target::Set(used) if *used == set));
        prop_assert_eq!(of_sets(Code::UnusedSet), (0..3).filter(|set| !used(*set)).count());
        prop_assert_eq!(of_sets(Code::EmptySet), case.sets.iter().filter(|set| set.is_empty()).count());
        let respelled = |set: usize| {
            let mut written: Vec<_> = case.sets[set].iter().map(cases::Piece::canonical).collect();
            written.sort();
            let list = oracle::smallest_list(&case.set_spans(set)).into_iter();
            let mut smallest: Vec<_> =
                list.map(|(net, len)| format!("{}/{len}", Addr { v6: net.v6, bits: net.first }.ip())).collect();
            smallest.sort();
            written != smallest
        };
        let by_length = case.precedence == Precedence::LongestPrefix;
        let expected = (0..3).filter(|set| by_length && used(*set) && respelled(*set)).count();
        // Networks that end in disguise have a test of their own below.
        if !case.sets.iter().flatten().any(|piece| piece.span().v6 && piece.span().last == MAPPED.1) {
            prop_assert_eq!(of_sets(Code::SetLength), expected);
        }
        let has = |v6| rules.iter().any(|rule| rule.parts.iter().any(|(span, _)| span.v6 == v6));
        prop_assert_eq!(of_sets(Code::OneFamily), usize::from(has(false) != has(true)));
    }

    #[test]
    fn what_is_written_reads_back_as_an_equal_policy(case in cases::case()) {
        let policy = read(&case.text());
        for (rule, (statement, target)) in policy.rules().iter().zip(case.expanded()) {
            prop_assert_eq!(rule.to_string(), case.shown(statement, target));
            prop_assert_eq!(rule.note(), (!statement.note.is_empty()).then_some(statement.note));
        }
        for number in 0..case.sets.len() {
            prop_assert_eq!(ranges(policy.set(&format!("set-{number}")).unwrap()), oracle::runs(&case.set_spans(number)));
        }
        let again = read(&policy.to_string());
        prop_assert_eq!(&again, &policy);
        prop_assert_eq!(again.to_string(), policy.to_string());
        prop_assert_eq!(again.compile().unwrap().fingerprint(), policy.compile().unwrap().fingerprint());
    }

    #[test]
    fn a_builder_and_handed_over_sets_make_the_policy_of_the_text(case in cases::case()) {
        let policy = read(&case.text());
        let target = |target: &Target| match target {
            // The text is strict text, so nothing is lost on the way.
            Target::Piece(piece) => piece.text().parse().unwrap(),
            Target::All => cidrgate::Target::All,
            Target::Set(number) => cidrgate::Target::set(&format!("set-{number}")).unwrap(),
        };
        let precedences = [
            cidrgate::Precedence::FirstMatch,
            cidrgate::Precedence::LongestPrefix,
            cidrgate::Precedence::DenyOverrides,
            cidrgate::Precedence::Priority,
        ];
        let at = Precedence::ALL.iter().position(|precedence| *precedence == case.precedence).unwrap();
        let mut builder = Policy::builder().default_action(action(case.default)).precedence(precedences[at]);
        let mut reader = cidrgate::PolicyReader::new();
        for (number, pieces) in case.sets.iter().enumerate() {
            let ranges = pieces.iter().map(|piece| piece.text().parse::<cidrgate::IpRange>().unwrap());
            let set: CidrSet = ranges.collect();
            builder = builder.set(format!("set-{number}"), set.clone());
            reader = reader.set(format!("set-{number}"), set);
        }
        for (statement, said) in case.expanded() {
            let mut rule = cidrgate::Rule::new(action(statement.allow), target(said)).with_note(statement.note);
            if case.precedence == Precedence::Priority {
                rule = rule.with_priority(statement.priority);
            }
            builder = builder.rule(rule);
        }
        prop_assert_eq!(&builder.build().unwrap(), &policy);
        // The same text without its sets, which the program hands over.
        let without: String = case.text().lines().filter(|line| !line.starts_with("set ")).map(|line| format!("{line}\n")).collect();
        prop_assert_eq!(&reader.read(&without).unwrap(), &policy);
    }

    #[test]
    fn order_counts_under_first_match_only(case in cases::case(), turn in 0..8usize, others in others()) {
        prop_assume!(case.precedence != Precedence::FirstMatch && !case.statements.is_empty());
        let mut turned = case.clone();
        turned.statements.reverse();
        turned.statements.rotate_left(turn % case.statements.len());
        let (matcher, again) = (compile(&case), compile(&turned));
        prop_assert_eq!(matcher.fingerprint(), again.fingerprint());
        for at in cases::probes(&turns(&case.rules()), &others) {
            prop_assert_eq!(matcher.allows(at.ip()), again.allows(at.ip()), "{}", at.ip());
        }
    }
}

#[cfg(feature = "json")]
proptest! {
    #![proptest_config(cases::config(1500))]

    #[test]
    fn text_and_json_say_the_same(case in cases::case()) {
        let policy = read(&case.text());
        prop_assert_eq!(&read(&policy.to_json()), &policy);
        prop_assert_eq!(&read(&case.json()), &policy);
        let there = read(&policy.to_json());
        prop_assert_eq!(there.to_json(), policy.to_json());
        prop_assert_eq!(there.to_string(), policy.to_string());
        prop_assert_eq!(&read(&there.to_string()), &policy);
        prop_assert_eq!(there.compile().unwrap().fingerprint(), policy.compile().unwrap().fingerprint());
    }
}

#[test]
fn a_network_of_a_set_that_ends_in_disguise_counts_with_another_length() {
    // The smallest list of the set is `::fffe:0:0/96`: what is in the other half is IPv4. So the rule that is written
    // with /96 comes first by its place, not by its length, and `set-length` has something to say.
    let policy = read("precedence longest-prefix\nset s = ::fffe:0:0/95\nallow @s\ndeny ::fffe:0:0/96\n");
    let decision = policy.compile().unwrap().decide("::fffe:0:1".parse::<IpAddr>().unwrap());
    assert_eq!((decision.action(), decision.rule()), (Action::Deny, Some(1)));
    let policy = read("precedence longest-prefix\nset s = ::fffe:0:0/95\ndeny @s\ndeny ::fffe:0:0/96\n");
    let decision = policy.compile().unwrap().decide("::fffe:0:1".parse::<IpAddr>().unwrap());
    assert_eq!(decision.rule(), Some(0));
    assert!(policy.lint().unwrap().iter().any(|finding| finding.code() == Code::SetLength));
}

#[test]
fn a_network_of_a_set_before_the_mapped_block_counts_with_another_length_if_the_run_goes_on_behind() {
    // The smallest list has `::fffe:0:0/95`, and as many networks as are written.
    let lint = |set: &str| {
        let policy = read(&format!("precedence longest-prefix\nset s = {set}\ndeny @s, 192.0.2.1\n"));
        policy.lint().unwrap().iter().filter(|finding| finding.code() == Code::SetLength).count()
    };
    assert_eq!(lint("::1:0:0:0/80, ::fffe:0:0/96"), 1);
    assert_eq!(lint("::1:0:0:0/80, ::fffe:0:0/95"), 0);
    assert_eq!(lint("::2:0:0:0/80, ::fffe:0:0/96"), 0);
    assert_eq!(lint("::fffe:ffff:ffff"), 0);
    assert_eq!(lint("::fffe:ffff:ffff, ::1:0:0:0/80"), 0);
}

#[test]
fn a_range_that_is_a_network_is_that_network_from_a_builder_too() {
    let range = "192.0.2.0-192.0.2.255".parse::<cidrgate::IpRange>().unwrap();
    let built = Policy::builder().allow(cidrgate::Target::Range(range)).build().unwrap();
    assert_eq!(built, read("allow 192.0.2.0/24"));
    assert_eq!(built, read(&built.to_string()));
}

#[test]
fn an_expectation_holds_exactly_where_the_oracle_says_so() {
    // Each piece in turn as the target of an expectation, over a policy with edges all around.
    let rules = "\
        deny 10.0.0.128/25, ::fffe:0:0/96, 2001:db8::/120\n\
        allow 10.0.0.0/8, ::/79, 2001:db8::/32, ::ffff:192.0.2.0/120\n";
    let spans: Vec<_> = [
        (false, 0x0a00_0080, 25, false),
        (true, 0xfffe_0000_0000, 96, false),
        (true, 0x2001_0db8 << 96, 120, false),
        (false, 0x0a00_0000, 8, true),
        (true, 0, 79, true),
        (true, 0x2001_0db8 << 96, 32, true),
        (false, 0xc000_0200, 24, true),
    ]
    .into_iter()
    .map(|(v6, bits, len, allow)| Rule { allow, parts: oracle::of_network(v6, bits, len), priority: 0 })
    .collect();
    let mut runner = proptest::test_runner::TestRunner::new(cases::config(1500));
    let run = runner.run(&(cases::piece(), any::<bool>()), |(piece, allow)| {
        let span = piece.span();
        let parts = spans.iter().flat_map(|rule| rule.parts.iter().map(|(span, _)| span));
        let turns = oracle::turns(parts.chain([&span]));
        let wrong =
            |at: &Addr| span.contains(*at) && oracle::answer(Precedence::FirstMatch, &spans, false, *at).0 != allow;
        // The lowest address with the wrong answer is where one such stretch starts.
        let witness = turns.iter().copied().find(wrong);
        let text = format!("{rules}expect {} {}", cases::action(allow), piece.text());
        match (Policy::read(&text), witness) {
            (Ok(policy), None) => prop_assert_eq!(policy.expectations().len(), 1),
            (Ok(_), Some(witness)) => prop_assert!(false, "{} should have failed at {}", text, witness.ip()),
            (Err(error), None) => prop_assert!(false, "{} should have held: {}", text, error),
            (Err(error), Some(witness)) => {
                let (verb, named) = (if allow { "denied" } else { "allowed" }, piece.canonical());
                let message = format!("expected {} for {named}, but {} is {verb}", cases::action(allow), witness.ip());
                prop_assert_eq!(error.faults()[0].message(), message);
                prop_assert_eq!((error.faults()[0].line(), error.faults()[0].column()), (3, 14 - u32::from(!allow)));
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}
