//! The ranges that clouds publish: each form by its tags, and every way in which a document can be at fault.
#![cfg(feature = "json")]

use std::collections::BTreeMap;

use cidrgate::cloud::{Provider, PublishedRanges, TagError};
use cidrgate::{CidrSet, MAX_DOCUMENT};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const AZURE: &str = r#"{
  "changeNumber": 1, "cloud": "Public", "values": [
    {"name": "AzureCloud.westeurope", "id": "AzureCloud.westeurope", "properties": {
      "region": "westeurope", "systemService": "", "addressPrefixes": ["198.51.100.0/25", "2001:db8::/48", "198.51.100.0/25"]}},
    {"name": "Storage.WestEurope", "properties": {"addressPrefixes": ["198.51.100.128/25"], "networkFeatures": null}},
    {"name": "Storage", "properties": {"addressPrefixes": ["198.51.100.128/25", "203.0.113.0/24"]}},
    {"name": "Nothing", "properties": {"addressPrefixes": []}}
  ]
}"#;

const AWS: &str = r#"{"syncToken": "1", "createDate": "2025-07-24-20-23-14",
  "prefixes": [
    {"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"},
    {"ip_prefix": "192.0.2.0/25", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1"},
    {"ip_prefix": "192.0.2.128/25", "region": "us-east-1", "service": "EC2", "network_border_group": "us-east-1-bos-1"},
    {"ip_prefix": "203.0.113.0/24", "region": "eu-west-1", "service": "S3"}
  ],
  "ipv6_prefixes": [
    {"ipv6_prefix": "2001:db8::/40", "region": "eu-west-1", "service": "EC2", "network_border_group": "eu-west-1"}
  ]}"#;

const GOOGLE: &str = r#"{"syncToken": "1", "creationTime": "2025-07-24T19:16:28", "prefixes": [
    {"ipv4Prefix": "192.0.2.0/24", "service": "Google Cloud", "scope": "europe-west1"},
    {"ipv6Prefix": "2001:db8::/44", "service": "Google Cloud", "scope": "global"}]}"#;

const GOOG: &str = r#"{"syncToken": "1", "creationTime": "2025-07-24T19:16:28", "prefixes": [
    {"ipv4Prefix": "192.0.2.0/24"}, {"ipv6Prefix": "2001:db8::/44"}]}"#;

const GITHUB: &str = r#"{"verifiable_password_authentication": false,
    "ssh_key_fingerprints": {"SHA256_RSA": "x"}, "ssh_keys": ["ssh-ed25519 AAAA"], "domains": {"website": ["*.github.com"]},
    "hooks": ["192.0.2.0/24", "2001:db8::/32"], "actions": ["203.0.113.7", "192.0.2.0/24"], "none": []}"#;

const CLOUDFLARE: &str = r#"{"result": {"ipv4_cidrs": ["192.0.2.0/24"], "ipv6_cidrs": ["2001:db8::/32"], "etag": "x"},
    "success": true, "errors": [], "messages": []}"#;

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

