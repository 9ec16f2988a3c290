//! Guards against the oracle, and the gate step by step: what it refuses, what it returns, what comes back and when.
#![cfg(feature = "std")]

mod cases;
mod oracle;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use cidrgate::{CidrSet, Count, Gate, GateReader, Guards, Matcher, NotOnTrial, Policy, Refusal, TrialState};
use oracle::{Addr, MAPPED, Span};
use proptest::prelude::*;

fn matcher(text: &str) -> Matcher {
    Policy::read(text).unwrap_or_else(|error| panic!("{error}\n{text}")).compile().unwrap()
}

fn set(text: &str) -> CidrSet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const NONE: &str = "default deny";
const ALL: &str = "default allow";

/// What a guard says of a change: nothing, or the reason, the witness and the words.
fn judged(guards: &Guards, old: &str, new: &str) -> Option<(Refusal, String, String)> {
    let refused = guards.judge(&matcher(old), &matcher(new)).err()?;
    let change = refused.change().unwrap();
    assert_eq!(*change, matcher(old).diff(&matcher(new)));
    Some((refused.reason(), refused.witness().unwrap().to_string(), refused.to_string()))
}

fn refused(reason: Refusal, witness: &str, words: &str) -> Option<(Refusal, String, String)> {
    Some((reason, witness.into(), words.into()))
}

#[test]
fn whoever_must_stay_allowed_is_never_locked_out() {
    let guards = Guards::new().keep_allowed(set("192.0.2.0/30\n2001:db8::/64"));
    assert_eq!(judged(&guards, NONE, ALL), None);
    assert_eq!(judged(&guards, NONE, "allow 192.0.2.0/24, 2001:db8::/32"), None);
    let last = "deny 192.0.2.3\nallow 192.0.2.0/24, 2001:db8::/32";
    let words = "would deny 192.0.2.3, which must stay allowed";
    assert_eq!(judged(&guards, ALL, last), refused(Refusal::Denies, "192.0.2.3", words));
    // Also if it was denied before, and nothing changes.
    assert_eq!(judged(&guards, last, last), refused(Refusal::Denies, "192.0.2.3", words));
    let edge = "deny 2001:db8::ffff:ffff:ffff:ffff\nallow all";
    let words = "would deny 2001:db8::ffff:ffff:ffff:ffff, which must stay allowed";
    assert_eq!(judged(&guards, ALL, edge), refused(Refusal::Denies, "2001:db8::ffff:ffff:ffff:ffff", words));
    // Each of several must hold.
    let guards = guards.keep_allowed(set("198.51.100.7"));
    let words = "would deny 198.51.100.7, which must stay allowed";
    let first = "allow 192.0.2.0/24, 2001:db8::/32";
    assert_eq!(judged(&guards, ALL, first), refused(Refusal::Denies, "198.51.100.7", words));
    // Nobody is kept by an empty set.
    assert_eq!(judged(&Guards::new().keep_allowed(CidrSet::new()), ALL, NONE), None);
}

#[test]
fn whoever_must_stay_denied_never_gets_in() {
    let guards = Guards::new().keep_denied(set("203.0.113.77"));
    assert_eq!(judged(&guards, ALL, NONE), None);
    let words = "would allow 203.0.113.77, which must stay denied";
    assert_eq!(judged(&guards, ALL, ALL), refused(Refusal::Allows, "203.0.113.77", words));
    assert_eq!(
        judged(&guards, NONE, "allow 203.0.113.76-203.0.113.78"),
        refused(Refusal::Allows, "203.0.113.77", words)
    );
    assert_eq!(judged(&guards, NONE, "allow 203.0.113.76, 203.0.113.78"), None);
    let words = "would allow 0.0.0.0, which must stay denied";
    assert_eq!(
        judged(&Guards::new().keep_denied(CidrSet::all()), NONE, ALL),
        refused(Refusal::Allows, "0.0.0.0", words)
    );
}

