//! Eight threads ask one gate while its policy is replaced again and again: each answer is that of one policy as a
//! whole, and no thread goes back in time. `CIDRGATE_REPLACES` says how often, 20,000 times if it does not.
#![cfg(feature = "std")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cidrgate::{Gate, Guards, Matcher, Policy, Snapshot};

const READERS: usize = 8;

fn matcher(text: &str) -> Matcher {
    Policy::read(text).unwrap().compile().unwrap()
}

/// Pairs that only one of the two policies allows together, of both families; the notes say whose it is.
const ODD: &str = "allow 192.0.2.1, 198.51.100.1, 2001:db8:1::/48 # odd";
const EVEN: &str = "allow 192.0.2.2, 198.51.100.2, 2001:db8:2::/48 # even";

fn pair(odd: bool) -> [IpAddr; 3] {
    let last = if odd { 1 } else { 2 };
    [
        Ipv4Addr::new(192, 0, 2, last).into(),
        // A dual-stack socket says it so.
        Ipv4Addr::new(198, 51, 100, last).to_ipv6_mapped().into(),
        Ipv6Addr::new(0x2001, 0xdb8, last.into(), 0, 0, 0, 0, 1).into(),
    ]
}

/// Looks at one moment from all sides; returns its generation.
fn look(now: &Snapshot) -> u64 {
    // The odd generations have the one, the even ones the other.
    let odd = now.generation() % 2 == 1;
    let mut allowed = [false; 6];
    now.allows_batch(&[pair(true), pair(false)].concat(), &mut allowed);
    assert_eq!(allowed, [odd, odd, odd, !odd, !odd, !odd], "torn: generation {}", now.generation());
    let decision = now.decide(pair(odd)[0]);
    let label = now.label(decision.rule().expect("a rule")).expect("a label");
    assert_eq!(label.note(), Some(if odd { "odd" } else { "even" }), "another policy's rule");
    assert_eq!(decision.network().to_string(), if odd { "192.0.2.1/32" } else { "192.0.2.2/32" });
    now.generation()
}

#[test]
fn nothing_is_ever_seen_torn() {
    let replaces: u64 = std::env::var("CIDRGATE_REPLACES").map_or(20_000, |count| count.parse().unwrap());
    let (odd, even) = (matcher(ODD), matcher(EVEN));
    let gate = Gate::new(odd.clone());
    let done = AtomicBool::new(false);
    let looks: u64 = thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS)
            .map(|at| {
                let (gate, done) = (gate.clone(), &done);
                scope.spawn(move || {
                    let mut reader = gate.reader();
                    let (mut last, mut looks) = (0, 0);
                    while !done.load(Ordering::Relaxed) {
                        // By the reader and by the gate, in turns: one order for both.
                        let now = if (at + looks) % 3 == 0 { gate.snapshot() } else { reader.snapshot() };
                        let generation = look(&now);
                        assert!(last <= generation, "generation {generation} after {last}");
                        // One of each pair is allowed at any moment, but the moment may pass between two questions.
                        let answers = [true, false].map(|odd| reader.allows(pair(odd)[0]));
                        if reader.snapshot().generation() == generation {
                            assert_eq!(answers, [generation % 2 == 1, generation % 2 == 0]);
                        }
                        let addr = pair(true)[looks % 3];
                        let decision = gate.decide(addr);
                        assert_eq!(decision.action().is_allow(), decision.rule().is_some(), "torn decision");
                        last = generation;
                        looks += 1;
                    }
                    assert!(look(&reader.snapshot()) >= last);
                    looks as u64
                })
            })
            .collect();
        let (mut generation, guards) = (1, Guards::new().max_newly_denied(1 << 100));
        while generation < replaces {
            // A copy each time, so that what is freed too early is really gone.
            let next = if generation % 2 == 1 { even.clone() } else { odd.clone() };
            match generation % 16 {
                // On trial and confirmed.
                3 => {
                    let trial = gate.replace_for(next, &guards, Duration::from_secs(3600)).unwrap();
                    generation += 1;
                    assert_eq!((trial.generation(), trial.confirm()), (generation, Ok(())));
                }
                // On trial until something newer comes.
                7 => {
                    generation = gate.replace_for(next, &guards, Duration::from_secs(3600)).unwrap().generation();
                }
                // Over at once: whoever looks first ends it. What comes back has the right number by itself.
                11 => {
                    drop(gate.replace_for(next, &guards, Duration::ZERO).unwrap());
                    generation += 2;
                }
                _ => {
                    let change = gate.replace(next, &guards).unwrap();
                    generation += 1;
                    assert_eq!(change.generation(), generation);
                    assert_eq!(change.newly_allowed().count(), change.newly_denied().count());
                }
            }
            if generation % 1000 < 2 {
                assert_eq!(gate.generation(), generation);
            }
        }
        done.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    println!("{replaces} replaces, {looks} looks by {READERS} threads");
    assert!(looks >= READERS as u64);
}
