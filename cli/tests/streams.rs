//! What snapshots cannot show: pipes that pause, close or never end, gzip in pieces, input of hostile size.
#![cfg(unix)]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

const LIST: &[u8] = b"192.0.2.0/25\n192.0.2.128/25\n2001:db8::/32\n";
const MERGED: &str = "192.0.2.0/24\n2001:db8::/32\n";

fn command<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cidrgate"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to the end, all of `input` given at once.
fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, input: &[u8]) -> Answer {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The command may well stop reading before the end.
    let writer = spawn(move || drop(stdin.write_all(&input)));
    let answer = child.wait_with_output().unwrap().into();
    writer.join().unwrap();
    answer
}

#[derive(Debug)]
struct Answer {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("what is printed is UTF-8");
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

impl Answer {
    #[track_caller]
    fn is(&self, code: i32, out: &str, err: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, out, "{self:?}");
        assert!(self.err.contains(err) && (self.err.is_empty() == err.is_empty()), "{self:?}");
    }
}

/// The exit code of a child that has no reason to go on.
#[track_caller]
fn ends(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    panic!("it went on for ever");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn file(&self, name: impl AsRef<Path>, content: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    fn fifo(&self) -> PathBuf {
        let path = self.0.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }
}

#[test]
fn gzip_is_read_by_its_content_all_members() {
    let folder = Folder::new();
    let (first, second) = LIST.split_at(20);
    let members = [gzip(first), gzip(b""), gzip(second)].concat();
    run([OsStr::new("merge"), folder.file("list", &members).as_os_str()], b"").is(0, MERGED, "");
    run(["merge", "-"], &members).is(0, MERGED, "");
    run(["check", "-q", "--allow", "-", "192.0.2.200"], &members).is(0, "", "");
    run(["check", "-", "192.0.2.200"], &gzip(b"allow 192.0.2.0/24")).is(
        0,
        "192.0.2.200 allow line 1: allow 192.0.2.0/24\n",
        "",
    );
    let list = folder.file("plain", LIST);
    run([OsStr::new("filter"), OsStr::new("--allow"), list.as_os_str()], &gzip(b"192.0.2.9 x\n198.51.100.1 x\n")).is(
        0,
        "192.0.2.9 x\n",
        "",
    );
}

#[test]
fn gzip_that_is_cut_or_damaged_is_refused() {
    let long: String =
        (0..5000).map(|n: u32| format!("192.0.2.{} # {:x}\n", n % 256, n.wrapping_mul(2_654_435_761))).collect();
    let whole = [gzip(LIST), gzip(long.as_bytes())].concat();
    run(["merge", "-"], &whole).is(0, "192.0.2.0/24\n2001:db8::/32\n", "");
    // In the header, the data and the checksum of either member.
    for cut in [
        5,
        30,
        gzip(LIST).len() - 3,
        gzip(LIST).len() + 1,
        gzip(LIST).len() + 12,
        whole.len() / 2,
        whole.len() - 4,
        whole.len() - 1,
    ] {
        run(["merge", "-"], &whole[..cut]).is(2, "", "cidrgate: <stdin>: the gzip stream is ");
    }
    for at in [gzip(LIST).len() - 6, whole.len() / 2, whole.len() - 6, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x55;
        run(["merge", "-"], &damaged).is(2, "", "cidrgate: <stdin>: the gzip stream is ");
    }
    run(["merge", "-"], &[&whole[..], b"and more"].concat()).is(2, "", "cidrgate: <stdin>: the gzip stream is ");
}

#[test]
fn a_log_is_filtered_up_to_the_damage() {
    let folder = Folder::new();
    let list = folder.file("list", LIST);
    let list = list.to_str().unwrap();
    let log = gzip(b"192.0.2.1 a\n192.0.2.2 b\n");
    let cut = folder.file("cut.gz", &log[..log.len() - 2]);
    let next = folder.file("next", b"192.0.2.3 c\n");
    run(["filter", "--allow", list, cut.to_str().unwrap(), next.to_str().unwrap()], b"").is(
        2,
        "192.0.2.1 a\n192.0.2.2 b\n192.0.2.3 c\n",
        "cut.gz: the gzip stream is cut short\n",
    );
}

#[test]
fn a_fifo_is_read() {
    let folder = Folder::new();
    let fifo = folder.fifo();
    let to = fifo.clone();
    let writer = spawn(move || {
        let mut to = File::create(to).unwrap();
        for piece in LIST.chunks(1) {
            to.write_all(piece).unwrap();
        }
    });
    run([OsStr::new("merge"), fifo.as_os_str()], b"").is(0, MERGED, "");
    writer.join().unwrap();
}

#[test]
fn an_endless_line_is_refused_while_the_pipe_is_still_open() {
    for args in
        [&["merge", "-"][..], &["check", "-", "192.0.2.1"], &["check", "--deny", "-", "192.0.2.1"], &["lint", "-"]]
    {
        let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let _ = stdin.write_all(b"192.0.2.1\n");
        let _ = stdin.write_all(&vec![b'1'; 200_000]);
        assert_eq!(ends(&mut child), Some(2), "{args:?}");
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert!(err.contains("cidrgate: <stdin>:2:65537: "), "{err}");
        assert!(err.lines().all(|line| line.chars().count() < 200), "{err}");
    }
}

#[test]
fn a_gzip_bomb_without_lines_is_refused_early() {
    let bomb = gzip(&vec![b' '; 300 << 20]);
    let start = Instant::now();
    run(["merge", "-"], &bomb).is(2, "", "cidrgate: <stdin>:1:65537: ");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn json_may_be_one_long_line() {
    let sources = vec!["\"192.0.2.0/24\""; 20_000].join(",");
    let policy = format!("\u{feff} \n {{\"rules\":[{{\"action\":\"allow\",\"source\":[{sources}]}}]}}");
    run(["check", "-", "192.0.2.1"], policy.as_bytes()).is(0, "192.0.2.1 allow line 2: allow 192.0.2.0/24\n", "");
}

/// Published ranges in one line, from a pipe, gzipped or not.
#[test]
fn published_ranges_may_be_one_long_line() {
    let prefixes: Vec<_> = (0..20_000u32).map(|n| format!("\"10.{}.{}.0/24\"", n >> 8, n & 255)).collect();
    let meta = format!("{{\"ssh_keys\":[\"x\"],\"hooks\":[{}]}}", prefixes.join(","));
    for input in [meta.clone().into_bytes(), gzip(meta.as_bytes()), format!("\u{feff}\n {meta}").into_bytes()] {
        run(["merge", "--count", "--set", "hooks=-"], &input).is(0, "5\t5120000\n", "");
    }
    let cut = &meta.as_bytes()[..meta.len() - 1];
    run(["merge", "--count", "--set", "hooks=-"], cut).is(2, "", "cidrgate: <stdin>: no JSON: EOF while parsing");
    // A list is still a list.
    let line = vec![b'1'; 200_000];
    run(["merge", "--set", "hooks=-"], &line).is(2, "", "cidrgate: <stdin>:1:65537: ");
}

#[test]
fn the_documents_of_clusters_come_from_pipes_and_gzipped() {
    let routes: Vec<_> = (0..2000)
        .map(|n| format!("{{\"addressPrefix\":\"40.0.{}.{}/32\",\"nextHopType\":\"None\"}}", n >> 8, n & 255))
        .collect();
    let table = format!("{{\"routes\":[{}]}}", routes.join(","));
    let says = "40.0.7.207 None by user route (40.0.7.207/32): a blackhole: the next hop is None\n";
    for input in [table.clone().into_bytes(), gzip(table.as_bytes())] {
        run(["aks", "route", "--config", "-", "40.0.7.207"], &input).is(1, says, "");
    }
    let ranges: Vec<_> = (0..20_000).map(|n| format!("40.{}.{}.0/24", n >> 8, n & 255)).collect();
    let ranges = ranges.join(",") + "\r\n";
    for input in [ranges.clone().into_bytes(), gzip(ranges.as_bytes())] {
        let answer = run(["aks", "check", "--ranges", "@-", "40.78.31.1"], &input);
        answer.is(0, "40.78.31.1 allow entry 19999: 40.78.31.0/24\n", "");
    }
    for empty in ["", "\n", " \r\n", "\u{feff}\n"] {
        let answer = run(["aks", "check", "--ranges", "@-", "192.0.2.1"], empty.as_bytes());
        answer.is(2, "", "cidrgate: <stdin>: the file is empty");
    }
    run(["aks", "check", "--ranges", "@-", "192.0.2.1"], b"\xff").is(2, "", "cidrgate: <stdin>: the list is no UTF-8");
    let addresses = run(["aks", "check", "--ranges", "20.42.25.0/24", "-"], b"20.42.25.1\n\n198.51.100.1\n");
    addresses.is(1, "20.42.25.1 allow entry 0: 20.42.25.0/24\n198.51.100.1 deny default\n", "");
}

#[test]
fn a_document_without_end_is_refused() {
    let bomb = gzip(&[b"{\"values\":[".to_vec(), vec![b' '; 65 << 20]].concat());
    for args in [
        &["aks", "route", "--config", "-", "192.0.2.1"][..],
        &["aks", "firewall", "--config", "-", "--flow", "ICMP,192.0.2.1,192.0.2.2"],
        &["aks", "check", "--ranges", "@-", "192.0.2.1"],
        &["merge", "--set", "hooks=-"],
    ] {
        run(args, &bomb).is(2, "", "cidrgate: <stdin>: more than 67108864 bytes, decompressed\n");
    }
}

#[test]
fn a_line_of_100_mb() {
    let folder = Folder::new();
    let mut line = vec![b'x'; 100 << 20];
    line[..10].copy_from_slice(b"192.0.2.1 ");
    let file = folder.file("long", &line);
    let file = file.to_str().unwrap();
    run(["merge", file], b"").is(2, "", ":1:65537: ");
    run(["check", file, "192.0.2.1"], b"").is(2, "", ":1:65537: ");

    // A log may have any line. The limit is in KiB, and of the address space.
    let list = folder.file("list", LIST);
    let out = Command::new("sh")
        .args(["-c", "ulimit -v 65536 && exec \"$0\" filter --allow \"$1\" \"$2\" | wc -c"])
        .args([env!("CARGO_BIN_EXE_cidrgate"), list.to_str().unwrap(), file])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout).trim(), (line.len() + 1).to_string(), "{out:?}");
}

