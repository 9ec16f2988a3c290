//! Memory: look-ups take none, reading and compiling take what the result is worth, and where there is too little of
//! it the answer is an error, not the end of the process.
//!
//! Whatever is measured runs alone in a process of its own: the limit is one of the whole process, and a library that
//! ends it takes down that one only.

use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::time::Instant;

use cap::Cap;
use cidrgate::text::{self, Canonical};
use cidrgate::{
    CidrSet, CompileError, FaultKind, ImageErrorKind, IpRange, ListReader, Matcher, OutOfMemory, Policy, PolicyReader,
    ReadError,
};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Runs the part of [`alone`] that has this name.
fn run(part: &str) {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "alone", "--ignored", "--nocapture", "--test-threads=1"];
    let output = Command::new(this).args(arguments).env("CIDRGATE_MEMORY_PART", part).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // What it said last is what matters.
    let last: Vec<_> = err.lines().rev().take(12).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    assert!(output.status.success(), "{part}: {}\n{last}", output.status);
    assert!(out.contains(&format!("done: {part}\n")), "{part} did not run:\n{out}\n{last}");
}

/// The bytes that the work asks for, those it gives back included.
fn asked_for<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = MEMORY.total_allocated();
    let result = work();
    (MEMORY.total_allocated() - before, result)
}

/// The work, with so many bytes to be had beyond those in use.
fn with<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    MEMORY.set_limit(MEMORY.allocated() + bytes).unwrap();
    let result = work();
    MEMORY.set_limit(usize::MAX).unwrap();
    result
}

/// The work with more and more memory until it succeeds. Before that it must fail, and only for want of memory.
/// Returns what was enough.
fn enough<T, E: std::fmt::Debug>(work: impl Fn() -> Result<T, E>, is_out_of_memory: impl Fn(&E) -> bool) -> usize {
    let mut bytes = 256 * KIB;
    let mut failed = 0;
    loop {
        // Said before, as it may be the last that is heard.
        eprintln!("with {bytes} bytes");
        match with(bytes, &work) {
            Ok(_) => break,
            Err(error) => assert!(is_out_of_memory(&error), "{error:?}"),
        }
        failed += 1;
        bytes += bytes / 7;
    }
    assert!(failed > 2, "{bytes} bytes were enough at once");
    bytes
}

fn no_memory_to_read(error: &ReadError) -> bool {
    error.faults().iter().all(|fault| fault.kind() == FaultKind::OutOfMemory)
}

fn no_memory_to_compile(error: &CompileError) -> bool {
    *error == CompileError::OutOfMemory
}

/// Different networks of both families in no order, so that none join.
fn networks(count: u32) -> impl Iterator<Item = String> {
    (0..count).map(|at| {
        let bits = at.wrapping_mul(0x9e37_79b1);
        if at % 2 == 0 {
            format!("{}/31", Ipv4Addr::from(bits & !1))
        } else {
            format!("{}/127", Ipv6Addr::from(u128::from(bits) << 96 | 2))
        }
    })
}

fn rules(count: u32, note: impl Fn(u32) -> String) -> String {
    let verb = |at| if at % 3 == 0 { "deny" } else { "allow" };
    (0..).zip(networks(count)).map(|(at, net)| format!("{} {net}{}\n", verb(at), note(at))).collect()
}

/// Every third address.
fn set(count: u32) -> CidrSet {
    (0..count).map(|at| IpAddr::from(Ipv4Addr::from(3 * at))).collect()
}