#[test]
fn a_limit_holds_to_the_address() {
    let two = "allow 192.0.2.0/31, ::1";
    let limit = |addresses: u128| Guards::new().max_newly_allowed(addresses);
    assert_eq!(judged(&limit(3), NONE, two), None);
    let words = "would newly allow 3 addresses, the first 192.0.2.0; at most 2 may be";
    assert_eq!(judged(&limit(2), NONE, two), refused(Refusal::TooManyAllowed, "192.0.2.0", words));
    // What was allowed before does not count, and neither does what is denied.
    assert_eq!(judged(&limit(0), ALL, two), None);
    assert_eq!(judged(&limit(1), "allow 192.0.2.0/31", two), None);
    assert!(judged(&limit(0), "allow 192.0.2.0/31", two).is_some());
    // The lower one holds, in either order.
    assert!(judged(&limit(2).max_newly_allowed(9), NONE, two).is_some());
    assert!(judged(&limit(9).max_newly_allowed(2), NONE, two).is_some());

    let limit = |addresses: u128| Guards::new().max_newly_denied(addresses);
    assert_eq!(judged(&limit(3), two, NONE), None);
    let words = "would newly deny 3 addresses, the first 192.0.2.0; at most 2 may be";
    assert_eq!(judged(&limit(2), two, NONE), refused(Refusal::TooManyDenied, "192.0.2.0", words));
    assert_eq!(judged(&limit(0), NONE, ALL), None);
    // A literal is enough.
    assert_eq!(judged(&Guards::new().max_newly_denied(3), two, NONE), None);
}

#[test]
fn a_limit_counts_the_whole_space() {
    let whole = CidrSet::all().count();
    assert_eq!(judged(&Guards::new().max_newly_allowed(whole), NONE, ALL), None);
    assert_eq!(judged(&Guards::new().max_newly_denied(whole), ALL, NONE), None);
    let words = "would newly allow 340282366920938463463374607436063178752 addresses, the first 0.0.0.0; \
                 at most 340282366920938463463374607431768211455 may be";
    let guards = Guards::new().max_newly_allowed(u128::MAX);
    assert_eq!(judged(&guards, NONE, ALL), refused(Refusal::TooManyAllowed, "0.0.0.0", words));
    // 2^128 to 2^128 + 2^32 - 1: one too many.
    let but_one = CidrSet::all().difference(&set("192.0.2.1")).unwrap().count();
    assert!(judged(&Guards::new().max_newly_denied(but_one), ALL, NONE).is_some());
    assert_eq!(judged(&Guards::new().max_newly_denied(but_one), ALL, "allow 192.0.2.1"), None);
    assert_eq!(judged(&Guards::new().max_newly_denied(but_one), "deny 192.0.2.1\nallow all", NONE), None);
    let v6 = CidrSet::all().only_v6().count();
    assert_eq!(v6.to_u128(), None);
    assert_eq!(judged(&Guards::new().max_newly_allowed(v6), NONE, "allow ::/0"), None);
    assert!(judged(&Guards::new().max_newly_allowed(v6), NONE, "allow ::/0, 0.0.0.0").is_some());
}

#[test]
fn no_witness_lies_in_the_mapped_block() {
    // Only what can be asked for: IPv4 as IPv4, and IPv6 after the block.
    let round = "allow ::fffe:0:0-::1:0:0:ff";
    let guards = Guards::new().keep_allowed(set("::fffe:0:0-::1:0:0:ff"));
    assert_eq!(judged(&guards, NONE, round), None);
    let before = "allow ::fffe:0:0-::fffe:ffff:ffff";
    assert_eq!(judged(&guards, NONE, before).unwrap().1, "::1:0:0:0");
    let v4 = Guards::new().keep_allowed(set("::ffff:192.0.2.1"));
    assert_eq!(judged(&v4, ALL, "allow ::/0").unwrap().1, "192.0.2.1");
    let denied = Guards::new().keep_denied(set("::/0"));
    assert_eq!(judged(&denied, NONE, "allow ::1:0:0:0/128").unwrap().1, "::1:0:0:0");
}