#[test]
fn a_million_faults_are_counted() {
    let answer = run(["merge", "-"], &b"x\n".repeat(1_000_000));
    answer.is(2, "", "cidrgate: <stdin>:100:1: ");
    assert!(answer.err.ends_with("cidrgate: <stdin>: and 999900 more\n"), "{}", answer.err);
    assert!(answer.err.len() < 30_000);
}

#[test]
fn whatever_comes_in_what_is_printed_is_printable() {
    for text in [
        &b"\0\0\0\n"[..],
        b"\xff\xfe1\x009\x002\x00",
        b"\x1b[31m192.0.2.1\n",
        b"a\xe2\x80\xaeb\n",
        b"\t\x85\xc2\x85\t,\r\r\n",
    ] {
        for args in [
            &["merge", "-"][..],
            &["lint", "-"],
            &["check", "-", "192.0.2.1"],
            &["check", "--allow-empty", "--allow", "-", "\u{1b}]x"],
        ] {
            let answer = run(args, text);
            assert_eq!(answer.code, Some(2));
            assert!(
                answer.err.chars().all(|char| char == '\n' || (!char.is_control() && char != '\u{202e}')),
                "{answer:?}"
            );
        }
    }
}

#[test]
fn names_in_documents_are_printed_printable() {
    let table = r#"{"routes":[{"name":"a\u001b[2J\u202e","addressPrefix":"::/0","nextHopType":"b\u001b"}]}"#;
    let says = "2001:db8::1 b\\u{1b} by user route a\\u{1b}[2J\\u{202e} (::/0)\n";
    run(["aks", "route", "--config", "-", "2001:db8::1"], table.as_bytes()).is(0, says, "");
    let firewall = r#"{"networkRuleCollections":[{"name":"c\u001b","priority":200,"action":{"type":"Deny"},"rules":[
        {"name":"r\u007f","protocols":["Any"],"sourceAddresses":["*"],"destinationAddresses":["*"],"destinationPorts":["*"]}]}]}"#;
    let says = "ICMP,192.0.2.1,192.0.2.2 deny c\\u{1b}: r\\u{7f}\n";
    let flow = ["aks", "firewall", "--config", "-", "--flow", "ICMP,192.0.2.1,192.0.2.2"];
    run(flow, firewall.as_bytes()).is(1, says, "");
    let error = run(["aks", "check", "--ranges", "\u{1b}[2J", "--own", "\u{1b}", "192.0.2.1"], b"");
    assert!(error.code == Some(2) && !error.err.contains('\u{1b}'), "{error:?}");
}

