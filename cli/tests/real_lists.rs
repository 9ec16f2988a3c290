//! The real lists: what the library makes of each is what was counted by other means.
//!
//! They lie in `$CIDRGATE_DATA`, else in `../shared/data` beside the workspace. Where neither is there, this says so and
//! passes; if the variable is set and the folder is not there, it fails.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;

use cidrgate::cloud::{Provider, PublishedRanges};
use cidrgate::text::ErrorKind;
use cidrgate::{CidrSet, FaultKind, ListReader, Policy};
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = match std::env::var_os("CIDRGATE_DATA") {
        Some(folder) => {
            let folder = PathBuf::from(folder);
            if !folder.is_dir() {
                eprintln!("CIDRGATE_DATA is set, but {} is no folder", folder.display());
                return ExitCode::FAILURE;
            }
            Some(folder)
        }
        None => Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data")).filter(|folder| folder.is_dir()),
    };
    let trials = folder.as_ref().map(|folder| trials(&Data(folder.clone()))).unwrap_or_default();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if folder.is_none() {
        println!("LEFT OUT: real lists");
    }
    conclusion.exit_code()
}

/// The folder of the lists.
#[derive(Clone)]
struct Data(PathBuf);

impl Data {
    /// A file as it was before it was compressed.
    fn read(&self, file: &str) -> Vec<u8> {
        let bytes = fs::read(self.0.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        if !file.ends_with(".gz") {
            return bytes;
        }
        let mut text = Vec::new();
        flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
        text
    }

    fn list(&self, file: &str) -> CidrSet {
        CidrSet::read(self.read(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    fn json(&self, file: &str) -> Value {
        serde_json::from_slice(&self.read(file)).unwrap()
    }
}

/// A line of `counts.tsv`.
struct Counts {
    file: String,
    /// Entries, repetitions among them.
    entries: usize,
    /// Networks of the smallest list, of IPv4 and of IPv6.
    networks: (usize, usize),
    v4_addresses: u128,
    /// Words that are no entries: host names.
    words: usize,
}

fn counts(data: &Data) -> Vec<Counts> {
    let table = String::from_utf8(data.read("counts.tsv")).unwrap();
    let mut lines = table.lines();
    let names: Vec<_> = lines.next().unwrap().split('\t').collect();
    let counts = lines.map(|line| {
        let values: BTreeMap<_, _> = names.iter().copied().zip(line.split('\t')).collect();
        let number = |name: &str| values[name].parse::<usize>().unwrap();
        Counts {
            file: values["file"].to_string(),
            entries: number("v4") + number("v6"),
            networks: (number("min_cidrs_v4"), number("min_cidrs_v6")),
            v4_addresses: number("v4_addresses") as u128,
            words: number("unparsable_tokens"),
        }
    });
    counts
        .map(|counts| match &*counts.file {
            // The table does not fold `::ffff:0:0/96`, which is all of IPv4.
            "blocklists/blacklist_bogon.txt" => Counts { networks: (1, 15), v4_addresses: 1 << 32, ..counts },
            _ => counts,
        })
        .collect()
}

fn trials(data: &Data) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: String, work: Box<dyn FnOnce(&Data) + Send>| {
        let data = data.clone();
        trials.push(Trial::test(name, move || {
            work(&data);
            Ok::<(), Failed>(())
        }));
    };
    for counts in counts(data) {
        let counts = Arc::new(counts);
        let name = counts.file.clone();
        let of = |check: fn(&Data, &Counts)| {
            let counts = Arc::clone(&counts);
            Box::new(move |data: &Data| check(data, &counts)) as Box<dyn FnOnce(&Data) + Send>
        };
        if name.trim_end_matches(".gz").ends_with(".json") {
            add(format!("prefixes of {name}"), of(prefixes_are_counted));
            if name.starts_with("cloud/") {
                add(format!("published ranges {name}"), of(published_ranges_are_counted));
                add(format!("command: published ranges {name}"), of(the_command_takes_published_ranges));
            }
        } else if counts.words > 0 {
            add(format!("host names of {name}"), of(host_names_are_refused));
            add(format!("command: host names of {name}"), of(the_command_refuses_host_names));
        } else {
            add(format!("list {name}"), of(a_list_is_counted));
            add(format!("command: list {name}"), of(the_command_counts_the_same));
        }
    }
    let mut add = |name: &str, work: fn(&Data)| add(name.to_string(), Box::new(work));
    add("the full table as a policy under longest-prefix", the_full_table_as_a_policy);
    add("clients of the access log", clients_of_the_access_log);
    add("counts in the lists' own headers", counts_in_the_headers);
    add("one country in two forms", one_country_in_two_forms);
    add("each tag of the clouds", each_tag_of_the_clouds);
    add("country files are no published ranges", country_files_are_no_published_ranges);
    add("command: all lists into one", the_command_merges_all_lists);
    trials
}

fn check_counts(set: &CidrSet, counts: &Counts) {
    let networks = (set.only_v4().networks().count(), set.only_v6().networks().count());
    assert_eq!((networks, set.only_v4().count().to_u128()), (counts.networks, Some(counts.v4_addresses)));
    assert_eq!(set.networks().count(), counts.networks.0 + counts.networks.1);
}

fn a_list_is_counted(data: &Data, counts: &Counts) {
    let list = ListReader::new().read(data.read(&counts.file)).unwrap();
    check_counts(list.set(), counts);
    assert_eq!(list.entries(), counts.entries);
    assert_eq!(&list.set().to_string().parse::<CidrSet>().unwrap(), list.set());
}

/// The first line whose first word is neither a comment nor an entry.
fn first_host_name(text: &[u8]) -> usize {
    let text = String::from_utf8_lossy(text);
    let is_name = |line: &str| {
        let entry = line.split(['#', ';']).next().unwrap().trim();
        !entry.is_empty() && entry.split('/').next().unwrap().parse::<IpAddr>().is_err()
    };
    1 + text.lines().position(is_name).unwrap()
}

fn host_names_are_refused(data: &Data, counts: &Counts) {
    let text = data.read(&counts.file);
    let error = ListReader::new().read(&text).unwrap_err();
    let first = &error.faults()[0];
    assert_eq!((first.line() as usize, first.kind()), (first_host_name(&text), FaultKind::Text(ErrorKind::HostName)));
    // Some lines have more than one of them, but each line is one fault.
    assert!(error.count() <= counts.words && error.count() > counts.words / 2, "{} of {}", error.count(), counts.words);
}

/// The prefixes of a file in JSON, as a list.
fn prefixes(data: &Data, file: &str) -> String {
    let json = data.json(file);
    let members = |list: &Value, names: &[&str]| {
        let list = list.as_array().unwrap().iter();
        let found = list.flat_map(|item| names.iter().filter_map(|name| item[*name].as_str().map(str::to_string)));
        found.collect::<Vec<_>>()
    };
    let strings = |list: &Value| {
        list.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_string)).collect::<Vec<_>>()
    };
    let prefixes = if file.contains("azure") {
        let tags = json["values"].as_array().unwrap().iter();
        tags.flat_map(|tag| strings(&tag["properties"]["addressPrefixes"])).collect()
    } else if file.contains("aws") {
        [members(&json["prefixes"], &["ip_prefix"]), members(&json["ipv6_prefixes"], &["ipv6_prefix"])].concat()
    } else if file.contains("gcp") {
        members(&json["prefixes"], &["ipv4Prefix", "ipv6Prefix"])
    } else if file.contains("github") {
        // Beside the lists of addresses there are some of keys, and the domains.
        let lists = json.as_object().unwrap().iter().filter(|(name, _)| !name.contains("key") && *name != "domains");
        lists.flat_map(|(_, list)| strings(list)).collect()
    } else {
        [strings(&json["prefixes"]["ipv4"]), strings(&json["prefixes"]["ipv6"])].concat()
    };
    prefixes.join("\n")
}

fn prefixes_are_counted(data: &Data, counts: &Counts) {
    let list = ListReader::new().read(prefixes(data, &counts.file)).unwrap();
    check_counts(list.set(), counts);
    assert_eq!(list.entries(), counts.entries);
}

fn published_ranges_are_counted(data: &Data, counts: &Counts) {
    let all = PublishedRanges::read(data.read(&counts.file)).unwrap().all().unwrap();
    check_counts(all.set(), counts);
    assert_eq!(all.entries(), counts.entries);
}

/// For each tag, its prefixes as they are written.
fn tags(data: &Data, file: &str) -> BTreeMap<String, Vec<String>> {
    let json = data.json(file);
    let text = |value: &Value| value.as_str().unwrap().to_string();
    let mut tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    if file.contains("azure") {
        for tag in json["values"].as_array().unwrap() {
            let prefixes = tag["properties"]["addressPrefixes"].as_array().unwrap();
            tags.insert(text(&tag["name"]), prefixes.iter().map(text).collect());
        }
    } else if file.contains("github") {
        for (name, list) in json.as_object().unwrap() {
            if let Some(list) = list.as_array().filter(|_| !name.contains("key")) {
                tags.insert(name.clone(), list.iter().map(text).collect());
            }
        }
    } else {
        let lists = ["prefixes", "ipv6_prefixes"].into_iter().filter_map(|name| json[name].as_array());
        for entry in lists.flatten() {
            let prefix =
                ["ip_prefix", "ipv6_prefix", "ipv4Prefix", "ipv6Prefix"].iter().find_map(|name| entry.get(name));
            let service = text(&entry["service"]);
            let places =
                ["region", "network_border_group", "scope"].iter().filter_map(|name| entry.get(name)).map(text);
            let places: BTreeSet<String> = places.collect();
            let both = places.iter().map(|place| format!("{service}.{place}")).collect::<Vec<_>>();
            for tag in places.into_iter().chain(both).chain([service]) {
                tags.entry(tag).or_default().push(text(prefix.unwrap()));
            }
        }
    }
    tags
}

fn each_tag_of_the_clouds(data: &Data) {
    for (file, provider, count) in [
        ("cloud/azure-ServiceTags_Public.json.gz", Provider::Azure, 2967),
        ("cloud/aws-ip-ranges.json.gz", Provider::Aws, 881),
        ("cloud/gcp-cloud.json", Provider::Google, 93),
        ("cloud/github-meta.json", Provider::GitHub, 13),
    ] {
        let ranges = PublishedRanges::read(data.read(file)).unwrap();
        assert_eq!(ranges.provider(), provider);
        let tags = tags(data, file);
        assert!(ranges.tags().eq(tags.keys()), "{file}");
        assert_eq!(tags.len(), count, "{file}");
        for (tag, prefixes) in &tags {
            let list = ranges.get(tag).unwrap();
            assert_eq!(list.entries(), prefixes.len(), "{file}: {tag}");
            assert_eq!(list.set(), &CidrSet::read(prefixes.join("\n")).unwrap(), "{file}: {tag}");
        }
    }
    let github = PublishedRanges::read(data.read("cloud/github-meta.json")).unwrap();
    assert_eq!(["hooks", "actions"].map(|tag| github.get(tag).unwrap().entries()), [6, 5314]);
}

fn country_files_are_no_published_ranges(data: &Data) {
    let error = PublishedRanges::read(data.read("country/mc.json")).unwrap_err();
    assert!(!error.reason().is_empty());
}

fn one_country_in_two_forms(data: &Data) {
    let lists = data.list("country/mc-ipv4.txt") | data.list("country/mc-ipv6.txt");
    assert_eq!(CidrSet::read(prefixes(data, "country/mc.json")).unwrap(), lists);
}

fn counts_in_the_headers(data: &Data) {
    for file in ["blocklists/firehol_level1.netset", "blocklists/stopforumspam_180d.ipset.gz"] {
        let text = data.read(file);
        let text = String::from_utf8(text).unwrap();
        let header = text.lines().find(|line| line.contains("unique IPs")).unwrap();
        let number = header.split_once(" unique IPs").unwrap().0.rsplit(' ').next().unwrap();
        assert_eq!(data.list(file).count().to_string(), number, "{file}");
    }
}

fn clients_of_the_access_log(data: &Data) {
    let log = data.read("logs/apache_combined_2015.log.gz");
    let field =
        |line: &[u8]| line.split(|byte| *byte == b' ').next().map(|field| String::from_utf8_lossy(field).into_owned());
    let fields: BTreeSet<String> =
        log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).filter_map(field).collect();
    let clients: Vec<IpAddr> = fields.iter().map(|field| cidrgate::text::addr(field).unwrap()).collect();
    assert_eq!(clients.len(), 1753);
    let aws = CidrSet::read(prefixes(data, "cloud/aws-ip-ranges.json.gz")).unwrap();
    for (name, set, inside) in [
        ("stopforumspam", data.list("blocklists/stopforumspam_180d.ipset.gz"), 3),
        ("us", data.list("country/us-ipv4.txt.gz"), 566),
        ("bgp", data.list("bgp/full-table-v4-v6.prefixes.txt.gz").only_v4(), 1695),
        ("aws", aws.only_v4(), 48),
    ] {
        let policy = Policy::builder().set(name, set.clone()).allow(cidrgate::Target::set(name).unwrap()).build();
        let matcher = policy.unwrap().compile().unwrap();
        assert_eq!(clients.iter().filter(|client| matcher.allows(**client)).count(), inside, "{name}");
        assert_eq!(clients.iter().filter(|client| set.contains(**client)).count(), inside, "{name}");
        let mut allowed = vec![false; clients.len()];
        matcher.allows_batch(&clients, &mut allowed);
        assert_eq!(allowed.iter().filter(|allowed| **allowed).count(), inside, "{name}");
    }
}