#[test]
fn the_first_guard_in_order_is_named() {
    let guards = Guards::new()
        .max_newly_denied(0)
        .max_newly_allowed(0)
        .keep_denied(set("198.51.100.1"))
        .keep_allowed(set("192.0.2.1"));
    let (old, new) = ("allow 192.0.2.1, 203.0.113.1", "allow 198.51.100.1, 198.51.100.2");
    assert_eq!(judged(&guards, old, new).unwrap().0, Refusal::Denies);
    let new = "allow 192.0.2.1, 198.51.100.1, 198.51.100.2";
    assert_eq!(judged(&guards, old, new).unwrap().0, Refusal::Allows);
    let new = "allow 192.0.2.1, 198.51.100.2";
    assert_eq!(judged(&guards, old, new).unwrap().0, Refusal::TooManyAllowed);
    assert_eq!(judged(&guards, old, "allow 192.0.2.1").unwrap().0, Refusal::TooManyDenied);
    assert_eq!(judged(&guards, old, old), None);
}

/// How many addresses: whole multiples of 2^128, and the rest.
fn add((carry, low): (u128, u128), span: &Span) -> (u128, u128) {
    let (low, one) = low.overflowing_add(span.last - span.first);
    let (low, two) = low.overflowing_add(1);
    (carry + u128::from(one) + u128::from(two), low)
}

proptest! {
    #![proptest_config(cases::config(500))]

    #[test]
    fn guards_judge_as_the_oracle(
        old in cases::case(),
        new in cases::case(),
        pieces in proptest::collection::vec(cases::piece(), 0..3),
        slack in 0..2u128,
    ) {
        let (old_rules, new_rules) = (old.rules(), new.rules());
        let spans: Vec<Span> = pieces.iter().map(|piece| piece.span()).collect();
        let kept: CidrSet = pieces.iter().map(|piece| piece.text() + "\n").collect::<String>().parse().unwrap();
        let ends = old_rules.iter().chain(&new_rules).flat_map(|rule| rule.parts.iter().map(|(span, _)| span));
        let turns = oracle::turns(ends.chain(&spans));
        let before = |at| oracle::answer(old.precedence, &old_rules, old.default, at).0;
        let after = |at| oracle::answer(new.precedence, &new_rules, new.default, at).0;
        let kept_at = |at| oracle::is_member(&spans, at);
        // The answers are alike between turns, so a lowest address that tells is a turn.
        let first = |wrong: &dyn Fn(Addr) -> bool| turns.iter().find(|at| wrong(**at)).map(|at| at.ip());
        let count = |changed: &dyn Fn(Addr) -> bool| {
            let stretches = oracle::stretches(&turns, changed);
            let changed = stretches.iter().filter(|(_, changed)| *changed).map(|(span, _)| match span {
                // A run that ends with the mapped block is counted up to the address before it.
                Span { v6: true, last, .. } if *last == MAPPED.1 => Span { last: MAPPED.0 - 1, ..*span },
                span => *span,
            });
            changed.fold((0, 0), |sum, span| add(sum, &span))
        };
        let (old, new) = (matcher(&old.text()), matcher(&new.text()));
        let witness = |guards: &Guards, reason| match guards.judge(&old, &new) {
            Ok(_) => None,
            Err(refused) => {
                assert_eq!(refused.reason(), reason);
                assert!(refused.witness().is_some());
                refused.witness()
            }
        };

        let locked_out = first(&|at| kept_at(at) && !after(at));
        prop_assert_eq!(witness(&Guards::new().keep_allowed(kept.clone()), Refusal::Denies), locked_out);
        let let_in = first(&|at| kept_at(at) && after(at));
        prop_assert_eq!(witness(&Guards::new().keep_denied(kept), Refusal::Allows), let_in);

        type Side<'a> = (&'a dyn Fn(Addr) -> bool, Refusal, fn(Guards, Count) -> Guards);
        let sides: [Side<'_>; 2] = [
            (&|at| !before(at) && after(at), Refusal::TooManyAllowed, |guards, count| guards.max_newly_allowed(count)),
            (&|at| before(at) && !after(at), Refusal::TooManyDenied, |guards, count| guards.max_newly_denied(count)),
        ];
        for (changed, reason, limit) in sides {
            let (carry, low) = count(changed);
            let first = first(changed);
            if carry == 0 {
                prop_assert_eq!(witness(&limit(Guards::new(), (low.saturating_add(slack)).into()), reason), None);
                if low > slack {
                    prop_assert_eq!(witness(&limit(Guards::new(), (low - 1 - slack).into()), reason), first);
                }
            } else {
                prop_assert_eq!(carry, 1);
                prop_assert_eq!(witness(&limit(Guards::new(), u128::MAX.into()), reason), first);
                prop_assert_eq!(witness(&limit(Guards::new(), CidrSet::all().count()), reason), None);
            }
        }
    }
}