#[test]
fn names_need_not_be_utf8() {
    let folder = Folder::new();
    let name = OsString::from_vec(b"l\xff\x1bst".to_vec());
    let list = folder.file(&name, LIST);
    run([OsStr::new("merge"), list.as_os_str()], b"").is(0, MERGED, "");

    let answer = run([OsStr::new("check"), OsStr::new("--allow"), list.as_os_str(), OsStr::new("192.0.2.1")], b"");
    assert_eq!(answer.code, Some(0), "{answer:?}");
    assert!(
        answer.out.starts_with("192.0.2.1 allow --allow ") && answer.out.ends_with("l\\xff\\u{1b}st\n"),
        "{answer:?}"
    );

    let set = [OsStr::new("a="), list.as_os_str()].concat_os();
    run([OsStr::new("check"), OsStr::new("--set"), &set, OsStr::new("-"), OsStr::new("192.0.2.1")], b"allow @a").is(
        0,
        "192.0.2.1 allow line 1: allow @a\n",
        "",
    );

    fs::remove_file(&list).unwrap();
    run([OsStr::new("merge"), list.as_os_str()], b"").is(2, "", "l\\xff\\u{1b}st: No such file");
}

trait ConcatOs {
    fn concat_os(&self) -> OsString;
}

impl ConcatOs for [&OsStr] {
    fn concat_os(&self) -> OsString {
        self.iter().fold(OsString::new(), |mut whole, part| {
            whole.push(part);
            whole
        })
    }
}

