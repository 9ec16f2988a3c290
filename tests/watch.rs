//! A watched file on a real file system: every way in which policy files change, come, go and are half there. Each scene
//! is played twice: told by the system, and only by looking.
#![cfg(feature = "watch")]

use std::fmt::Debug;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use cidrgate::{
    CidrSet, Gate, Guards, Matcher, Policy, PolicyReader, PolicyWatcher, Refusal, TrialState, WatchBuilder, WatchCause,
    WatchEvent,
};

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for what must not happen.
const A_WHILE: Duration = Duration::from_millis(400);

#[derive(Clone, Copy, PartialEq)]
enum How {
    Told,
    Looking,
}

/// A folder, a gate, and who watches.
struct Scene {
    folder: PathBuf,
    file: PathBuf,
    gate: Gate,
    watcher: PolicyWatcher,
    events: Receiver<WatchEvent>,
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("watch-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Allows one address, which tells the policy by.
fn text(last: u8) -> String {
    format!("allow 192.0.2.{last} # {last}\n")
}

impl Scene {
    fn new(
        name: &str,
        how: How,
        prepare: impl FnOnce(&Path) -> PathBuf,
        options: impl FnOnce(WatchBuilder) -> WatchBuilder,
    ) -> Self {
        let folder = folder(&format!("{name}-{}", if how == How::Told { "told" } else { "looking" }));
        let file = prepare(&folder);
        let (tell, events) = mpsc::channel();
        let builder = PolicyWatcher::builder(&file).on_event(move |event| tell.send(event).unwrap());
        let builder = match how {
            // Never looks by itself, so that it is the system that tells.
            How::Told => builder.poll_every(Duration::from_secs(3600)),
            How::Looking => builder.poll_only().poll_every(Duration::from_millis(20)),
        };
        let gate = Gate::new(Matcher::default());
        let watcher = options(builder.debounce(Duration::from_millis(20))).watch(&gate).unwrap();
        Self { folder, file, gate, watcher, events }
    }

    /// Of a plain file that allows 192.0.2.1.
    fn plain(name: &str, how: How) -> Self {
        let scene = Self::new(name, how, with_policy, |builder| builder);
        scene.is_replaced(1);
        scene
    }

    fn answers(&self) -> Option<u8> {
        let snapshot = self.gate.snapshot();
        let allowed: Vec<u8> = (0..=255).filter(|last| snapshot.allows(Ipv4Addr::new(192, 0, 2, *last))).collect();
        assert!(allowed.len() <= 1, "{allowed:?}");
        allowed.first().copied()
    }

    fn next(&self) -> WatchEvent {
        self.events.recv_timeout(PATIENCE).expect("an event")
    }

    /// The next event is that this policy answers.
    fn is_replaced(&self, last: u8) {
        let event = self.next();
        let WatchEvent::Replaced(change) = &event else { panic!("{event:?}") };
        assert_eq!(self.answers(), Some(last));
        let status = self.watcher.status();
        assert_eq!((change.generation(), status.generation()), (self.gate.generation(), self.gate.generation()));
        let expected = Policy::read(text(last)).unwrap().compile().unwrap().fingerprint();
        assert_eq!((change.new_fingerprint(), status.fingerprint()), (expected, expected));
        assert!(status.error().is_none(), "{status:?}");
        assert!(status.age() < PATIENCE);
    }

    /// The next event is that the policy is kept, for a reason with these words; returns them.
    fn is_kept(&self, words: &str) -> String {
        let (answers, generation) = (self.answers(), self.gate.generation());
        let event = self.next();
        let WatchEvent::Kept(error) = &event else { panic!("{event:?}") };
        let told = error.to_string();
        assert!(told.starts_with(&format!("{}:", self.file.display())), "{told}");
        assert!(told.contains(words), "{told}");
        assert!(!told.contains('\n'), "{told}");
        assert_eq!((self.answers(), self.gate.generation()), (answers, generation));
        assert_eq!(self.watcher.status().error().unwrap().to_string(), told);
        told
    }

    /// Nothing more is told.
    fn is_quiet(&self) {
        let more = self.events.recv_timeout(A_WHILE);
        assert!(more.is_err(), "{more:?}");
    }
}

fn with_policy(folder: &Path) -> PathBuf {
    let file = folder.join("office.policy");
    fs::write(&file, text(1)).unwrap();
    file
}

/// As careful programs write.
fn rename_over(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, file).unwrap();
}

fn wait_until<T: Debug>(what: impl Fn() -> T, wanted: impl Fn(&T) -> bool) {
    let began = Instant::now();
    while !wanted(&what()) {
        assert!(began.elapsed() < PATIENCE, "{:?}", what());
        sleep(Duration::from_millis(5));
    }
}

/// Told from text by its magic, and half of one is none.
fn images(how: How) {
    let scene = Scene::plain("images", how);
    let image = |last: u8| Policy::read(text(last)).unwrap().compile().unwrap().save().unwrap();
    let write = |content: &[u8]| {
        let new = scene.file.with_extension("new");
        fs::write(&new, content).unwrap();
        fs::rename(new, &scene.file).unwrap();
    };
    write(&image(2));
    scene.is_replaced(2);
    let half = image(3);
    write(&half[..half.len() / 2]);
    scene.is_kept("bytes");
    assert!(matches!(scene.watcher.status().error().unwrap().cause(), WatchCause::Image(_)));
    write(&image(3));
    scene.is_replaced(3);
    write(text(4).as_bytes());
    scene.is_replaced(4);
    scene.is_quiet();
}

macro_rules! scenes {
    ($($name:ident),*) => {$(
        mod $name {
            #[test]
            fn told() {
                super::$name(super::How::Told);
            }

            #[test]
            fn by_looking() {
                super::$name(super::How::Looking);
            }
        }
    )*};
}

scenes!(
    atomic_rename,
    images,
    written_in_place,
    config_map,
    links_to_files,
    deleted,
    truncated,
    half_written,
    a_folder_that_comes_later,
    the_folder_is_exchanged,
    many_changes_a_second,
    times_that_go_back,
    same_content,
    faults,
    guards_refuse,
    on_trial,
    neighbours,
    not_a_file
);

fn atomic_rename(how: How) {
    let scene = Scene::plain("rename", how);
    for last in 2..6 {
        rename_over(&scene.file, &text(last));
        scene.is_replaced(last);
    }
    scene.is_quiet();
}

fn written_in_place(how: How) {
    let scene = Scene::plain("in-place", how);
    for last in 2..6 {
        // The same length each time.
        fs::write(&scene.file, text(last)).unwrap();
        scene.is_replaced(last);
    }
    // Not from the start: one byte in the middle.
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileExt;
        let file = OpenOptions::new().write(true).open(&scene.file).unwrap();
        file.write_at(b"7 # 7", text(7).find("7 #").unwrap() as u64).unwrap();
        drop(file);
        scene.is_replaced(7);
    }
    scene.is_quiet();
}