/// Every way to ask a gate, which must agree.
fn allows(gate: &Gate, reader: &mut GateReader, addr: IpAddr) -> bool {
    let answers = [
        gate.allows(addr),
        gate.snapshot().allows(addr),
        gate.decide(addr).action().is_allow(),
        reader.allows(addr),
        reader.decide(addr).action().is_allow(),
        reader.snapshot().allows(addr),
        gate.reader().allows(addr),
        match addr {
            IpAddr::V4(addr) => gate.allows_v4(addr),
            IpAddr::V6(addr) => gate.allows_v6(addr),
        },
        match addr {
            IpAddr::V4(addr) => reader.allows_v4(addr),
            IpAddr::V6(addr) => reader.allows_v6(addr),
        },
    ];
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{addr}: {answers:?}");
    answers[0]
}

#[test]
fn a_change_takes_effect_and_says_what_it_was() {
    let (old, new) = ("allow 192.0.2.0/24, 2001:db8::/32", "allow 192.0.2.0/25, 198.51.100.0/24");
    let gate = Gate::new(matcher(old));
    let mut reader = gate.reader();
    let addrs = ["192.0.2.1", "192.0.2.200", "::ffff:192.0.2.200", "198.51.100.1", "2001:db8::1"].map(ip);
    let ask = |reader: &mut GateReader| addrs.map(|addr| allows(&gate, reader, addr));
    assert_eq!(ask(&mut reader), [true, true, true, false, true]);
    assert_eq!((gate.generation(), gate.snapshot().generation()), (1, 1));

    let change = gate.replace(matcher(new), &Guards::new()).unwrap();
    assert_eq!(ask(&mut reader), [true, false, false, true, false]);
    assert_eq!(*change.newly_allowed(), set("198.51.100.0/24"));
    assert_eq!(*change.newly_denied(), set("192.0.2.128/25\n2001:db8::/32"));
    assert_eq!(change.old_fingerprint(), matcher(old).fingerprint());
    assert_eq!(change.new_fingerprint(), matcher(new).fingerprint());
    assert_eq!((change.generation(), gate.generation()), (2, 2));
    assert_eq!(gate.snapshot().fingerprint(), matcher(new).fingerprint());
    // A clone is the same gate.
    assert_eq!(reader.gate().clone().generation(), 2);

    // The same answers are a new generation: notes may differ.
    let change = gate.replace(matcher(new), &Guards::new().max_newly_allowed(0).max_newly_denied(0)).unwrap();
    assert!(change.is_empty());
    assert_eq!((change.generation(), reader.snapshot().generation()), (3, 3));
}

#[test]
fn a_refusal_leaves_everything_as_it_was() {
    let gate = Gate::new(matcher("allow 192.0.2.0/24 # office"));
    let mut reader = gate.reader();
    let before = gate.snapshot();
    let guards = Guards::new().keep_allowed(set("192.0.2.7"));
    for _ in 0..3 {
        let refused = gate.replace(matcher("allow 198.51.100.0/24"), &guards).unwrap_err();
        assert_eq!((refused.reason(), refused.witness()), (Refusal::Denies, Some(ip("192.0.2.7"))));
        assert_eq!(refused.change().unwrap().generation(), 0);
        let refused = gate.replace_for(matcher(NONE), &guards, Duration::MAX).unwrap_err();
        assert_eq!(refused.reason(), Refusal::Denies);
        assert!(Arc::ptr_eq(gate.snapshot().policy(), before.policy()));
        assert_eq!((gate.generation(), gate.snapshot().since()), (1, before.since()));
        assert!(allows(&gate, &mut reader, ip("192.0.2.7")));
        assert!(!allows(&gate, &mut reader, ip("198.51.100.1")));
    }
    assert_eq!(gate.confirm(), Err(NotOnTrial));
}