fn look_ups() {
    let text = "set a = 10.0.0.0/9, ::1-::9\ndeny 10.0.0.7 # lost\nallow @a, 2001:db8::/32\n".to_string()
        + &rules(5000, |_| String::new());
    let policy = Policy::read(text).unwrap();
    let matcher = policy.compile().unwrap();
    let verdicts = policy.compile_verdicts_only().unwrap();
    let allowed = matcher.allowed();
    let ips: Vec<IpAddr> = (0..1000u32)
        .flat_map(|at| {
            let bits = at.wrapping_mul(0x9e37_79b1);
            [
                IpAddr::from(Ipv4Addr::from(bits)),
                Ipv6Addr::from(u128::from(bits) << 96 | 2).into(),
                Ipv4Addr::from(bits).to_ipv6_mapped().into(),
            ]
        })
        .collect();
    let v4: Vec<[u8; 4]> = (0..1000u32).map(u32::to_be_bytes).collect();
    let v6: Vec<[u8; 16]> = (0..1000u128).map(u128::to_be_bytes).collect();
    let mut answers = vec![false; ips.len()];
    let texts = [
        "192.0.2.1",
        "2001:db8::1",
        "::ffff:1.2.3.4",
        "010.0.0.1",
        "::1::",
        "example.com",
        "1.2.3.4/33",
        "10.0.0.1/8",
        "10.0.0.0/8",
        "::1-::2",
        "",
        "1.2.3.4-",
    ];
    let (bytes, some) = asked_for(|| {
        let mut some = 0;
        for ip in &ips {
            some += usize::from(matcher.allows(*ip)) + usize::from(verdicts.allows(*ip));
            some += matcher.decide(*ip).rule().unwrap_or(0) + usize::from(verdicts.decide(*ip).network().prefix_len());
            some += usize::from(allowed.contains(*ip)) + Canonical::from(*ip).as_str().len();
            some += Canonical::from(matcher.decide(*ip).network()).as_str().len();
            some += matcher
                .decide(*ip)
                .rule()
                .and_then(|rule| matcher.label(rule))
                .map_or(0, |label| label.line() as usize);
        }
        for matcher in [&matcher, &verdicts] {
            matcher.allows_batch(&ips, &mut answers);
            matcher.allows_batch_v4(&v4, &mut answers);
            matcher.allows_batch_v6(&v6, &mut answers);
        }
        for text in texts {
            some += text::addr(text).map_or_else(|error| error.offset(), |addr| Canonical::from(addr).as_str().len());
            some += text::net(text).map_or_else(|error| error.offset(), |net| Canonical::from(net).as_str().len());
            some +=
                text::range(text).map_or_else(|error| error.offset(), |range| Canonical::from(range).as_str().len());
        }
        some += allowed.networks().count() + allowed.ranges().len();
        some + usize::from(allowed.is_subset(&matcher.allowed())) + usize::from(allowed.count() > 7)
    });
    assert!(some > 0);
    assert_eq!(bytes, 0);
    // The measure measures.
    assert!(asked_for(|| matcher.decide(ips[0]).network().to_string()).0 > 0);
}

fn a_policy() {
    let text = rules(100_000, |_| String::new());
    let bytes = enough(|| Policy::read(&text), no_memory_to_read);
    assert!(bytes < 24 * MIB, "{bytes}");
    let policy = Policy::read(&text).unwrap();
    let bytes = enough(|| policy.compile(), no_memory_to_compile);
    assert!(bytes < 48 * MIB, "{bytes}");
    enough(|| policy.compile_verdicts_only(), no_memory_to_compile);
    let longest = Policy::read(format!("precedence longest-prefix\n{text}")).unwrap();
    enough(|| longest.compile(), no_memory_to_compile);
    // What was refused can be had with more memory, and answers.
    let matcher = policy.compile().unwrap();
    assert_eq!(matcher.decide(Ipv4Addr::from(0)).rule(), Some(0));
}

fn an_image() {
    let text = rules(100_000, |at| format!(" # this is what people say about rule number {at}"));
    let policy = Policy::read(&text).unwrap();
    for matcher in [policy.compile().unwrap(), policy.compile_verdicts_only().unwrap()] {
        enough(|| matcher.save(), |OutOfMemory| true);
        let image = matcher.save().unwrap();
        let bytes = enough(|| Matcher::load(&image), |error| error.kind() == ImageErrorKind::OutOfMemory);
        // What it holds, the index, and arrays that grow by doubling.
        assert!(bytes < 6 * image.len(), "{bytes} for {}", image.len());
    }
}