/// What Kubernetes makes of a ConfigMap: `office.policy` leads to `..data/office.policy`, `..data` to a folder with the
/// time in its name, and an update renames another `..data` over it.
#[cfg(unix)]
fn config_map(how: How) {
    use std::os::unix::fs::symlink;
    let publish = |mount: &Path, version: u8| {
        let real = format!("..2026_11_25_{version}");
        fs::create_dir(mount.join(&real)).unwrap();
        fs::write(mount.join(&real).join("office.policy"), text(version)).unwrap();
        symlink(&real, mount.join("..data_tmp")).unwrap();
        fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    };
    let scene = Scene::new(
        "config-map",
        how,
        |folder| {
            publish(folder, 1);
            symlink("..data/office.policy", folder.join("office.policy")).unwrap();
            folder.join("office.policy")
        },
        |builder| builder,
    );
    scene.is_replaced(1);
    for version in 2..6 {
        publish(&scene.folder, version);
        fs::remove_dir_all(scene.folder.join(format!("..2026_11_25_{}", version - 1))).unwrap();
        scene.is_replaced(version);
    }
    // Written in place behind both links.
    fs::write(scene.folder.join("..data/office.policy"), text(9)).unwrap();
    scene.is_replaced(9);
    scene.is_quiet();
}

/// A link in one folder to a link in another to a file in a third, each of them exchanged.
#[cfg(unix)]
fn links_to_files(how: How) {
    use std::os::unix::fs::symlink;
    let scene = Scene::new(
        "links",
        how,
        |folder| {
            for name in ["a", "b", "c"] {
                fs::create_dir(folder.join(name)).unwrap();
            }
            fs::write(folder.join("c/one"), text(1)).unwrap();
            fs::write(folder.join("c/two"), text(2)).unwrap();
            fs::write(folder.join("b/three"), text(3)).unwrap();
            // Absolute, and relative.
            symlink(folder.join("b/link"), folder.join("a/office.policy")).unwrap();
            symlink("./../c/one", folder.join("b/link")).unwrap();
            folder.join("a/office.policy")
        },
        |builder| builder,
    );
    scene.is_replaced(1);
    let exchange = |target: &str, link: &str| {
        symlink(target, scene.folder.join("new")).unwrap();
        fs::rename(scene.folder.join("new"), scene.folder.join(link)).unwrap();
    };
    exchange("../c/two", "b/link");
    scene.is_replaced(2);
    fs::write(scene.folder.join("c/two"), text(4)).unwrap();
    scene.is_replaced(4);
    exchange("../b/three", "a/office.policy");
    scene.is_replaced(3);
    // A link that leads to itself.
    exchange("office.policy", "a/office.policy");
    scene.is_kept("");
    exchange("../c/one", "a/office.policy");
    scene.is_replaced(1);
}