#[test]
fn a_snapshot_stays_as_it_is() {
    let gate = Gate::new(matcher("allow 192.0.2.0/24 # old"));
    let before = gate.snapshot();
    gate.replace(matcher("deny 192.0.2.1 # new\nallow all"), &Guards::new()).unwrap();
    let addr = ip("192.0.2.1");
    let note = |snapshot: &cidrgate::Snapshot| {
        let label = snapshot.label(snapshot.decide(addr).rule().unwrap()).unwrap();
        (label.line(), label.note().map(str::to_owned))
    };
    assert_eq!(note(&before), (1, Some("old".into())));
    assert_eq!(note(&gate.snapshot()), (1, Some("new".into())));
    assert_eq!((before.generation(), gate.snapshot().generation()), (1, 2));
    assert!(before.since() <= gate.snapshot().since());
}

#[test]
fn the_default_gate_denies() {
    let gate = Gate::default();
    let mut reader = gate.reader();
    assert!(["0.0.0.0", "255.255.255.255", "::", "::1"].iter().all(|addr| !allows(&gate, &mut reader, ip(addr))));
}

const OLD: &str = "allow 192.0.2.1";
const NEW: &str = "allow 192.0.2.2";

/// Which of the three policies answers, by what they allow.
fn who(gate: &Gate, reader: &mut GateReader) -> [bool; 3] {
    [1, 2, 3].map(|last| allows(gate, reader, Ipv4Addr::new(192, 0, 2, last).into()))
}

const IS_OLD: [bool; 3] = [true, false, false];
const IS_NEW: [bool; 3] = [false, true, false];
const IS_NEWEST: [bool; 3] = [false, false, true];
/// Long enough to look around before it is over, and to wait for.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(3600);

fn sleep_until(deadline: Instant) {
    thread::sleep(deadline.saturating_duration_since(Instant::now()));
}

#[test]
fn what_is_not_confirmed_comes_back_at_the_deadline() {
    let gate = Gate::new(matcher(OLD));
    let (mut reader, mut idle) = (gate.reader(), gate.reader());
    let began = Instant::now();
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), SHORT).unwrap();
    let deadline = trial.deadline().unwrap();
    assert!(deadline >= began + SHORT);
    assert_eq!((trial.generation(), trial.change().newly_allowed().clone()), (2, set("192.0.2.2")));
    // To the last moment, and not a moment longer. Between two questions the moment may pass.
    let mut looks = 0;
    loop {
        let answers = [gate.allows(ip("192.0.2.2")), reader.allows(ip("192.0.2.2")), gate.generation() == 2];
        let state = trial.state();
        if Instant::now() >= deadline {
            break;
        }
        assert_eq!((answers, state), ([true; 3], TrialState::Open));
        looks += 1;
    }
    assert!(looks > 0);
    assert_eq!((who(&gate, &mut reader), trial.state()), (IS_OLD, TrialState::RolledBack));
    assert_eq!((gate.generation(), gate.snapshot().since()), (3, deadline));
    assert_eq!(gate.snapshot().fingerprint(), matcher(OLD).fingerprint());
    // A reader that was not asked in between.
    assert!(idle.allows(ip("192.0.2.1")));
    assert_eq!((trial.confirm(), gate.confirm()), (Err(NotOnTrial), Err(NotOnTrial)));
    assert_eq!(who(&gate, &mut reader), IS_OLD);
    let change = gate.replace(matcher(NEW), &Guards::new()).unwrap();
    assert_eq!((change.generation(), change.old_fingerprint()), (4, matcher(OLD).fingerprint()));
    assert_eq!(trial.state(), TrialState::RolledBack);
}

