//! Images as files: written as a whole or not at all, and read from wherever policies are read.
#![cfg(unix)]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

fn run(folder: &Path, args: &str, input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cidrgate"));
    command.args(args.split(' ')).current_dir(folder);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // The command may well stop reading before the end.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

/// A folder with a policy of so many rules.
fn folder(rules: u32) -> TempDir {
    let folder = TempDir::new().unwrap();
    let rule = |at: u32| format!("allow {} # {at}\n", std::net::Ipv4Addr::from(3 * at));
    fs::write(folder.path().join("policy"), (0..rules).map(rule).collect::<String>()).unwrap();
    folder
}

fn names(folder: &TempDir) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_image_is_read_from_wherever_policies_are() {
    // Above 64 KiB without a line end, which would be too much for a line of text.
    let folder = folder(50_000);
    let at = folder.path();
    let made = run(at, "compile policy -o image", b"");
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    assert!(out(&made).starts_with("fingerprint "));
    let image = fs::read(at.join("image")).unwrap();
    assert!(out(&made).contains(&format!("\nbytes {}\nrules 50000\n", image.len())));
    assert_eq!(run(at, "compile policy -o -", b"").stdout, image);
    assert_eq!(run(at, "compile - -o -", &fs::read(at.join("policy")).unwrap()).stdout, image);

    let answer = "0.0.0.3 allow line 2: allow # 1\n";
    assert_eq!(out(&run(at, "check image 0.0.0.3", b"")), answer);
    assert_eq!(out(&run(at, "check - 0.0.0.3", &image)), answer);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&image).unwrap();
    fs::write(at.join("image.gz"), gzip.finish().unwrap()).unwrap();
    assert_eq!(out(&run(at, "check image.gz 0.0.0.3", b"")), answer);
    let same = run(at, "diff policy image.gz", b"");
    assert_eq!((same.status.code(), out(&same)), (Some(0), ""));
    // Cut at any place it is refused.
    for len in [8, 64, 65_536, image.len() - 1] {
        let cut = run(at, "check - 0.0.0.3", &image[..len]);
        assert_eq!((cut.status.code(), out(&cut)), (Some(2), ""), "{len}");
    }
}

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_its_permissions() {
    let folder = folder(3);
    let at = folder.path();
    assert_eq!(run(at, "compile policy -o image", b"").status.code(), Some(0));
    let first = fs::read(at.join("image")).unwrap();
    // As any new file, not for the owner alone.
    fs::write(at.join("plain"), "").unwrap();
    let mode = |name: &str| fs::metadata(at.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("image"), mode("plain"));
    assert_eq!(names(&folder), ["image", "plain", "policy"]);

    fs::set_permissions(at.join("image"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("image", at.join("link")).unwrap();
    let before = fs::metadata(at.join("image")).unwrap().ino();
    // Who has it open goes on reading the old one.
    fs::hard_link(at.join("image"), at.join("old")).unwrap();
    fs::write(at.join("policy"), "allow ::1\n").unwrap();
    assert_eq!(run(at, "compile policy -o link", b"").status.code(), Some(0));
    assert!(fs::symlink_metadata(at.join("link")).unwrap().is_symlink());
    assert_eq!(mode("image") & 0o777, 0o640);
    assert_ne!(fs::metadata(at.join("image")).unwrap().ino(), before);
    assert_eq!(fs::read(at.join("old")).unwrap(), first);
    assert_eq!(out(&run(at, "check image ::1", b"")), "::1 allow line 1: allow\n");

    // A policy with a fault leaves it as it is.
    let second = fs::read(at.join("image")).unwrap();
    fs::write(at.join("policy"), "alow ::1\n").unwrap();
    let failed = run(at, "compile policy -o image", b"");
    assert_eq!((failed.status.code(), out(&failed)), (Some(2), ""));
    assert_eq!(fs::read(at.join("image")).unwrap(), second);
    assert_eq!(names(&folder), ["image", "link", "old", "plain", "policy"]);
}

/// The policy stays, whatever way leads to it.
#[test]
fn an_image_does_not_take_the_place_of_its_policy() {
    let folder = folder(3);
    let at = folder.path();
    symlink("policy", at.join("link")).unwrap();
    let text = fs::read(at.join("policy")).unwrap();
    for args in ["compile policy -o policy", "compile policy -o link", "compile link -o ./policy"] {
        let refused = run(at, args, b"");
        assert_eq!((refused.status.code(), out(&refused)), (Some(2), ""), "{args}");
    }
    assert_eq!(fs::read(at.join("policy")).unwrap(), text);
}