fn deleted(how: How) {
    let scene = Scene::plain("deleted", how);
    fs::remove_file(&scene.file).unwrap();
    scene.is_kept("No such file");
    assert!(matches!(scene.watcher.status().error().unwrap().cause(), WatchCause::Io(_)));
    // Told once.
    scene.is_quiet();
    // Back as it was: nothing to replace, and nothing wrong any more.
    fs::write(&scene.file, text(1)).unwrap();
    wait_until(|| scene.watcher.status().error().map(ToString::to_string), Option::is_none);
    fs::remove_file(&scene.file).unwrap();
    scene.is_kept("No such file");
    fs::write(&scene.file, text(2)).unwrap();
    scene.is_replaced(2);
}

fn truncated(how: How) {
    let scene = Scene::plain("truncated", how);
    File::create(&scene.file).unwrap();
    // Nothing is not a policy.
    scene.is_kept("neither a rule nor a `default`");
    OpenOptions::new().write(true).open(&scene.file).unwrap().set_len(100).unwrap();
    scene.is_kept(":1:1:");
    fs::write(&scene.file, text(2)).unwrap();
    scene.is_replaced(2);
    // Cut in the middle of a line: what is left is a fault.
    OpenOptions::new().write(true).open(&scene.file).unwrap().set_len(9).unwrap();
    scene.is_kept(":1:10:");
}

fn half_written(how: How) {
    let scene = Scene::plain("half", how);
    // Half of it is a policy as well, so only the end tells.
    let mut file = File::create(&scene.file).unwrap();
    file.write_all(b"allow 192.0.2.2\n").unwrap();
    file.flush().unwrap();
    if how == How::Told && cfg!(target_os = "linux") {
        // However long it takes.
        scene.is_kept("it is being written");
        scene.is_quiet();
        file.write_all(b"deny 192.0.2.2\nallow 192.0.2.3").unwrap();
        scene.is_quiet();
        assert_eq!(scene.answers(), Some(1));
        file.write_all(b"\ndeny all\n").unwrap();
        drop(file);
        let event = scene.next();
        assert!(matches!(event, WatchEvent::Replaced(_)), "{event:?}");
        let allowed = scene.gate.snapshot().allowed();
        assert_eq!(allowed.to_string(), "192.0.2.2/31\n");
    } else {
        // By looking there is no telling; what the policy expects of itself is the remedy.
        drop(file);
        scene.next();
    }
}