#[test]
fn what_has_come_is_answered_before_more_is_waited_for() {
    let folder = Folder::new();
    let list = folder.file("list", LIST);
    let list = list.to_str().unwrap();
    for (args, answer) in [
        (["filter", "--allow", list].to_vec(), "192.0.2.7\n"),
        (["filter", "-v", "--deny", list, "-"].to_vec(), "192.0.2.7\n"),
        (["check", "--json", "--allow", list, "-"].to_vec(), "{\"address\":\"192.0.2.7\""),
    ] {
        let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        for _ in 0..3 {
            stdin.write_all(b"192.0.2.7\n").unwrap();
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            assert!(line.starts_with(answer), "{line}");
        }
        drop(stdin);
        assert_eq!(ends(&mut child), Some(0));
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::new();
    let many: String = (0..60_000).map(|n: u32| format!("10.{}.{}.1\n", n / 256, n % 256)).collect();
    let many = folder.file("many", many.as_bytes());
    let list = folder.file("list", LIST);
    let list = list.to_str().unwrap();
    for (args, code) in [
        (["merge", many.to_str().unwrap()].to_vec(), 0),
        (["filter", "--allow", list].to_vec(), 0),
        (["check", "--allow", list, "-"].to_vec(), 0),
        // What was answered stays an answer.
        (["check", "--deny", list, "-"].to_vec(), 1),
        (["filter", "-v", "--deny", list].to_vec(), 0),
    ] {
        let mut child = command(&args).stdin(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stdin = child.stdin.take().unwrap();
        // For ever, until nobody reads.
        let writer = spawn(move || while stdin.write_all(&b"192.0.2.7\n".repeat(1000)).is_ok() {});
        assert_eq!(ends(&mut child), Some(code), "{args:?}");
        writer.join().unwrap();
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!(err, "", "{args:?}");
    }
}

#[test]
fn standard_error_may_be_closed() {
    let mut child = command(["merge", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(&b"x\n".repeat(1000)).unwrap();
    assert_eq!(ends(&mut child), Some(2));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure() {
    let mut child =
        command(["merge", "-"]).stdin(Stdio::piped()).stdout(File::create("/dev/full").unwrap()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(LIST).unwrap();
    let answer = Answer::from(child.wait_with_output().unwrap());
    answer.is(2, "", "cidrgate: standard output: No space left");
}