#[test]
fn nobody_has_to_look_for_it_to_come_back() {
    let gate = Gate::new(matcher(OLD));
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), SHORT).unwrap();
    sleep_until(trial.deadline().unwrap());
    // The first to come is another change: it is judged against what came back.
    let change = gate.replace(matcher("allow 192.0.2.3"), &Guards::new()).unwrap();
    assert_eq!(*change.newly_denied(), set("192.0.2.1"));
    assert_eq!((change.generation(), trial.state()), (4, TrialState::RolledBack));
}

#[test]
fn a_dropped_handle_rolls_back_at_the_deadline_and_not_before() {
    let gate = Gate::new(matcher(OLD));
    let mut reader = gate.reader();
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), SHORT).unwrap();
    let deadline = trial.deadline().unwrap();
    drop(trial);
    let seen = who(&gate, &mut reader);
    assert!(seen == IS_NEW || Instant::now() >= deadline);
    sleep_until(deadline);
    assert_eq!(who(&gate, &mut reader), IS_OLD);
    // Dropped, and confirmed all the same.
    drop(gate.replace_for(matcher(NEW), &Guards::new(), LONG).unwrap());
    assert_eq!(gate.confirm(), Ok(4));
    assert_eq!(who(&gate, &mut reader), IS_NEW);
}

#[test]
fn what_is_confirmed_stays() {
    let gate = Gate::new(matcher(OLD));
    let mut reader = gate.reader();
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), SHORT).unwrap();
    let since = gate.snapshot().since();
    assert_eq!(trial.confirm(), Ok(()));
    assert_eq!((trial.state(), trial.confirm()), (TrialState::Confirmed, Ok(())));
    // There is nothing more to confirm.
    assert_eq!(gate.confirm(), Err(NotOnTrial));
    sleep_until(trial.deadline().unwrap());
    assert_eq!((who(&gate, &mut reader), gate.generation(), trial.state()), (IS_NEW, 2, TrialState::Confirmed));
    assert_eq!(gate.snapshot().since(), since);
    gate.replace(matcher(OLD), &Guards::new()).unwrap();
    assert_eq!((trial.state(), trial.confirm()), (TrialState::Confirmed, Ok(())));
}

#[test]
fn something_newer_supersedes_a_trial() {
    let gate = Gate::new(matcher(OLD));
    let mut reader = gate.reader();
    let first = gate.replace_for(matcher(NEW), &Guards::new(), SHORT).unwrap();
    // What is refused does not.
    gate.replace(matcher(NONE), &Guards::new().keep_allowed(set("192.0.2.2"))).unwrap_err();
    assert_eq!(first.state(), TrialState::Open);
    let change = gate.replace(matcher("allow 192.0.2.3"), &Guards::new()).unwrap();
    assert_eq!((change.generation(), first.state()), (3, TrialState::Superseded));
    assert_eq!((first.confirm(), gate.confirm()), (Err(NotOnTrial), Err(NotOnTrial)));
    sleep_until(first.deadline().unwrap());
    assert_eq!((who(&gate, &mut reader), gate.generation()), (IS_NEWEST, 3));
}

#[test]
fn a_trial_after_a_trial_comes_back_to_what_was_settled() {
    let gate = Gate::new(matcher(OLD));
    let mut reader = gate.reader();
    let first = gate.replace_for(matcher(NEW), &Guards::new(), LONG).unwrap();
    let second = gate.replace_for(matcher("allow 192.0.2.3"), &Guards::new(), SHORT).unwrap();
    assert_eq!((first.state(), second.state()), (TrialState::Superseded, TrialState::Open));
    assert_eq!(*second.change().newly_denied(), set("192.0.2.2"));
    assert_eq!(first.confirm(), Err(NotOnTrial));
    sleep_until(second.deadline().unwrap());
    assert_eq!((who(&gate, &mut reader), gate.generation()), (IS_OLD, 4));
    assert_eq!((first.state(), second.state()), (TrialState::Superseded, TrialState::RolledBack));
}