/// The remedy where nobody tells: what the first line expects, the last one allows.
#[test]
fn an_expectation_refuses_what_was_cut_short() {
    let whole = "expect allow 192.0.2.9\nallow 192.0.2.0/30\nallow 192.0.2.8/29\n";
    assert!(Policy::read(whole).is_ok());
    for len in 0..whole.len() - 1 {
        assert!(Policy::read(&whole[..len]).is_err(), "{}", &whole[..len]);
    }
}

fn a_folder_that_comes_later(how: How) {
    let scene = Scene::new("later", how, |folder| folder.join("etc/service/office.policy"), |builder| builder);
    scene.is_kept("No such file");
    fs::create_dir(scene.folder.join("etc")).unwrap();
    sleep(Duration::from_millis(60));
    fs::create_dir(scene.folder.join("etc/service")).unwrap();
    sleep(Duration::from_millis(60));
    fs::write(&scene.file, text(1)).unwrap();
    scene.is_replaced(1);
    // All at once.
    fs::remove_dir_all(scene.folder.join("etc")).unwrap();
    scene.is_kept("No such file");
    fs::create_dir_all(scene.folder.join("etc/service")).unwrap();
    fs::write(&scene.file, text(2)).unwrap();
    scene.is_replaced(2);
    rename_over(&scene.file, &text(3));
    scene.is_replaced(3);
}

fn the_folder_is_exchanged(how: How) {
    let scene = Scene::new(
        "exchanged",
        how,
        |folder| {
            fs::create_dir(folder.join("policies")).unwrap();
            with_policy(&folder.join("policies"))
        },
        // The system says nothing of a folder that is not watched itself: this is found by looking.
        |builder| if how == How::Told { builder.poll_every(Duration::from_millis(50)) } else { builder },
    );
    scene.is_replaced(1);
    fs::create_dir(scene.folder.join("new")).unwrap();
    fs::write(scene.folder.join("new/office.policy"), text(2)).unwrap();
    fs::rename(scene.folder.join("policies"), scene.folder.join("old")).unwrap();
    fs::rename(scene.folder.join("new"), scene.folder.join("policies")).unwrap();
    // For a moment there was none.
    while scene.answers() != Some(2) {
        scene.next();
    }
    // The new one is followed, the old one is not.
    fs::write(scene.folder.join("old/office.policy"), text(3)).unwrap();
    scene.is_quiet();
    rename_over(&scene.file, &text(4));
    scene.is_replaced(4);
}

fn many_changes_a_second(how: How) {
    let scene = Scene::plain("many", how);
    let many = |change: &dyn Fn(u8)| {
        let began = Instant::now();
        let mut changes = 0u32;
        while began.elapsed() < Duration::from_millis(1500) {
            change(2 + (changes % 200) as u8);
            changes += 1;
            sleep(Duration::from_millis(1));
        }
        changes as usize
    };
    // Each as a whole: some are taken while they come, and not one for each.
    let changes = many(&|last| rename_over(&scene.file, &text(last)));
    sleep(A_WHILE);
    let events: Vec<_> = scene.events.try_iter().collect();
    assert!(events.iter().all(|event| matches!(event, WatchEvent::Replaced(_))), "{events:?}");
    assert!(events.len() >= 2 && events.len() < changes, "{} of {changes}", events.len());

    // In place: what is half there is never taken, nor told to be a fault.
    many(&|last| fs::write(&scene.file, text(last)).unwrap());
    fs::write(&scene.file, text(250)).unwrap();
    wait_until(|| scene.answers(), |answers| *answers == Some(250));
    sleep(A_WHILE);
    for event in scene.events.try_iter() {
        let fine = match &event {
            WatchEvent::Replaced(_) => true,
            // By looking alone it cannot be known.
            WatchEvent::Kept(error) => how == How::Looking || matches!(error.cause(), WatchCause::Writing),
            _ => false,
        };
        assert!(fine, "{event:?}");
    }
    assert_eq!(scene.answers(), Some(250));
    assert!(scene.watcher.status().error().is_none());
}