/// Ten thousand images loaded one after the other, each in the place of the one before, good ones and bad ones.
fn reloads() {
    let images: Vec<Vec<u8>> = (0..4)
        .flat_map(|turn| {
            let policy = Policy::read(rules(50 + turn, |at| format!(" # {at}"))).unwrap();
            [policy.compile().unwrap().save().unwrap(), policy.compile_verdicts_only().unwrap().save().unwrap()]
        })
        .collect();
    let mut bad = images[0].clone();
    let last = bad.len() - 1;
    bad[last] ^= 1;
    let mut live = Matcher::load(&images[0]).unwrap();
    let mut most = 0;
    let mut after_some = 0;
    for turn in 0..10_000 {
        if let Ok(next) = Matcher::load(&images[turn % images.len()]) {
            live = next;
        }
        assert_eq!(Matcher::load(&bad).unwrap_err().kind(), ImageErrorKind::Checksum);
        most = most.max(MEMORY.allocated());
        if turn == 100 {
            after_some = most;
        }
    }
    assert!(live.labels().len() < 60);
    // Less than a byte a reload: the threads of the test harness may have allocated something meanwhile.
    assert!(most < after_some + 4096, "{after_some} bytes became {most}");
}

/// An image that says it has more than it has takes no memory for it.
fn bad_images() {
    let image = Policy::read("allow 10.0.0.0/8 # note\n").unwrap().compile().unwrap().save().unwrap();
    for entry in 0..9 {
        for len in [u64::MAX, u64::MAX / 2, 1 << 40, 1 << 32] {
            let mut bad = image.clone();
            bad[64 + 24 * entry + 16..][..8].copy_from_slice(&len.to_le_bytes());
            let sum = crc32fast::hash(&bad[16..]);
            bad[12..16].copy_from_slice(&sum.to_le_bytes());
            let error = with(64 * KIB, || Matcher::load(&bad)).unwrap_err();
            assert_eq!(error.kind(), ImageErrorKind::Sections);
        }
    }
}

fn lint() {
    let policy = Policy::read(rules(100_000, |_| String::new())).unwrap();
    enough(|| policy.lint(), no_memory_to_compile);
}

fn a_policy_with_notes() {
    let text = rules(100_000, |at| format!(" # this is what people say about rule number {at}"));
    enough(|| Policy::read(&text), no_memory_to_read);
}

fn a_policy_with_sets() {
    let sets: String =
        (0..).zip(networks(50_000)).map(|(at, net)| format!("set set-{at} = {net}\nallow @set-{at}\n")).collect();
    enough(|| Policy::read(&sets), no_memory_to_read);
}

fn a_policy_with_expectations() {
    let text = rules(20_000, |_| String::new()).replace("deny", "allow");
    let text = text.clone() + &text.replace("allow", "expect allow");
    enough(|| Policy::read(&text), no_memory_to_read);
}

#[cfg(feature = "json")]
fn a_policy_in_json() {
    let sources: Vec<_> = networks(100_000).map(|net| format!("\"{net}\"")).collect();
    let text = format!("{{\"rules\":[{{\"action\":\"allow\",\"source\":[{}]}}]}}", sources.join(","));
    let bytes = enough(|| Policy::read(&text), no_memory_to_read);
    assert!(bytes < 24 * MIB, "{bytes}");
}

fn a_list() {
    let text: String = networks(200_000).map(|net| net + "\n").collect();
    let bytes = enough(|| CidrSet::read(&text), no_memory_to_read);
    assert!(bytes < 24 * MIB, "{bytes}");
    // Warnings grow as well.
    let text = "10.0.0.1/8\n".repeat(100_000);
    enough(|| ListReader::new().lenient(true).read(&text), no_memory_to_read);
}

fn sets() {
    let (a, b) = (set(300_000), CidrSet::read(networks(200_000).map(|net| net + "\n").collect::<String>()).unwrap());
    let no_memory = |OutOfMemory: &OutOfMemory| true;
    enough(|| a.union(&b), no_memory);
    enough(|| a.intersection(&b), no_memory);
    enough(|| a.difference(&b), no_memory);
    enough(|| a.symmetric_difference(&b), no_memory);
    enough(|| a.complement(), no_memory);
    enough(|| CidrSet::union_of([&a, &b]), no_memory);
    enough(|| CidrSet::try_from_ranges(a.ranges()), no_memory);
    // Backwards, so that there is something to sort.
    let mut ranges: Vec<IpRange> = a.ranges().chain(b.ranges()).collect();
    ranges.reverse();
    enough(|| CidrSet::try_from_ranges(ranges.iter().copied()), no_memory);
}