fn read(text: &str) -> PublishedRanges {
    PublishedRanges::read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The tags of a document, in order, with how many entries they have and the networks of them.
#[track_caller]
fn is(text: &str, provider: Provider, all: (usize, &str), tags: &[(&str, usize, &str)]) {
    for text in [text.to_string(), format!("\u{feff}\r\n{}", text.replace('\n', "\r\n"))] {
        let ranges = read(&text);
        assert_eq!(ranges.provider(), provider);
        assert!(ranges.tags().eq(tags.iter().map(|(tag, ..)| *tag)), "{:?}", ranges.tags().collect::<Vec<_>>());
        for (tag, entries, networks) in tags {
            let list = ranges.get(tag).unwrap();
            assert_eq!((list.entries(), list.set()), (*entries, &set(networks)), "{tag}");
            assert!(list.warnings().is_empty());
        }
        let list = ranges.all().unwrap();
        assert_eq!((list.entries(), list.set()), (all.0, &set(all.1)));
    }
}

#[test]
fn azure_has_service_tags() {
    let tags = [
        ("AzureCloud.westeurope", 3, "198.51.100.0/25 2001:db8::/48"),
        ("Nothing", 0, ""),
        ("Storage", 2, "198.51.100.128/25 203.0.113.0/24"),
        ("Storage.WestEurope", 1, "198.51.100.128/25"),
    ];
    is(AZURE, Provider::Azure, (6, "198.51.100.0/24 203.0.113.0/24 2001:db8::/48"), &tags);
    // `az network list-service-tags` has more members, or no `properties`.
    let flat =
        r#"{"id": "x", "type": "y", "values": [{"name": "T", "addressPrefixes": ["192.0.2.0/24"], "region": null}]}"#;
    is(flat, Provider::Azure, (1, "192.0.2.0/24"), &[("T", 1, "192.0.2.0/24")]);
}

#[test]
fn aws_has_services_regions_and_border_groups() {
    let tags = [
        ("AMAZON", 1, "192.0.2.0/25"),
        ("AMAZON.us-east-1", 1, "192.0.2.0/25"),
        ("EC2", 3, "192.0.2.0/24 2001:db8::/40"),
        ("EC2.eu-west-1", 1, "2001:db8::/40"),
        ("EC2.us-east-1", 2, "192.0.2.0/24"),
        ("EC2.us-east-1-bos-1", 1, "192.0.2.128/25"),
        ("S3", 1, "203.0.113.0/24"),
        ("S3.eu-west-1", 1, "203.0.113.0/24"),
        ("eu-west-1", 2, "203.0.113.0/24 2001:db8::/40"),
        ("us-east-1", 3, "192.0.2.0/24"),
        ("us-east-1-bos-1", 1, "192.0.2.128/25"),
    ];
    is(AWS, Provider::Aws, (5, "192.0.2.0/24 203.0.113.0/24 2001:db8::/40"), &tags);
}

#[test]
fn google_has_services_and_scopes() {
    let both = "192.0.2.0/24 2001:db8::/44";
    let tags = [
        ("Google Cloud", 2, both),
        ("Google Cloud.europe-west1", 1, "192.0.2.0/24"),
        ("Google Cloud.global", 1, "2001:db8::/44"),
        ("europe-west1", 1, "192.0.2.0/24"),
        ("global", 1, "2001:db8::/44"),
    ];
    is(GOOGLE, Provider::Google, (2, both), &tags);
    is(GOOG, Provider::Google, (2, both), &[]);
}

#[test]
fn github_has_lists_of_networks_among_others() {
    let tags =
        [("actions", 2, "203.0.113.7 192.0.2.0/24"), ("hooks", 2, "192.0.2.0/24 2001:db8::/32"), ("none", 0, "")];
    is(GITHUB, Provider::GitHub, (4, "203.0.113.7 192.0.2.0/24 2001:db8::/32"), &tags);
}

#[test]
fn cloudflare_has_no_tags() {
    is(CLOUDFLARE, Provider::Cloudflare, (2, "192.0.2.0/24 2001:db8::/32"), &[]);
    let more = CLOUDFLARE.replace("\"etag\"", "\"jdcloud_cidrs\": [\"203.0.113.0/24\", \"2001:db9::/32\"], \"etag\"");
    let all = "192.0.2.0/24 203.0.113.0/24 2001:db8::/32 2001:db9::/32";
    is(&more, Provider::Cloudflare, (4, all), &[]);
    let error = read(CLOUDFLARE).get("cloudflare").unwrap_err();
    assert_eq!(error.to_string(), "`cloudflare` is no tag of this Cloudflare document");
}

#[test]
fn a_tag_of_another_case_is_found_where_there_is_one() {
    let ranges = read(AZURE);
    let exact = ranges.get("AzureCloud.westeurope").unwrap();
    assert_eq!(ranges.get("azurecloud.WestEurope").unwrap().set(), exact.set());
    let twins = read(
        r#"{"values": [{"name": "Ab", "addressPrefixes": ["192.0.2.0/24"]},
                                    {"name": "aB", "addressPrefixes": ["203.0.113.0/24"]}]}"#,
    );
    assert_eq!(twins.get("aB").unwrap().set(), &set("203.0.113.0/24"));
    assert_eq!(twins.get("ab").unwrap_err().to_string(), "`ab` is no tag of this Azure document; near: `Ab`, `aB`");
    // One name twice is one tag.
    let twice = read(
        r#"{"values": [{"name": "T", "addressPrefixes": ["192.0.2.0/24"]},
                                    {"name": "T", "addressPrefixes": ["203.0.113.0/24"]}]}"#,
    );
    assert_eq!(twice.get("T").unwrap().set(), &set("192.0.2.0/24 203.0.113.0/24"));
}