fn times_that_go_back(how: How) {
    let scene = Scene::plain("times", how);
    let long_ago = FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1));
    for last in 2..5 {
        // As `mv` and `cp -p` of an older file do it.
        let new = scene.file.with_extension("new");
        fs::write(&new, text(last)).unwrap();
        File::options().write(true).open(&new).unwrap().set_times(long_ago).unwrap();
        fs::rename(new, &scene.file).unwrap();
        scene.is_replaced(last);
        // In place, with the time of the one before.
        fs::write(&scene.file, text(last + 100)).unwrap();
        File::options().write(true).open(&scene.file).unwrap().set_times(long_ago).unwrap();
        scene.is_replaced(last + 100);
    }
}

fn same_content(how: How) {
    let scene = Scene::plain("same", how);
    rename_over(&scene.file, &text(1));
    fs::write(&scene.file, text(1)).unwrap();
    File::options().write(true).open(&scene.file).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    scene.is_quiet();
    assert_eq!(scene.gate.generation(), 2);
    // Unless it is asked for.
    scene.watcher.reload();
    scene.is_replaced(1);
    assert_eq!(scene.gate.generation(), 3);
}

fn faults(how: How) {
    let scene = Scene::plain("faults", how);
    let mut generation = scene.gate.generation();
    fs::write(&scene.file, "allow 192.0.2.2\nalow 192.0.2.3\ndeny 10.0.0.1/8\n").unwrap();
    let told = scene.is_kept(":2:1:");
    assert!(told.ends_with("(and 1 more)"), "{told}");
    let status = scene.watcher.status();
    let fault = status.error().unwrap().fault().unwrap();
    assert_eq!((fault.line(), fault.column()), (2, 1));
    // Once for each fault.
    rename_over(&scene.file, "allow 192.0.2.2\nalow 192.0.2.3\ndeny 10.0.0.1/8\n");
    scene.is_quiet();
    fs::write(&scene.file, [0xff, 0xfe, 0]).unwrap();
    scene.is_kept(":1:1:");
    fs::write(&scene.file, "allow 192.0.2.2\nexpect allow 192.0.2.3\n").unwrap();
    scene.is_kept(":2:14:");
    fs::write(&scene.file, "set a = 192.0.2.2\nallow @office\n").unwrap();
    scene.is_kept("set office is not defined");
    assert_eq!(scene.gate.generation(), generation);
    if cfg!(feature = "json") {
        fs::write(&scene.file, "{\"rules\":[{\"action\":\"allow\",\"source\":\"192.0.2.9\"}]}").unwrap();
        scene.is_replaced(9);
        fs::write(&scene.file, "{\"rules\":[{\"action\":\"allow\",\n\"source\":\"192.0.2.300\"}]}").unwrap();
        scene.is_kept(":2:");
        generation += 1;
    }
    fs::write(&scene.file, text(2)).unwrap();
    scene.is_replaced(2);
    assert_eq!(scene.gate.generation(), generation + 1);
}

fn guards_refuse(how: How) {
    let scene = Scene::new("guards", how, with_policy, |builder| {
        let hooks: CidrSet = "192.0.2.4".parse().unwrap();
        let reader = PolicyReader::new().set("hooks", hooks).lenient(true);
        builder.reader(reader).guards(Guards::new().keep_denied("192.0.2.3".parse().unwrap()))
    });
    scene.is_replaced(1);
    fs::write(&scene.file, text(3)).unwrap();
    let told = scene.is_kept("would allow 192.0.2.3, which must stay denied");
    assert!(told.contains("office.policy: would"), "{told}");
    let status = scene.watcher.status();
    let WatchCause::Refused(refused) = status.error().unwrap().cause() else { panic!("{status:?}") };
    assert_eq!(refused.reason(), Refusal::Allows);
    fs::write(&scene.file, "allow @hooks\n").unwrap();
    let event = scene.next();
    assert!(matches!(event, WatchEvent::Replaced(_)), "{event:?}");
    assert_eq!(scene.answers(), Some(4));
}