fn repetitions() {
    // Every third address, so that a thousand entries stay a thousand.
    let v4: String = (0..1000u32).map(|at| format!("{}\n", Ipv4Addr::from(3 * at))).collect();
    let v6: String = (0..1000u128).map(|at| format!("{}\n", Ipv6Addr::from(3 * at + (1 << 64)))).collect();
    let (v4, v6) = (v4.repeat(4000), v6.repeat(4000));
    let list = with(16 * MIB, || ListReader::new().read(&v4)).unwrap();
    assert_eq!((list.entries(), list.set().ranges().len()), (4_000_000, 1000));
    let list = with(48 * MIB, || ListReader::new().read(&v6)).unwrap();
    assert_eq!((list.entries(), list.set().ranges().len()), (4_000_000, 1000));
    let policy =
        format!("set a =\nallow @a\n{}", v4.lines().map(|line| format!("set a += {line}\n")).collect::<String>());
    let policy = with(16 * MIB, || Policy::read(&policy)).unwrap();
    assert_eq!(policy.set("a").unwrap().ranges().len(), 1000);
    // A union of many, too.
    let one = set(1000);
    assert_eq!(with(32 * MIB, || CidrSet::union_of(std::iter::repeat_n(&one, 10_000))), Ok(one.clone()));
}

