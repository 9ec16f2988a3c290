//! Good and bad reloads of a watched file, again and again: memory and open files stay as they are. `CIDRGATE_RELOADS`
//! says how many, 300 if it does not. Alone in its process, which is what is measured.
#![cfg(feature = "watch")]

use std::alloc::System;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use cap::Cap;
use cidrgate::{CidrSet, Guards, PolicyWatcher, WatchCause, WatchEvent};

#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Open files, where the system tells.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// Bytes in use and open files, once the watcher has put away what it read.
fn at_rest() -> (usize, usize) {
    let looks = (0..20).map(|_| {
        std::thread::sleep(Duration::from_millis(2));
        (MEMORY.allocated(), open_files())
    });
    looks.fold((usize::MAX, usize::MAX), |least, now| (least.0.min(now.0), least.1.min(now.1)))
}

#[test]
fn memory_and_open_files_stay_flat() {
    let reloads: usize = std::env::var("CIDRGATE_RELOADS").map_or(300, |count| count.parse().unwrap());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("reloads-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (file, new) = (folder.join("office.policy"), folder.join("new"));
    let rules = |at: usize| {
        let rules = (0..100).map(|rule| format!("allow 198.51.{rule}.{} # note {rule}\n", at % 256));
        format!("allow 192.0.2.1\n{}", rules.collect::<String>())
    };
    fs::write(&file, rules(0)).unwrap();
    let kept: CidrSet = "192.0.2.1".parse().unwrap();
    // Dropped in time, so that the channel holds one event at most.
    let (tell, events) = mpsc::sync_channel(0);
    let (gate, watcher) = PolicyWatcher::builder(&file)
        .guards(Guards::new().keep_allowed(kept))
        .debounce(Duration::from_millis(1))
        .on_event(move |event| tell.send(event).unwrap_or_default())
        .open()
        .unwrap();
    let mut reader = gate.reader();
    let event = || events.recv_timeout(Duration::from_secs(30)).expect("an event");
    let put = |content: &str| {
        fs::write(&new, content).unwrap();
        fs::rename(&new, &file).unwrap();
    };
    let mut measured = Vec::with_capacity(16);
    for at in 1..=reloads {
        let (good, bad) = (rules(at), format!("{}allow 10.0.0.1/8\n", rules(at)));
        put(&good);
        assert!(matches!(event(), WatchEvent::Replaced(_)));
        put(&bad);
        let WatchEvent::Kept(error) = event() else { panic!("a bad policy was taken") };
        assert_eq!(error.fault().unwrap().line(), 102);
        drop(error);
        put("default deny");
        let WatchEvent::Kept(error) = event() else { panic!("all were locked out") };
        assert!(matches!(error.cause(), WatchCause::Refused(_)));
        drop(error);
        if at % 50 == 0 {
            fs::remove_file(&file).unwrap();
            let WatchEvent::Kept(error) = event() else { panic!("nothing was taken") };
            assert!(matches!(error.cause(), WatchCause::Io(_)));
            drop(error);
        }
        assert!(reader.allows(Ipv4Addr::new(192, 0, 2, 1)));
        assert_eq!(gate.generation(), 1 + at as u64);
        drop((good, bad));
        if at % (reloads / 10).max(1) == 0 {
            measured.push(at_rest());
        }
    }
    drop(watcher);
    fs::remove_dir_all(&folder).unwrap();
    println!("{reloads} good reloads, as many of each bad kind; bytes and open files: {measured:?}");
    let warm = &measured[measured.len() / 5..];
    let of = |pick: fn(&(usize, usize)) -> usize| {
        (warm.iter().map(pick).min().unwrap(), warm.iter().map(pick).max().unwrap())
    };
    let ((least, most), files) = (of(|(bytes, _)| *bytes), of(|(_, files)| *files));
    // Words of different length, and what the system keeps for its threads.
    assert!(most - least < 8 * 1024, "{least} to {most} bytes");
    assert_eq!(files.0, files.1, "open files");
}