fn on_trial(how: How) {
    let within = Duration::from_millis(500);
    let scene = Scene::new("trial", how, with_policy, |builder| builder.confirm_within(within));
    let trial = |last| {
        let event = scene.next();
        let WatchEvent::OnTrial(trial) = event else { panic!("{event:?}") };
        assert_eq!(scene.answers(), Some(last));
        trial
    };
    trial(1).confirm().unwrap();
    fs::write(&scene.file, text(2)).unwrap();
    let unconfirmed = trial(2);
    sleep(within + Duration::from_millis(50));
    assert_eq!((unconfirmed.state(), scene.answers()), (TrialState::RolledBack, Some(1)));
    // It is not tried again by itself, only when it is asked for.
    rename_over(&scene.file, &text(2));
    scene.is_quiet();
    scene.watcher.reload();
    trial(2).confirm().unwrap();
    sleep(within);
    assert_eq!(scene.answers(), Some(2));
}

/// Other files in the folder, and reading this one, are no changes.
fn neighbours(how: How) {
    let scene = Scene::plain("neighbours", how);
    for at in 0..50 {
        fs::write(scene.folder.join(format!("{at}.policy")), text(9)).unwrap();
        fs::read(&scene.file).unwrap();
    }
    scene.is_quiet();
    fs::write(&scene.file, text(2)).unwrap();
    scene.is_replaced(2);
}

fn not_a_file(how: How) {
    let scene = Scene::plain("not-a-file", how);
    fs::remove_file(&scene.file).unwrap();
    fs::create_dir(&scene.file).unwrap();
    while !scene.is_kept("").contains("it is not a file") {}
    fs::remove_dir(&scene.file).unwrap();
    fs::write(&scene.file, text(2)).unwrap();
    while scene.answers() != Some(2) {
        scene.next();
    }
}

#[cfg(not(unix))]
fn config_map(_: How) {}
#[cfg(not(unix))]
fn links_to_files(_: How) {}

#[test]
fn a_file_makes_a_gate() {
    let folder = folder("open");
    let file = with_policy(&folder);
    // The first is judged by what must be kept, and not by how much it changes.
    let kept: CidrSet = "192.0.2.1".parse().unwrap();
    let guards = || Guards::new().keep_allowed(kept.clone()).max_newly_allowed(0).max_newly_denied(0);
    let (tell, events) = mpsc::channel();
    let builder = PolicyWatcher::builder(&file).guards(guards()).on_event(move |event| tell.send(event).unwrap());
    let (gate, watcher) = builder.open().unwrap();
    assert_eq!((gate.generation(), watcher.gate().generation(), watcher.path()), (1, 1, &*file));
    assert!(gate.allows(Ipv4Addr::new(192, 0, 2, 1)) && watcher.status().error().is_none());
    // What was read then is not read as a change.
    assert!(events.recv_timeout(A_WHILE).is_err());
    fs::write(&file, "allow 192.0.2.1-192.0.2.2").unwrap();
    let WatchEvent::Kept(error) = events.recv_timeout(PATIENCE).unwrap() else { panic!() };
    assert!(error.to_string().contains("would newly allow 1 addresses"), "{error}");
    drop(watcher);
    // The callback is gone with the watcher, and the gate answers on.
    assert!(matches!(events.recv(), Err(mpsc::RecvError)));
    assert!(gate.allows(Ipv4Addr::new(192, 0, 2, 1)));

    let error = PolicyWatcher::builder(folder.join("none")).open().unwrap_err();
    assert!(matches!(error.cause(), WatchCause::Io(_)), "{error}");
    fs::write(&file, "allow 192.0.2.2").unwrap();
    let error = PolicyWatcher::builder(&file).guards(guards()).open().unwrap_err();
    assert!(error.to_string().ends_with("office.policy: would deny 192.0.2.1, which must stay allowed"), "{error}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_callback_may_drop_the_watcher() {
    let folder = folder("drop");
    let file = with_policy(&folder);
    let (send, watchers) = mpsc::channel::<PolicyWatcher>();
    let (done, finished) = mpsc::channel();
    let gate = Gate::default();
    let watcher = PolicyWatcher::builder(&file)
        .on_event(move |_| {
            drop(watchers.recv().unwrap());
            done.send(()).unwrap();
        })
        .watch(&gate)
        .unwrap();
    send.send(watcher).unwrap();
    finished.recv_timeout(PATIENCE).unwrap();
    fs::remove_dir_all(folder).unwrap();
}