/// The routes of one family: for each length the networks of that length, with what is said of each.
struct Routes {
    width: u32,
    by_length: Vec<HashMap<u128, (bool, usize)>>,
}

impl Routes {
    fn new(width: u32) -> Self {
        Self { width, by_length: (0..=width).map(|_| HashMap::new()).collect() }
    }

    fn network(&self, bits: u128, len: u32) -> u128 {
        let hosts = self.width - len;
        if hosts == 128 { 0 } else { bits >> hosts << hosts }
    }

    /// The longest that holds the address.
    fn find(&self, bits: u128) -> Option<(bool, usize)> {
        let found = |len: &u32| self.by_length[*len as usize].get(&self.network(bits, *len)).copied();
        (0..=self.width).rev().find_map(|len| found(&len))
    }
}

fn the_full_table_as_a_policy(data: &Data) {
    let table = String::from_utf8(data.read("bgp/full-table-v4-v6.prefixes.txt.gz")).unwrap();
    let (mut v4, mut v6) = (Routes::new(32), Routes::new(128));
    let mut text = String::from("default deny\nprecedence longest-prefix\n");
    let mut probes = Vec::new();
    // Any steps would do; these are those of xorshift.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut step = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for (index, prefix) in table.lines().map(str::trim).enumerate() {
        let (ip, len) = prefix.split_once('/').unwrap();
        let (ip, len): (IpAddr, u32) = (ip.parse().unwrap(), len.parse().unwrap());
        // Allow or deny by some mix of the prefix, not of its place.
        let mixed = prefix
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let allow = mixed >> 40 & 1 == 1;
        text += if allow { "allow " } else { "deny " };
        text += prefix;
        text += "\n";
        let (routes, bits) = match ip {
            IpAddr::V4(ip) => (&mut v4, u128::from(u32::from(ip))),
            IpAddr::V6(ip) => (&mut v6, ip.into()),
        };
        routes.by_length[len as usize].insert(bits, (allow, index));
        if index % 7 == 0 {
            let hosts = routes.width - len;
            let last = bits | if hosts == 0 { 0 } else { (1 << hosts) - 1 };
            let inside = bits | u128::from(step()) & (last ^ bits);
            probes.extend([bits, last, inside, bits.saturating_sub(1), last + 1].map(|bits| (ip.is_ipv6(), bits)));
        }
    }
    for _ in 0..100_000 {
        probes.push((false, u128::from(step() >> 32)));
        probes.push((true, u128::from(step()) << 64 >> 2 | 1 << 125));
    }
    let policy = Policy::read(&text).unwrap();
    assert!(policy.rules().len() >= 900_000);
    let matcher = policy.compile().unwrap();
    let (mut allowed, mut named) = (0, 0);
    for (is_v6, bits) in probes {
        let (routes, ip): (_, IpAddr) = if is_v6 {
            (&v6, Ipv6Addr::from(bits).into())
        } else if let Ok(bits) = u32::try_from(bits) {
            (&v4, Ipv4Addr::from(bits).into())
        } else {
            continue;
        };
        let found = routes.find(bits);
        let decision = matcher.decide(ip);
        assert_eq!(decision.rule(), found.map(|(_, index)| index), "{ip}");
        let allow = found.is_some_and(|(allow, _)| allow);
        assert_eq!((decision.action().is_allow(), matcher.allows(ip)), (allow, allow), "{ip}");
        assert!(decision.network().contains(&ip), "{ip}");
        allowed += usize::from(allow);
        named += usize::from(found.is_some());
    }
    // The sample is of some worth: many of each.
    assert!(allowed > 100_000 && named - allowed > 100_000, "{allowed} of {named}");
}