#[test]
fn an_unknown_tag_has_near_ones() {
    let near = |text: &str, tag: &str| match read(text).get(tag).unwrap_err() {
        TagError::Unknown { tag: said, near, .. } => {
            assert_eq!(said, tag);
            near.join(" ")
        }
        other => panic!("{other}"),
    };
    assert_eq!(near(AZURE, "AzureCloud.westeurop"), "AzureCloud.westeurope");
    assert_eq!(near(AZURE, "westeurope"), "Storage.WestEurope AzureCloud.westeurope");
    assert_eq!(near(AWS, "EC2.us-east-2"), "EC2.us-east-1");
    assert_eq!(near(AWS, "us-east-1-bos"), "us-east-1-bos-1 EC2.us-east-1-bos-1");
    assert_eq!(near(GITHUB, "hoks"), "hooks");
    assert_eq!(near(GITHUB, ""), "");
    assert_eq!(near(GITHUB, "*"), "");
    assert_eq!(near(GITHUB, "ssh_keys"), "");
    assert_eq!(near(GITHUB, &"x".repeat(100_000)), "");
    let hostile = read(GITHUB).get("\u{1b}[2J\u{202e}").unwrap_err().to_string();
    assert!(!hostile.contains(['\u{1b}', '\u{202e}']), "{hostile:?}");
    // Five at most.
    let regions: Vec<_> = (0..9).map(|at| format!(r#"{{"name": "T.r{at}", "addressPrefixes": []}}"#)).collect();
    let many = format!(r#"{{"values": [{}]}}"#, regions.join(","));
    assert_eq!(near(&many, "T.r"), "T.r0 T.r1 T.r2 T.r3 T.r4");
}

/// What is put in place of something makes the document wrong, at this path and for this reason.
#[test]
fn what_is_wrong_is_told_with_its_path() {
    for (text, from, to, expected) in [
        (AZURE, "\"values\": [", "\"values\": 1, \"x\": [", "values: expected a list, found a number"),
        (AZURE, "\"name\": \"Storage\",", "", "values[2].name: is missing"),
        (AZURE, "\"name\": \"Storage\",", "\"name\": 7,", "values[2].name: expected a string, found a number"),
        (AZURE, "\"addressPrefixes\": []", "\"prefixes\": []", "values[3].addressPrefixes: is missing"),
        (AZURE, "\"addressPrefixes\": []", "\"addressPrefixes\": null", "values[3].addressPrefixes: is missing"),
        (AZURE, "{\"addressPrefixes\": []}", "[]", "values[3].properties: expected an object, found a list"),
        (
            AZURE,
            "203.0.113.0/24",
            "203.0.113.1/24",
            "values[2].properties.addressPrefixes[1]: `203.0.113.1/24`: host bits",
        ),
        (AZURE, "203.0.113.0/24", "203.0.113.0/33", "values[2].properties.addressPrefixes[1]: `203.0.113.0/33`: "),
        (AZURE, "203.0.113.0/24", "", "values[2].properties.addressPrefixes[1]: nothing: "),
        (
            AZURE,
            "203.0.113.0/24",
            "::ffff:0:0/96",
            "values[2].properties.addressPrefixes[1]: `::ffff:0:0/96`: an IPv4-mapped",
        ),
        (AZURE, "\"203.0.113.0/24\"", "null", "values[2].properties.addressPrefixes[1]: expected a string, found null"),
        (AWS, "\"ipv6_prefixes\"", "\"prefixes6\"", "ipv6_prefixes: is missing"),
        (AWS, "\"prefixes\"", "\"prefixes4\"", "prefixes: is missing"),
        (AWS, "\"ip_prefix\": \"203.", "\"prefix\": \"203.", "prefixes[3].ip_prefix: is missing"),
        (AWS, "203.0.113.0/24", "2001:db8::/32", "prefixes[3].ip_prefix: `2001:db8::/32`: the other family"),
        (AWS, "2001:db8::/40", "203.0.113.0/24", "ipv6_prefixes[0].ipv6_prefix: `203.0.113.0/24`: the other family"),
        (AWS, "\"service\": \"S3\"", "\"service\": [\"S3\"]", "prefixes[3].service: expected a string, found a list"),
        (
            AWS,
            "\"region\": \"eu-west-1\", \"service\": \"S3\"",
            "\"service\": \"S3\"",
            "prefixes[3].region: is missing",
        ),
        (GOOGLE, "ipv4Prefix", "ipv5Prefix", "prefixes[0]: expected one of `ipv4Prefix` and `ipv6Prefix`"),
        (
            GOOGLE,
            "\"scope\": \"global\"",
            "\"ipv4Prefix\": \"192.0.2.0/24\"",
            "prefixes[1]: expected one of `ipv4Prefix`",
        ),
        (GOOGLE, "\"scope\": \"global\"", "\"scope\": {}", "prefixes[1].scope: expected a string, found an object"),
        (GOOGLE, "192.0.2.0/24", "2001:db8::/32", "prefixes[0].ipv4Prefix: `2001:db8::/32`: the other family"),
        (GITHUB, "\"203.0.113.7\"", "\"example.com\"", "actions[0]: `example.com`: this looks like a host name"),
        (GITHUB, "\"203.0.113.7\"", "\"192.0.2.7/24\"", "actions[0]: `192.0.2.7/24`: host bits"),
        (GITHUB, "\"203.0.113.7\"", "false", "actions[0]: expected a string, found a boolean"),
        (GITHUB, "\"none\": []", "\"a\\u001b\\u202e\": [\"::1\", 1]", "a\\u{1b}\\u{202e}[1]: expected a string"),
        (CLOUDFLARE, "ipv6_cidrs", "ipv7_cidrs", "result.ipv6_cidrs: is missing"),
        (CLOUDFLARE, "[\"192.0.2.0/24\"]", "\"192.0.2.0/24\"", "result.ipv4_cidrs: expected a list, found a string"),
        (CLOUDFLARE, "192.0.2.0/24", "192.0.2.0/24 ", "result.ipv4_cidrs[0]: `192.0.2.0/24 `: "),
        (CLOUDFLARE, "192.0.2.0/24", "2001:db8::/32", "result.ipv4_cidrs[0]: `2001:db8::/32`: the other family"),
        (CLOUDFLARE, "\"result\": {", "\"result\": null, \"x\": {", "none of the documents"),
    ] {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let error = PublishedRanges::read(text.replace(from, to)).unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with(expected), "{said}\nexpected {expected}");
        let (path, reason) = expected.split_once(": ").unwrap_or(("", expected));
        assert!(error.path() == path && error.reason().starts_with(reason), "{error:?}");
    }
}

#[test]
fn what_is_none_of_the_documents() {
    for text in ["{}", "{\"prefix\": []}", "{\"countryCode\": \"MC\", \"subnets\": {}}"] {
        let said = PublishedRanges::read(text).unwrap_err().to_string();
        assert!(said.starts_with("none of the documents"), "{said}");
    }
    for text in ["[]", "\"x\"", "1", "null"] {
        let said = PublishedRanges::read(text).unwrap_err().to_string();
        assert!(said.starts_with("expected an object"), "{said}");
    }
    for text in ["", "{", "192.0.2.0/24", &AZURE[..AZURE.len() - 1], &"[".repeat(1 << 20), &"{\"values\":".repeat(1000)]
    {
        let said = PublishedRanges::read(text).unwrap_err().to_string();
        assert!(said.starts_with("no JSON: "), "{said}");
    }
    assert!(PublishedRanges::read(b"{\"values\": [\"\xff\"]}").is_err());
    let large = PublishedRanges::read(vec![b' '; MAX_DOCUMENT + 1]).unwrap_err();
    assert!(large.reason().contains("the largest has"), "{large}");
}

proptest! {
    /// Entries at random: each tag holds what the entries that bear it say, whatever their order.
    #[test]
    fn tags_gather_their_entries(
        entries in prop::collection::vec(
            (
                select(vec!["EC2", "S3", "ec2"]),
                select(vec!["eu-west-1", "us-east-1", "EC2"]),
                proptest::option::of(select(vec!["eu-west-1", "us-east-1-bos-1"])),
                0..6u8,
                any::<bool>(),
            ),
            0..40,
        ),
        extra in subsequence(vec!["\"syncToken\": \"1\"", "\"createDate\": null", "\"x\": [[[{}]]]"], 0..=3),
    ) {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let mut expected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut tagged = |tag: String, prefix: &str| expected.entry(tag).or_default().push(prefix.into());
        for (service, region, group, at, is_v6) in &entries {
            let prefix = if *is_v6 { format!("2001:db8:{at}::/48") } else { format!("192.0.{at}.0/24") };
            let member = if *is_v6 { "ipv6_prefix" } else { "ip_prefix" };
            let border = group.map_or(String::new(), |group| format!(", \"network_border_group\": \"{group}\""));
            let entry = format!(r#"{{"{member}": "{prefix}", "region": "{region}", "service": "{service}"{border}}}"#);
            if *is_v6 { v6.push(entry) } else { v4.push(entry) }
            tagged(service.to_string(), &prefix);
            for place in [Some(*region), group.filter(|group| group != region)].into_iter().flatten() {
                tagged(place.to_string(), &prefix);
                tagged(format!("{service}.{place}"), &prefix);
            }
        }
        let extra: String = extra.iter().map(|member| format!("{member}, ")).collect();
        let text = format!(
            r#"{{{extra}"prefixes": [{}], "ipv6_prefixes": [{}]}}"#, v4.join(", "), v6.join(", "));
        let ranges = read(&text);
        prop_assert!(ranges.tags().eq(expected.keys()));
        for (tag, prefixes) in &expected {
            prop_assert_eq!(ranges.get(tag).unwrap().into_set(), set(&prefixes.join(" ")), "{}", tag);
        }
        prop_assert_eq!(ranges.all().unwrap().entries(), entries.len());
    }

    /// Bytes struck out or changed give an answer or an error, never a panic.
    #[test]
    fn damaged_documents(
        text in select(vec![AZURE, AWS, GOOGLE, GITHUB, CLOUDFLARE]),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = text.as_bytes().to_vec();
        let at = at.index(bytes.len());
        if cut { bytes.remove(at); } else { bytes[at] = byte }
        if let Ok(ranges) = PublishedRanges::read(&bytes) {
            let tags: Vec<_> = ranges.tags().map(str::to_string).collect();
            for tag in tags {
                let list = ranges.get(&tag).unwrap();
                prop_assert!(list.set().is_subset(ranges.all().unwrap().set()));
            }
        }
    }
}