fn a_large_set_for_many_rules() {
    // A million entries, a thousand rules. For a thousand copies of the set there is not nearly enough memory, nor
    // time.
    let large = set(1_000_000);
    let start = Instant::now();
    for precedence in ["first-match", "longest-prefix", "deny-overrides", "priority"] {
        let priority = if precedence == "priority" { " priority=7" } else { "" };
        let rules = format!("allow @large{priority}\ndeny @large{priority}\n").repeat(500);
        let text = format!("precedence {precedence}\n{rules}expect deny 0.0.0.1\n");
        let reader = PolicyReader::new().set("large", large.clone());
        let policy = with(192 * MIB, || reader.read(&text)).unwrap();
        let matcher = with(256 * MIB, || policy.compile()).unwrap();
        let owner = |addr: u32| matcher.decide(Ipv4Addr::from(addr)).rule();
        let first = Some(usize::from(precedence != "first-match"));
        assert_eq!([0, 1, 2_999_997, 2_999_998].map(owner), [first, None, first, None]);
        let findings = with(256 * MIB, || policy.lint()).unwrap();
        assert_eq!(findings.iter().filter(|finding| finding.code() == cidrgate::Code::Shadowed).count(), 999);
        assert_eq!(policy.explain(Ipv4Addr::from(3)).beaten().len(), 999);
    }
    // The same in the text itself.
    let lines: String = (0..125_000u32)
        .map(|line| {
            let entries = (0..8).map(|at| Ipv4Addr::from(3 * (8 * line + at)).to_string());
            format!("set large += {}\n", entries.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let text = format!("set large =\n{lines}{}", "allow @large\nexpect allow @large\n".repeat(500));
    let policy = with(192 * MIB, || Policy::read(&text)).unwrap();
    assert_eq!(policy.set("large"), Some(&large));
    assert_eq!(with(256 * MIB, || policy.compile()).unwrap().allowed(), large);
    assert_eq!(policy.expectations().len(), 500);
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

fn bad_input() {
    // The faults that are told, and no more.
    let of = |text: &[u8]| {
        let error = with(MIB, || Policy::read(text)).unwrap_err();
        assert!(error.faults().iter().all(|fault| fault.kind() != FaultKind::OutOfMemory), "{error}");
        let error = with(MIB, || CidrSet::read(text)).unwrap_err();
        assert!(error.faults().iter().all(|fault| fault.kind() != FaultKind::OutOfMemory), "{error}");
    };
    of(&"x.\n".repeat(1_000_000).into_bytes());
    of(&b"\0\n".repeat(1_000_000));
    of(&b"\xff\xfe\n".repeat(1_000_000));
    of(&vec![b'1'; 100 * MIB]);
    of(&vec![0; 100 * MIB]);
    of(&vec![b'x'; cidrgate::MAX_INPUT + 1]);
    of(format!("allow {}", "1.2.3.4,".repeat(100 * MIB / 8)).as_bytes());
}

#[cfg(feature = "std")]
fn a_gate_without_memory() {
    use cidrgate::{Gate, Guards, Refusal};

    let gate = Gate::new(Policy::read("allow 192.0.2.0/24").unwrap().compile().unwrap());
    let mut reader = gate.reader();
    let mut still_answers = |what: &str| {
        assert_eq!(gate.generation(), 1, "{what}");
        assert!(reader.allows(Ipv4Addr::new(192, 0, 2, 1)) && !gate.allows(Ipv4Addr::new(192, 0, 3, 1)), "{what}");
    };
    let text = rules(100_000, |_| String::new());
    // Read, compiled and put in place with too little: wherever that ends, the old one answers.
    let (mut bytes, mut steps) = (256 * KIB, [0; 3]);
    let large = Policy::read(&text).unwrap().compile().unwrap();
    let (allowed, mut large) = (large.allowed(), std::sync::Arc::new(large));
    loop {
        let step = with(bytes, || {
            let Ok(policy) = Policy::read(&text) else { return 0 };
            let Ok(matcher) = policy.compile() else { return 1 };
            // Judging comes last and needs less than what came before it, so it is tried by itself below.
            drop(matcher);
            2
        });
        steps[step] += 1;
        still_answers("too little to read or compile");
        if step == 2 {
            break;
        }
        bytes += bytes / 7;
    }
    assert!(steps.iter().all(|count| *count > 0), "{steps:?}");
    let guards = Guards::new().keep_denied(allowed.difference(&allowed).unwrap()).max_newly_allowed(u128::MAX);
    let mut refusals = 0;
    let mut bytes = 1;
    while let Err(refused) = with(bytes, || gate.replace(std::sync::Arc::clone(&large), &guards)) {
        assert_eq!((refused.reason(), refused.witness(), refused.change()), (Refusal::OutOfMemory, None, None));
        assert_eq!(refused.to_string(), "out of memory");
        still_answers("too little to judge");
        refusals += 1;
        bytes += bytes / 3 + 1;
    }
    assert!(refusals > 10, "{refusals}");
    assert_eq!((gate.generation(), gate.snapshot().allowed() == allowed), (2, true));
    assert!(std::sync::Arc::get_mut(&mut large).is_none());
}

#[cfg(feature = "std")]
fn many_reloads() {
    use std::time::Duration;

    use cidrgate::{Gate, Guards};

    let texts = [rules(30, |at| format!(" # note {at}")), rules(20, |at| format!(" # another {at}"))];
    let bad = format!("{}alow 10.0.0.1/8\n", texts[0]);
    let locks_out = "default deny";
    let [one, other] = [0, 1].map(|at| Policy::read(&texts[at]).unwrap().compile().unwrap().allowed());
    let guards = Guards::new().keep_allowed(one & other);
    let gate = Gate::new(Policy::read(&texts[0]).unwrap().compile().unwrap());
    let mut reader = gate.reader();
    let mut round = |at: usize| {
        let next = || Policy::read(&texts[at % 2]).unwrap().compile().unwrap();
        gate.replace(next(), &guards).unwrap();
        assert!(Policy::read(&bad).is_err());
        let refused = Policy::read(locks_out).unwrap().compile().unwrap();
        gate.replace(refused, &guards).unwrap_err();
        // On trial: confirmed, ended, superseded by the next.
        let trial = gate.replace_for(next(), &guards, Duration::from_secs(if at % 3 == 1 { 0 } else { 3600 })).unwrap();
        if at % 3 == 0 {
            trial.confirm().unwrap();
        }
        reader.allows(Ipv4Addr::LOCALHOST)
    };
    // The allocator's own statistics and the maps of threads settle first.
    let mut in_use = [0; 2];
    for at in 0..10_000 {
        let _: bool = round(at);
        if at % 6 == 5 {
            let now = MEMORY.allocated();
            in_use = if at < 600 { [now, now] } else { [in_use[0].min(now), in_use[1].max(now)] };
        }
    }
    assert_eq!(in_use[0], in_use[1], "it grows");
}

#[cfg(feature = "json")]
fn bad_json() {
    // Depth takes a bit for each level.
    for text in
        ["{\"rules\":".to_string() + &"[".repeat(10_000_000), "{\"a\":".repeat(10_000_000), "{".repeat(100 * MIB)]
    {
        let error = with(32 * MIB, || Policy::read(&text)).unwrap_err();
        assert_eq!(error.faults()[0].kind(), FaultKind::Json, "{error}");
    }
    let string = format!("{{\"default\":\"{}\"}}", "x".repeat(50 * MIB));
    let error = with(MIB, || Policy::read(&string)).unwrap_err();
    assert_eq!(error.faults()[0].kind(), FaultKind::Syntax, "{error}");
}

#[cfg(feature = "json")]
fn published_ranges() {
    use cidrgate::cloud::PublishedRanges;
    let no_memory = |error: &cidrgate::cloud::PublishedRangesError| error.reason() == "out of memory";
    let prefixes: Vec<_> = networks(50_000).map(|net| format!("\"{net}\"")).collect();
    let azure = format!("{{\"values\":[{{\"name\":\"T\",\"addressPrefixes\":[{}]}}]}}", prefixes.join(","));
    enough(|| PublishedRanges::read(&azure), no_memory);
    // As many tags as can be, five for each entry.
    let entry = |at| {
        format!(
            "{{\"ip_prefix\":\"{}\",\"service\":\"s{at}\",\"region\":\"r{at}\",\"network_border_group\":\"g{at}\"}}",
            Ipv4Addr::from(at)
        )
    };
    let entries: Vec<_> = (0..10_000).map(entry).collect();
    let aws = format!("{{\"prefixes\":[{}],\"ipv6_prefixes\":[]}}", entries.join(","));
    enough(|| PublishedRanges::read(&aws), no_memory);
    // Small values take much more than their text, in members that nobody knows too.
    for small in ["0", "[]", "{}", "{\"\":0}", "\"\""] {
        let small = format!("{{\"values\":[],\"x\":[{}]}}", vec![small; 50_000].join(","));
        enough(|| PublishedRanges::read(&small), no_memory);
    }
    let members: Vec<_> = (0..50_000).map(|at| format!("\"{at}\":0")).collect();
    let members = format!("{{\"values\":[],{}}}", members.join(","));
    enough(|| PublishedRanges::read(&members), no_memory);
    // What is no JSON is told to be none, whatever it would take. Depth takes a byte for each level.
    for text in ["[".repeat(MIB), "{\"a\":".repeat(MIB), "{".repeat(32 * MIB), "[0,".repeat(MIB)] {
        let error = with(8 * MIB, || PublishedRanges::read(&text)).unwrap_err();
        assert!(error.reason().starts_with("no JSON: "), "{error}");
    }
}

macro_rules! parts {
    ($($(#[$on:meta])* $part:ident),*) => {
        $($(#[$on])* mod $part {
            #[test]
            fn in_a_process_of_its_own() {
                super::run(stringify!($part));
            }
        })*

        #[test]
        #[ignore = "the others run it, each its part"]
        fn alone() {
            let Ok(part) = std::env::var("CIDRGATE_MEMORY_PART") else { return };
            match &*part {
                $($(#[$on])* stringify!($part) => $part(),)*
                part => panic!("{part}"),
            }
            println!("done: {part}");
        }
    };
}

parts!(
    look_ups,
    a_policy,
    an_image,
    reloads,
    bad_images,
    lint,
    a_policy_with_notes,
    a_policy_with_sets,
    a_policy_with_expectations,
    #[cfg(feature = "json")]
    a_policy_in_json,
    a_list,
    sets,
    repetitions,
    a_large_set_for_many_rules,
    bad_input,
    #[cfg(feature = "std")]
    a_gate_without_memory,
    #[cfg(feature = "std")]
    many_reloads,
    #[cfg(feature = "json")]
    bad_json,
    #[cfg(feature = "json")]
    published_ranges
);