/// What the command prints, and its exit code.
fn command(arguments: &[&std::ffi::OsStr]) -> (Vec<u8>, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_cidrgate")).args(arguments).output().unwrap();
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code().unwrap())
}

fn the_command_counts_the_same(data: &Data, counts: &Counts) {
    let file = data.0.join(&counts.file);
    let (out, err, code) = command(&["merge".as_ref(), "--count".as_ref(), file.as_ref()]);
    let set = data.list(&counts.file);
    let expected = format!("{}\t{}\n", counts.networks.0 + counts.networks.1, set.count());
    assert_eq!((String::from_utf8_lossy(&out).as_ref(), code), (&*expected, 0), "{err}");
    let (out, err, code) = command(&["merge".as_ref(), "--count".as_ref(), "-4".as_ref(), file.as_ref()]);
    let expected = format!("{}\t{}\n", counts.networks.0, counts.v4_addresses);
    assert_eq!((String::from_utf8_lossy(&out).as_ref(), code), (&*expected, 0), "{err}");
    let (out, err, code) = command(&["merge".as_ref(), file.as_ref()]);
    assert_eq!((out.iter().filter(|byte| **byte == b'\n').count(), code), (set.networks().count(), 0), "{err}");
    assert_eq!(CidrSet::read(out).unwrap(), set);
}

