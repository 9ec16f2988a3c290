//! Authorized ranges: each rule, in both eras.
#![cfg(feature = "azure")]

use std::net::Ipv4Addr;

use cidrgate::azure::{AuthorizedRanges, Era, LIMIT, LIMIT_VNET_INTEGRATION, RangesError, RangesReader};
use cidrgate::{Action, CidrSet};

const ERAS: [Era; 2] = [Era::Preview2019, Era::Current];

fn read(era: Era, text: &str) -> Result<AuthorizedRanges, RangesError> {
    RangesReader::new().era(era).read(text)
}

fn set(text: &str) -> CidrSet {
    text.replace(' ', "\n").parse().unwrap()
}

fn warnings(ranges: &AuthorizedRanges) -> Vec<String> {
    ranges.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn the_default_era_is_that_of_the_article() {
    assert_eq!(Era::default(), Era::Preview2019);
    for era in ERAS {
        assert_eq!(era.to_string().parse(), Ok(era));
    }
    assert!("2020".parse::<Era>().is_err());
}

#[test]
fn nothing_is_off_and_opens_to_everyone() {
    let own = set("20.0.0.1");
    for era in ERAS {
        let off = read(era, "").unwrap();
        assert!(off.is_off() && !off.is_own_only() && off.entries().is_empty());
        assert_eq!(off.evaluated(&own).unwrap(), CidrSet::all());
        let policy = off.policy(&own).unwrap();
        assert_eq!((policy.default_action(), policy.rules().len()), (Action::Allow, 0));
        assert_eq!(policy.compile().unwrap().allowed(), CidrSet::all());
        for (text, path) in
            [(" ", "entry 0"), ("20.0.0.1,", "entry 1"), (",20.0.0.1", "entry 0"), ("20.0.0.1, ,20.0.0.2", "entry 1")]
        {
            let error = read(era, text).unwrap_err();
            assert_eq!((error.count(), error.faults()[0].path()), (1, path), "{text:?}");
        }
        assert_eq!(read(era, ",").unwrap_err().count(), 2);
    }
}

#[test]
fn the_keyword_is_never_all_and_stands_alone() {
    let own = set("20.0.0.1");
    for era in ERAS {
        for text in ["0.0.0.0/32", " 0.0.0.0/32\t"] {
            let ranges = read(era, text).unwrap();
            assert!(ranges.is_own_only() && !ranges.is_off() && ranges.listed().is_empty());
            assert_eq!(ranges.evaluated(&own).unwrap(), own);
            assert_eq!(ranges.policy(&own).unwrap().compile().unwrap().allowed(), own);
            assert!(ranges.policy(&CidrSet::new()).unwrap().compile().unwrap().allowed().is_empty());
        }
        for text in ["0.0.0.0/32,20.0.0.1", "20.0.0.1,0.0.0.0/32", "0.0.0.0/32,0.0.0.0/32", "0.0.0.0/32,"] {
            assert!(read(era, text).is_err(), "{text}");
        }
        for text in ["0.0.0.0", "20.0.0.1,0.0.0.0"] {
            assert!(read(era, text).unwrap_err().to_string().contains("0.0.0.0/32"), "{text}");
        }
        assert_eq!(read(era, "0.0.0.0/0").unwrap().listed(), &CidrSet::all().only_v4());
    }
}

#[test]
fn host_bits() {
    let text = "137.117.106.90/29, 172.0.0.10/16,168.10.0.10/18,20.42.25.196/32 ,20.42.25.197";
    let ranges = read(Era::Preview2019, text).unwrap();
    assert_eq!(ranges.listed(), &set("137.117.106.88/29 172.0.0.0/16 168.10.0.0/18 20.42.25.196/31"));
    assert_eq!(ranges.entries()[1].text(), "172.0.0.10/16");
    assert_eq!(ranges.entries()[1].target().to_string(), "172.0.0.0/16");
    let said = warnings(&ranges);
    assert_eq!(said.len(), 6);
    for (at, (text, first)) in [
        ("137.117.106.90/29", "137.117.106.88/29"),
        ("172.0.0.10/16", "172.0.0.0/16"),
        ("168.10.0.10/18", "168.10.0.0/18"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(said[2 * at].starts_with(&format!("{text} is read as {first}")), "{said:?}");
        assert!(said[2 * at + 1].starts_with(&format!("today's CLI refuses {text}")), "{said:?}");
    }
    let error = read(Era::Current, text).unwrap_err();
    let paths: Vec<_> = error.faults().iter().map(|fault| fault.path()).collect();
    assert_eq!(paths, ["entry 0", "entry 1", "entry 2"]);
}

/// Judged apart from the code, by Python's rule over networks of its own type.
#[test]
fn what_is_global() {
    let refused = "0.0.0.1 0.0.0.0/8 10.0.0.0/8 10.1.0.0/16 100.64.0.0/10 100.127.255.255 127.0.0.1 169.254.1.0/24 \
        172.16.0.0/12 172.31.255.255 192.0.0.0/24 192.0.0.8 192.0.0.8/30 192.0.0.11 192.0.0.170/31 192.0.0.255 \
        192.0.2.0/24 192.168.0.0/16 198.18.0.0/15 198.19.255.255 198.51.100.7 203.0.113.0/25 240.0.0.0/4 \
        255.255.255.255";
    let passed = "0.0.0.0/0 0.0.0.0/7 1.0.0.0 9.255.255.255 11.0.0.0/8 8.0.0.0/6 100.63.255.255 100.128.0.0 \
        100.0.0.0/8 126.0.0.0/7 169.0.0.0/8 172.0.0.0/8 172.15.0.0/16 172.32.0.0/11 192.0.0.9 192.0.0.10 \
        192.0.0.8/31 192.0.0.10/31 192.0.1.0/24 192.0.0.0/23 192.88.99.0/24 192.31.196.0/24 198.16.0.0/14 \
        198.20.0.0/14 224.0.0.0/4 239.1.2.3 223.255.255.255 128.0.0.0/1 192.0.0.0/2";
    for (list, global) in [(refused, false), (passed, true)] {
        for text in list.split_whitespace() {
            assert_eq!(read(Era::Current, text).is_ok(), global, "{text}");
            let ranges = read(Era::Preview2019, text).unwrap();
            assert_eq!(ranges.warnings().is_empty(), global, "{text}");
            assert_eq!(ranges.listed(), &set(text));
        }
    }
}

#[test]
fn ipv4_only() {
    for era in ERAS {
        for text in ["2001:4860::/32", "::ffff:20.0.0.1", "::1", "fd00::/8"] {
            assert!(read(era, text).unwrap_err().to_string().contains("IPv4"), "{text}");
        }
        for text in
            ["20.0.0.01", "20.0.0.0/255.0.0.0", "20.0.0.1-20.0.0.2", "20.0.0", "20.0.0.0/33", "é", "20.0.0.1 20.0.0.2"]
        {
            assert!(read(era, text).is_err(), "{text}");
        }
    }
}

#[test]
fn the_service_counts() {
    let list = |count: u32| {
        let all: Vec<_> = (0..count).map(|at| Ipv4Addr::from(0x1400_0000 + 2 * at).to_string()).collect();
        read(Era::Current, &all.join(",")).unwrap()
    };
    assert_eq!((LIMIT, LIMIT_VNET_INTEGRATION), (200, 2000));
    assert!(list(200).check_limit(LIMIT).is_ok());
    let error = list(201).check_limit(LIMIT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The number of APIServer Authorized IP Ranges is greater than the allowed value 200."
    );
    assert_eq!((error.limit(), error.entries()), (200, 201));
    assert!(list(2000).check_limit(LIMIT_VNET_INTEGRATION).is_ok());
    assert!(list(2001).check_limit(LIMIT_VNET_INTEGRATION).is_err());
    let twice = vec!["20.0.0.1"; 201].join(",");
    assert!(read(Era::Current, &twice).unwrap().check_limit(LIMIT).is_err());
    assert!(read(Era::Current, "0.0.0.0/32").unwrap().check_limit(0).is_err());
    assert!(read(Era::Current, "").unwrap().check_limit(0).is_ok());
}

#[test]
fn one_service_tag() {
    let tag = set("20.1.0.0/16 2001:db8::/32");
    for era in ERAS {
        let reader =
            RangesReader::new().era(era).set("AzureCloud.westeurope", tag.clone()).set("Storage", set("21.0.0.1"));
        let ranges = reader.read("20.42.25.196, AzureCloud.westeurope").unwrap();
        assert_eq!(ranges.listed(), &set("20.42.25.196 20.1.0.0/16"));
        let policy = ranges.policy(&set("30.0.0.1")).unwrap();
        assert_eq!(policy.compile().unwrap().decide(Ipv4Addr::new(20, 1, 2, 3)).rule(), Some(1));
        assert_eq!(policy.compile().unwrap().decide(Ipv4Addr::new(30, 0, 0, 1)).rule(), Some(2));
        assert_eq!(policy.compile().unwrap().allowed(), ranges.evaluated(&set("30.0.0.1")).unwrap());
        assert!(reader.read("AzureCloud.westeurope,Storage").is_err());
        assert!(reader.read("AzureCloud.westeurope,AzureCloud.westeurope").is_err());
        assert!(reader.read("AzureCloud").unwrap_err().to_string().contains("AzureCloud"));
    }
}

#[test]
fn faults_are_told_together_and_counted() {
    let error = read(Era::Current, &vec!["x y"; 1000].join(",")).unwrap_err();
    assert_eq!((error.faults().len(), error.count()), (100, 1000));
    assert_eq!(error.to_string().lines().count(), 101);
}

#[test]
fn the_shapes_of_a_cluster() {
    let read = |text: &str| RangesReader::new().read_cluster(text);
    let two = set("20.0.0.1 20.0.0.2");
    for text in [
        r#"{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1/32","20.0.0.2"]}}"#,
        r#"{"apiServerAccessProfile":{"authorizedIpRanges":["20.0.0.1/32","20.0.0.2"],"other":{"a":[]}}}"#,
        r#"{"properties":{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1/32","20.0.0.2"]}}}"#,
        r#"{"properties":{"apiServerAuthorizedIPRanges":["20.0.0.1/32","20.0.0.2"]}}"#,
        "\u{feff}{\"apiServerAuthorizedIpRanges\":[\"20.0.0.1/32\",\"20.0.0.2\"],\"apiServerAccessProfile\":null}",
    ] {
        assert_eq!(read(text).unwrap().listed(), &two, "{text}");
    }
    for text in [
        r#"{"apiServerAccessProfile":null,"fqdn":"a.example"}"#,
        r#"{"properties":{"nodeResourceGroup":"MC_a"}}"#,
        r#"{"apiServerAccessProfile":{"authorizedIPRanges":null}}"#,
        r#"{"properties":{"apiServerAuthorizedIPRanges":[]}}"#,
    ] {
        assert!(read(text).unwrap().is_off(), "{text}");
    }
    assert!(read(r#"{"apiServerAccessProfile":{"authorizedIPRanges":["0.0.0.0/32"]}}"#).unwrap().is_own_only());
    for (text, path) in [
        // What is no cluster says of nobody that they may connect.
        ("{}", ""),
        (r#"{"routes":[]}"#, ""),
        (r#"{"provisioningState":"Succeeded","subnets":[]}"#, ""),
        (r#"{"fqdn":null,"properties":{}}"#, ""),
        ("", ""),
        ("[]", ""),
        ("7", ""),
        (r#"{"apiServerAccessProfile":[]}"#, "apiServerAccessProfile"),
        (r#"{"properties":7}"#, "properties"),
        (
            r#"{"apiServerAccessProfile":{"authorizedIPRanges":"20.0.0.1"}}"#,
            "apiServerAccessProfile.authorizedIPRanges",
        ),
        (
            r#"{"properties":{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1",2]}}}"#,
            "properties.apiServerAccessProfile.authorizedIPRanges[1]",
        ),
        (
            r#"{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1",null]}}"#,
            "apiServerAccessProfile.authorizedIPRanges[1]",
        ),
        (r#"{"apiServerAccessProfile":{"authorizedIPRanges":[""]}}"#, "apiServerAccessProfile.authorizedIPRanges[0]"),
        (
            r#"{"apiServerAccessProfile":{"authorizedIPRanges":["20.0.0.1"],"authorizedIpRanges":["20.0.0.2"]}}"#,
            "apiServerAccessProfile.authorizedIpRanges",
        ),
    ] {
        assert_eq!(read(text).unwrap_err().faults()[0].path(), path, "{text}");
    }
    assert!(read(&"[".repeat(1 << 20)).is_err());
    let large = vec![b' '; cidrgate::MAX_DOCUMENT + 1];
    assert!(RangesReader::new().read_cluster(large).unwrap_err().to_string().contains("largest"));
}

/// Readers that take the first and readers that take the last must not disagree on who is in.
#[test]
fn no_member_is_given_twice() {
    let twice = r#"{"fqdn": "f", "apiServerAccessProfile": {"authorizedIPRanges": ["198.51.100.7"],
        "authorizedIPRanges": []}}"#;
    let error = RangesReader::new().read_cluster(twice).unwrap_err().to_string();
    assert_eq!(error, "member `authorizedIPRanges` is given twice at line 2 column 28");
    let apart = r#"{"fqdn": "f", "a": {"b": 1}, "c": [{"b": 1}, {"b": 2}]}"#;
    assert!(RangesReader::new().read_cluster(apart).unwrap().is_off());
}

/// What today's CLI asks Python, asked of the Python that is there: every network around the ends of the special blocks.
#[test]
fn what_is_global_by_python() {
    const SCRIPT: &str = "import ipaddress, sys\n\
        print(not ipaddress.ip_network('192.0.0.8/32').is_global)\n\
        for line in sys.stdin: print(ipaddress.ip_network(line.strip()).is_global)";
    let blocks = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.8/30 \
        192.0.0.170/31 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 \
        198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32";
    let mut networks = std::collections::BTreeSet::new();
    for block in blocks.split_whitespace() {
        let block: cidrgate::IpRange = block.parse().unwrap();
        let (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) = (block.first(), block.last()) else { panic!() };
        for end in [first, last] {
            for at in (-2..=2).map(|step| end.to_bits().wrapping_add_signed(step)) {
                let mask = |len: u32| u32::MAX.checked_shl(32 - len).unwrap_or(0);
                networks.extend((0..=32).map(|len| format!("{}/{len}", Ipv4Addr::from_bits(at & mask(len)))));
            }
        }
    }
    let python = std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        println!("LEFT OUT: python3");
        return;
    };
    let input: String = networks.iter().map(|network| format!("{network}\n")).collect();
    let mut stdin = python.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap());
    let output = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    writer.join().unwrap();
    let mut lines = output.lines();
    // Before 3.12.4 (3.11.10, 3.10.15, 3.9.20, 3.8.20) Python knew two parts of 192.0.0.0/24 only.
    let knows_all = lines.next() == Some("True");
    let assignments = set("192.0.0.0/24");
    let mut compared = 0;
    for (network, global) in networks.iter().zip(lines) {
        if !knows_all && set(network).is_subset(&assignments) {
            continue;
        }
        // Alone, 0.0.0.0/32 is no network here but the keyword.
        if network != "0.0.0.0/32" {
            assert_eq!(read(Era::Current, network).is_ok(), global == "True", "{network}");
            compared += 1;
        }
    }
    assert!(compared > 1000, "{compared}");
    if !knows_all {
        println!("LEFT OUT: 192.0.0.0/24, of which this Python knows only parts");
    }
}
