//! The shared corpus (`corpus/README.md`): each policy gives the answers that stand beside it, as text, as JSON, and
//! by the oracle, which reads the policies in its own plain way.

mod oracle;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use cidrgate::{Policy, text};
use oracle::{Addr, Precedence, Rule, Span};

struct Entry {
    name: String,
    policy: String,
    /// Address, whether it may come in, and the line that decides.
    answers: Vec<(String, bool, Option<u32>)>,
}

fn corpus() -> Vec<Entry> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut entries = Vec::new();
    let mut answers = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("policy") => entries.push(Entry {
                name: path.file_stem().unwrap().to_str().unwrap().to_string(),
                policy: fs::read_to_string(&path).unwrap(),
                answers: read_answers(&fs::read_to_string(path.with_extension("answers")).unwrap()),
            }),
            Some("answers") => answers += 1,
            _ => {}
        }
    }
    assert!(entries.len() >= 20, "{} policies", entries.len());
    assert_eq!(entries.len(), answers);
    entries
}

fn read_answers(text: &str) -> Vec<(String, bool, Option<u32>)> {
    let answer = |line: &str| {
        let [address, verdict, decides] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let allow = match verdict {
            "allow" => true,
            "deny" => false,
            _ => panic!("{line}"),
        };
        let decides = (decides != "default").then(|| decides.parse().unwrap());
        (address.to_string(), allow, decides)
    };
    text.strip_suffix('\n').unwrap().split('\n').map(answer).collect()
}

#[test]
fn every_policy_gives_its_answers() {
    for Entry { name, policy, answers } in corpus() {
        let policy = Policy::read(&policy).unwrap_or_else(|error| panic!("{name}: {error}"));
        let matcher = policy.compile().unwrap();
        let verdicts = policy.compile_verdicts_only().unwrap();
        for (address, allow, line) in answers {
            let addr = text::addr(&address).unwrap();
            let decision = matcher.decide(addr);
            let decides = decision.rule().map(|rule| policy.rules()[rule].line());
            assert_eq!((decision.action().is_allow(), decides), (allow, line), "{name}: {address}");
            let label = decision.rule().map(|rule| matcher.label(rule).unwrap().line());
            assert_eq!(label, line, "{name}: {address}");
            assert_eq!((matcher.allows(addr), verdicts.allows(addr)), (allow, allow), "{name}: {address}");
            let explained = policy.explain(addr).owner().map(|rule| policy.rules()[rule].line());
            assert_eq!(explained, line, "{name}: {address}");
        }
    }
}

#[test]
fn every_policy_written_again_gives_the_same_answers() {
    for Entry { name, policy, answers } in corpus() {
        let policy = Policy::read(&policy).unwrap();
        let matcher = policy.compile().unwrap();
        let mut written = vec![policy.to_string()];
        #[cfg(feature = "json")]
        written.push(policy.to_json());
        for written in written {
            let again = Policy::read(&written).unwrap();
            assert_eq!(again, policy, "{name}: {written}");
            let again = again.compile().unwrap();
            for (address, allow, _) in &answers {
                let addr = text::addr(address).unwrap();
                // The lines are others now, the rules are not.
                assert_eq!(again.allows(addr), *allow, "{name}: {address}");
                assert_eq!(again.decide(addr), matcher.decide(addr), "{name}: {address}");
            }
        }
    }
}

#[test]
fn the_oracle_gives_the_answers_of_the_corpus() {
    for Entry { name, policy, answers } in corpus() {
        let (precedence, default, rules) = read_plainly(&policy);
        let all: Vec<_> = rules.iter().map(|(_, rule)| rule.clone()).collect();
        for (address, allow, line) in answers {
            let at = Addr::of(address.parse().unwrap());
            let (answer, rule) = oracle::answer(precedence, &all, default, at);
            assert_eq!((answer, rule.map(|rule| rules[rule].0)), (allow, line), "{name}: {address}");
        }
    }
}

/// Reads a policy that has no faults: precedence, default, and each rule with its line.
fn read_plainly(text: &str) -> (Precedence, bool, Vec<(u32, Rule)>) {
    let (mut precedence, mut default) = (Precedence::FirstMatch, false);
    let mut sets: BTreeMap<String, Vec<Span>> = BTreeMap::new();
    let mut statements = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        // Blanks mean nothing where commas part the targets.
        let line = line.split('#').next().unwrap().replace('\t', " ").trim().to_string();
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let rest = rest.trim();
        match word {
            "" | "expect" => {}
            "default" => default = rest == "allow",
            "precedence" => precedence = *Precedence::ALL.iter().find(|known| known.name() == rest).unwrap(),
            "set" => {
                let (name, entries) = rest.split_once('=').unwrap();
                let set = sets.entry(name.trim_end_matches('+').trim().to_string()).or_default();
                set.extend(
                    entries.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(|entry| span(entry).0),
                );
            }
            "allow" | "deny" => {
                let (targets, priority) = rest.split_once("priority=").unwrap_or((rest, "0"));
                let targets: Vec<_> = targets.split(',').map(|target| target.trim().to_string()).collect();
                statements.push((number, word == "allow", targets, priority.parse().unwrap()));
            }
            word => panic!("{word}"),
        }
    }
    let mut rules = Vec::new();
    for (number, allow, targets, priority) in statements {
        for target in targets {
            let parts = match target.strip_prefix('@') {
                Some(name) => oracle::of_spans(&sets[name]),
                None if target == "all" => oracle::of_all(),
                None => match span(&target) {
                    (span, Some(len)) => vec![(span, len)],
                    (span, None) => oracle::of_spans(&[span]),
                },
            };
            rules.push((number, Rule { allow, parts, priority }));
        }
    }
    (precedence, default, rules)
}

/// An address, network or range, and the length of those that are no range.
fn span(text: &str) -> (Span, Option<u32>) {
    let addr = |text: &str| text.parse::<IpAddr>().unwrap();
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (Addr::of(addr(first)), Addr::of(addr(last)));
        return (Span { v6: first.v6, first: first.bits, last: last.bits }, None);
    }
    let (ip, len) = text.split_once('/').map_or((text, None), |(ip, len)| (ip, Some(len.parse().unwrap())));
    let (v6, bits) = match addr(ip) {
        IpAddr::V4(ip) => (false, u128::from(u32::from(ip))),
        IpAddr::V6(ip) => (true, ip.into()),
    };
    let (span, len) = oracle::folded_network(v6, bits, len.unwrap_or(oracle::width(v6)));
    (span, Some(len))
}