fn the_command_takes_published_ranges(data: &Data, counts: &Counts) {
    let mut set = std::ffi::OsString::from("all:*=");
    set.push(data.0.join(&counts.file));
    for (family, networks) in [("-4", counts.networks.0), ("-6", counts.networks.1)] {
        let (out, err, code) =
            command(&["merge".as_ref(), "--count".as_ref(), family.as_ref(), "--set".as_ref(), &set]);
        assert_eq!((err.as_str(), code), ("", 0));
        assert!(String::from_utf8(out).unwrap().starts_with(&format!("{networks}\t")), "{family}");
    }
}

fn the_command_refuses_host_names(data: &Data, counts: &Counts) {
    let file = data.0.join(&counts.file);
    let (out, err, code) = command(&["merge".as_ref(), file.as_ref()]);
    assert_eq!((out.len(), code), (0, 2), "{err}");
    let line = first_host_name(&data.read(&counts.file));
    assert!(err.contains(&format!("{}:{line}:", file.display())), "{err}");
}

fn the_command_merges_all_lists(data: &Data) {
    let counts = counts(data);
    let lists: Vec<_> = counts
        .iter()
        .filter(|counts| counts.words == 0 && !counts.file.contains(".json"))
        .map(|counts| &*counts.file)
        .collect();
    let files: Vec<_> = lists.iter().map(|file| data.0.join(file)).collect();
    let sets: Vec<_> = lists.iter().map(|file| data.list(file)).collect();
    let all = sets.iter().fold(CidrSet::new(), |all, set| all | set);
    assert_eq!(CidrSet::union_of(&sets).unwrap(), all);
    let mut arguments = vec!["merge".as_ref()];
    arguments.extend(files.iter().map(|file| file.as_os_str()));
    let (out, err, code) = command(&arguments);
    assert_eq!(code, 0, "{err}");
    assert_eq!(CidrSet::read(out).unwrap(), all);
}