#[test]
fn times_without_end_and_without_length() {
    let gate = Gate::new(matcher(OLD));
    let mut reader = gate.reader();
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), Duration::ZERO).unwrap();
    assert_eq!((trial.state(), who(&gate, &mut reader), gate.generation()), (TrialState::RolledBack, IS_OLD, 3));
    let trial = gate.replace_for(matcher(NEW), &Guards::new(), Duration::MAX).unwrap();
    assert_eq!((trial.state(), trial.deadline()), (TrialState::Open, None));
    assert_eq!(who(&gate, &mut reader), IS_NEW);
    assert_eq!(trial.confirm(), Ok(()));
}

/// Whether somebody keeps it alive.
fn alive(matcher: &Weak<Matcher>) -> bool {
    matcher.strong_count() > 0
}

#[test]
fn an_old_policy_is_freed_by_the_last_that_lets_go() {
    let held = |text| {
        let matcher = Arc::new(matcher(text));
        (Arc::downgrade(&matcher), matcher)
    };
    let (first, old) = held(OLD);
    let gate = Gate::new(old);
    let mut reader = gate.reader();
    assert!(alive(&first));
    let (second, new) = held(NEW);
    gate.replace(new, &Guards::new()).unwrap();
    // The reader has it until it is asked.
    assert!(alive(&first));
    assert!(!reader.allows(ip("192.0.2.1")));
    assert!(!alive(&first));

    // On trial both are kept; then, of the two, the one that lost is not.
    let (third, newest) = held("allow 192.0.2.3");
    let trial = gate.replace_for(newest, &Guards::new(), LONG).unwrap();
    assert!(reader.allows(ip("192.0.2.3")));
    assert!(alive(&second) && alive(&third));
    trial.confirm().unwrap();
    // A handle keeps the gate, and no policy.
    drop(trial);
    assert!(reader.allows(ip("192.0.2.3")));
    assert!(!alive(&second) && alive(&third));
    let (fourth, next) = held(NEW);
    let trial = gate.replace_for(next, &Guards::new(), Duration::ZERO).unwrap();
    assert!(reader.allows(ip("192.0.2.3")));
    assert!(!alive(&fourth) && alive(&third));
    drop((trial, gate));
    assert!(alive(&third));
    drop(reader);
    assert!(!alive(&third));
}

#[test]
fn a_policy_may_ask_the_gate_while_it_is_dropped() {
    /// Its end comes while others may change the gate.
    struct Last(Matcher, Option<Gate<Last>>);
    impl AsRef<Matcher> for Last {
        fn as_ref(&self) -> &Matcher {
            &self.0
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            if let Some(gate) = &self.1 {
                assert_eq!(gate.confirm(), Err(NotOnTrial));
                gate.replace(Last(matcher(ALL), None), &Guards::new()).unwrap();
            }
        }
    }
    let gate = Gate::holding(Last(matcher(OLD), None));
    gate.replace(Last(matcher(OLD), Some(gate.clone())), &Guards::new()).unwrap();
    gate.replace(Last(matcher(NEW), None), &Guards::new()).unwrap();
    assert_eq!(gate.generation(), 4);
    let _ = gate.replace_for(Last(matcher(OLD), Some(gate.clone())), &Guards::new(), Duration::ZERO).unwrap();
    assert!(gate.allows(ip("::1")));
    assert_eq!(gate.generation(), 7);
}

#[test]
fn a_panic_while_judging_leaves_the_gate_as_it_was() {
    struct Broken(Matcher, bool);
    impl AsRef<Matcher> for Broken {
        fn as_ref(&self) -> &Matcher {
            assert!(!self.1, "broken");
            &self.0
        }
    }
    let gate = Gate::holding(Broken(matcher(OLD), false));
    let other = gate.clone();
    thread::spawn(move || other.replace(Broken(matcher(NEW), true), &Guards::new())).join().unwrap_err();
    assert!(gate.allows(ip("192.0.2.1")));
    gate.replace(Broken(matcher(NEW), false), &Guards::new()).unwrap();
    assert!(gate.allows(ip("192.0.2.2")));
}

#[test]
fn what_threads_may_share_they_may() {
    fn both<T: Send + Sync + 'static>() {}
    both::<Gate>();
    both::<GateReader>();
    both::<cidrgate::Snapshot>();
    both::<cidrgate::Trial>();
    both::<Guards>();
    both::<cidrgate::Refused>();
}
