//! [`PolicyWatcher`]: a gate that follows a policy file.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::{self, Display};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};

use crate::fault::{Fault, MAX_INPUT, ReadError};
use crate::gate::{Gate, Trial};
use crate::guards::{Guards, Refused};
use crate::image::{IMAGE_MAGIC, ImageError, ImageErrorKind};
use crate::matcher::{Change, Fingerprint, Matcher};
use crate::policy::{CompileError, PolicyReader};

/// Keeps a [`Gate`] at what a policy file says, while the file changes: replaced by a rename, written in place, behind
/// links that are exchanged (as Kubernetes mounts a ConfigMap), away for a while, or not there yet.
///
/// The policy is told by its content: text, JSON, or an image. What cannot be read, has a fault, or is refused by the
/// guards leaves the policy as it is, and is told: to the callback ([`WatchBuilder::on_event`]), and to whoever asks for the
/// [`status`](Self::status). Dropping the watcher ends it; the gate stays as it is.
///
/// # When it reads
/// The system tells of changes in the folders that the path leads through (the crate notify); the file is read once
/// nothing has changed for a moment ([`WatchBuilder::debounce`]). Where files take each other's place without end, one is
/// read every ten moments; where one is written to without end, none is.
/// Beside that the file is looked at ever and again ([`WatchBuilder::poll_every`]), for file systems that tell nothing:
/// its identity, size and times are compared, and where they are too young to tell two changes apart, the content. A
/// time that goes back is a change like any other.
///
/// What counts is the content: only if its SHA-256 is another one is the policy replaced, and what was hashed is what was
/// read, in one piece. A file that changes while it is read is read again.
///
/// # Half-written files
/// Half a policy may well be a policy. Where the system tells when a writer closes the file (Linux does), a file that is
/// being written in place is not read before, however long that takes; status and callback tell. Elsewhere, a writer that
/// pauses in the middle for longer than the moment is taken at its word. Whoever writes a policy does best to write another
/// file and rename it. An `expect` line at the start of a policy, about what its last lines allow, refuses all that was cut
/// short; so do guards.
///
/// # Threads
/// The watcher has one of its own, on which the callback runs, and notify another.
///
/// ```no_run
/// use cidrgate::{Guards, PolicyWatcher, WatchEvent};
/// let (gate, watcher) = PolicyWatcher::builder("/etc/service/office.policy")
///     .guards(Guards::new().keep_allowed("192.0.2.0/28".parse()?))
///     .on_event(|event| match event {
///         WatchEvent::Kept(error) => eprintln!("{error}"),
///         event => eprintln!("{event:?}"),
///     })
///     .open()?;
/// let mut reader = gate.reader();
/// # let addr = std::net::Ipv4Addr::LOCALHOST;
/// println!("{} by generation {}", reader.allows(addr), watcher.status().generation());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PolicyWatcher {
    gate: Gate,
    path: PathBuf,
    error: Arc<Mutex<Option<Arc<WatchError>>>>,
    inbox: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

/// How to watch a policy file; made by [`PolicyWatcher::builder`].
#[must_use]
pub struct WatchBuilder {
    path: PathBuf,
    reader: PolicyReader,
    guards: Guards,
    trial: Option<Duration>,
    debounce: Duration,
    poll: Duration,
    notified: bool,
    tell: Box<dyn FnMut(WatchEvent) + Send>,
}

/// What a [`PolicyWatcher`] has done.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchEvent {
    /// The policy of the file answers.
    Replaced(Change),
    /// The policy of the file answers until the trial ends, and beyond if it is confirmed
    /// ([`WatchBuilder::confirm_within`]).
    OnTrial(Trial),
    /// The file could not be used, and the policy is as it was. Told once, until the error is another one.
    Kept(Arc<WatchError>),
}

/// Why the policy of a file does not answer.
#[derive(Debug)]
pub struct WatchError {
    path: PathBuf,
    cause: WatchCause,
}

/// What was wrong with a file.
#[derive(Debug)]
#[non_exhaustive]
pub enum WatchCause {
    /// It cannot be read: it is not there, is no file, is too large, or memory is wanting.
    Io(io::Error),
    /// It is being written.
    Writing,
    /// It has faults.
    Read(ReadError),
    /// It is an image with a fault.
    Image(ImageError),
    /// It cannot be compiled.
    Compile(CompileError),
    /// A guard refuses it.
    Refused(Refused),
}

impl WatchError {
    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was wrong.
    #[must_use]
    pub fn cause(&self) -> &WatchCause {
        &self.cause
    }

    /// The first fault of the text, with its place.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        match &self.cause {
            WatchCause::Read(error) => error.faults().first(),
            _ => None,
        }
    }
}

/// One line: `FILE:LINE:COLUMN: message`, of several faults the first.
impl Display for WatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        match &self.cause {
            WatchCause::Io(error) => write!(f, " {error}"),
            WatchCause::Writing => f.write_str(" it is being written"),
            WatchCause::Image(error) => write!(f, " {error}"),
            WatchCause::Compile(error) => write!(f, " {error}"),
            WatchCause::Refused(error) => write!(f, " {error}"),
            WatchCause::Read(error) => {
                let Some(fault) = error.faults().first() else { return write!(f, " {error}") };
                if fault.line() > 0 {
                    write!(f, "{}:{}:", fault.line(), fault.column())?;
                }
                write!(f, " {}", fault.message())?;
                match error.count() - 1 {
                    0 => Ok(()),
                    more => write!(f, " (and {more} more)"),
                }
            }
        }
    }
}

impl core::error::Error for WatchError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.cause {
            WatchCause::Io(error) => Some(error),
            WatchCause::Writing => None,
            WatchCause::Read(error) => Some(error),
            WatchCause::Image(error) => Some(error),
            WatchCause::Compile(error) => Some(error),
            WatchCause::Refused(error) => Some(error),
        }
    }
}

macro_rules! cause_from {
    ($($error:ty => $cause:ident),*) => {$(
        impl From<$error> for WatchCause {
            fn from(error: $error) -> Self {
                Self::$cause(error)
            }
        }
    )*};
}
cause_from!(io::Error => Io, ReadError => Read, ImageError => Image, CompileError => Compile, Refused => Refused);

/// How a [`PolicyWatcher`] fares.
#[derive(Clone, Debug)]
pub struct WatchStatus {
    generation: u64,
    fingerprint: Fingerprint,
    age: Duration,
    error: Option<Arc<WatchError>>,
}

impl WatchStatus {
    /// The generation that answers.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The fingerprint of its answers.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// For how long it has answered.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// Why the file as it is now is not what answers; `None` if the last look at it was fine.
    #[must_use]
    pub fn error(&self) -> Option<&WatchError> {
        self.error.as_deref()
    }
}

impl PolicyWatcher {
    /// Begins to say how to watch the file.
    pub fn builder(path: impl Into<PathBuf>) -> WatchBuilder {
        WatchBuilder {
            path: path.into(),
            reader: PolicyReader::new(),
            guards: Guards::new(),
            trial: None,
            debounce: Duration::from_millis(50),
            poll: Duration::from_secs(2),
            notified: true,
            tell: Box::new(drop),
        }
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// The file, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it fares. Any thread may ask.
    #[must_use]
    pub fn status(&self) -> WatchStatus {
        let now = self.gate.snapshot();
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        WatchStatus { generation: now.generation(), fingerprint: now.fingerprint(), age: now.since().elapsed(), error }
    }

    /// Has the file read now, and taken even if its content has not changed: what a service does on SIGHUP. It comes to
    /// an event.
    pub fn reload(&self) {
        // If the thread is gone there is nobody to tell.
        let _ = self.inbox.send(Message::Reload);
    }
}

/// Ends the watching, and waits for that, unless it is the callback that drops the watcher.
impl Drop for PolicyWatcher {
    fn drop(&mut self) {
        let _ = self.inbox.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl fmt::Debug for PolicyWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyWatcher").field("path", &self.path).field("status", &self.status()).finish()
    }
}

impl fmt::Debug for WatchBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchBuilder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl WatchBuilder {
    /// Reads policies this way: with sets handed over, or leniently.
    pub fn reader(mut self, reader: PolicyReader) -> Self {
        self.reader = reader;
        self
    }

    /// What a change of the file must not do.
    pub fn guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// Puts each change on trial ([`Gate::replace_for`]): it is rolled back unless it is confirmed within this time. What
    /// was rolled back is not tried again before the file changes, or [`PolicyWatcher::reload`].
    pub fn confirm_within(mut self, within: Duration) -> Self {
        self.trial = Some(within);
        self
    }

    /// How long nothing must change before the file is read. 50 milliseconds if it is not said; at least a millisecond.
    pub fn debounce(mut self, moment: Duration) -> Self {
        self.debounce = moment.max(Duration::from_millis(1));
        self
    }

    /// How often the file is looked at where the system tells nothing. Two seconds if it is not said; at least a
    /// millisecond.
    pub fn poll_every(mut self, time: Duration) -> Self {
        self.poll = time.max(Duration::from_millis(1));
        self
    }

    /// Asks the system for nothing, and only looks.
    pub fn poll_only(mut self) -> Self {
        self.notified = false;
        self
    }

    /// Calls this with each event, on the thread of the watcher: while it runs, the file is not followed.
    pub fn on_event(mut self, tell: impl FnMut(WatchEvent) + Send + 'static) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// Reads the file, makes a gate of it, and follows it from there.
    ///
    /// The first policy is judged by what must be kept, and not by how much it changes.
    ///
    /// # Errors
    /// If the file cannot be used, or no thread can be had.
    pub fn open(self) -> Result<(Gate, PolicyWatcher), WatchError> {
        let first = || {
            let (content, digest, _) = read(&self.path)?.ok_or(WatchCause::Writing)?;
            let matcher = load(&content, &self.reader)?;
            self.guards.clone().without_limits().judge(&Matcher::default(), &matcher)?;
            Ok((matcher, digest))
        };
        match first() {
            Ok((matcher, digest)) => {
                let gate = Gate::new(matcher);
                Ok((gate.clone(), self.start(gate, Some(digest))?))
            }
            Err(cause) => Err(WatchError { path: self.path, cause }),
        }
    }

    /// Follows the file for a gate that exists: its policy is replaced by that of the file as soon as that can be read.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn watch(self, gate: &Gate) -> Result<PolicyWatcher, WatchError> {
        self.start(gate.clone(), None)
    }

    fn start(self, gate: Gate, known: Option<Hash>) -> Result<PolicyWatcher, WatchError> {
        let (inbox, messages) = mpsc::channel();
        let notifier = if self.notified { notifier(inbox.clone()) } else { None };
        let path = self.path.clone();
        let error = Arc::default();
        let mut worker = Worker {
            options: self,
            messages,
            changed: None,
            asked: false,
            ended: false,
            gate: gate.clone(),
            error: Arc::clone(&error),
            notifier,
            watched: BTreeMap::new(),
            names: Vec::new(),
            written: false,
            unsettled: None,
            seen: Sight::Unknown,
            known: known.map(|digest| (digest, None)),
            told: None,
        };
        let thread = thread::Builder::new().name("cidrgate-watch".into());
        match thread.spawn(move || worker.run()) {
            Ok(thread) => Ok(PolicyWatcher { gate, path, error, inbox, thread: Some(thread) }),
            Err(error) => Err(WatchError { path, cause: error.into() }),
        }
    }
}

/// A policy from what a file holds, told by its content.
fn load(content: &[u8], reader: &PolicyReader) -> Result<Matcher, WatchCause> {
    if content.starts_with(&IMAGE_MAGIC) {
        return Ok(Matcher::load(content)?);
    }
    Ok(reader.read(content)?.compile()?)
}

type Hash = [u8; 32];

/// What the file holds, its hash, and how it looked. `None` if it changed meanwhile.
fn read(path: &Path) -> Result<Option<(Vec<u8>, Hash, Sight)>, WatchCause> {
    // A FIFO would keep us waiting, and the handle may be of another file: both are asked.
    for_a_file(&fs::metadata(path)?)?;
    let mut file = File::open(path)?;
    let before = file.metadata()?;
    for_a_file(&before)?;
    let mut content = Vec::new();
    let mut hash = Sha256::new();
    const PIECE: usize = 1 << 16;
    loop {
        content.try_reserve(PIECE).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let start = content.len();
        let read = (&mut file).take(PIECE as u64).read_to_end(&mut content)?;
        if read == 0 {
            break;
        }
        hash.update(content.get(start..).unwrap_or_default());
        if content.len() > MAX_INPUT {
            // The reader says what is wrong with it.
            break;
        }
    }
    let sight = Sight::of(&before);
    let same = |other: &Metadata| Sight::of(other).is_like(&sight) || !cfg!(unix);
    let unchanged = same(&file.metadata()?) && same(&fs::metadata(path)?);
    Ok(unchanged.then(|| (content, hash.finalize().into(), sight)))
}

fn for_a_file(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a file")) }
}

/// How a file looks from outside.
#[derive(Clone, Debug)]
enum Sight {
    /// Unlike anything.
    Unknown,
    Missing,
    /// Device, number, size, and two times: of the last change of its content, which programs set as they like, and of
    /// its last change at all, which they cannot set.
    #[cfg_attr(not(unix), allow(dead_code))]
    File([u64; 7]),
}

impl Sight {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let times = [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()];
        let [a, b, c, d] = times.map(|time| time as u64);
        Self::File([metadata.dev(), metadata.ino(), metadata.size(), a, b, c, d])
    }

    /// Nothing that could be trusted is known: the content has to be looked at each time.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self::Unknown
    }

    fn at(path: &Path) -> Self {
        match fs::metadata(path) {
            Ok(metadata) => Self::of(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing,
            Err(_) => Self::Unknown,
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, Self::Missing) => true,
            (Self::File(one), Self::File(other)) => one == other,
            _ => false,
        }
    }

    /// What can be relied on later. Clocks of file systems tick slowly, so a file that changed just now may change again
    /// and look the same.
    fn settled(self) -> Self {
        const SLOWEST_TICK: u64 = 2;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        match self {
            Self::File([.., changed, _]) if changed.saturating_add(SLOWEST_TICK) >= now => Self::Unknown,
            sight => sight,
        }
    }
}

enum Message {
    Changed(notify::Event),
    Reload,
    Stop,
}

/// Whether the system tells when a file that was written to is closed: inotify does.
const TELLS_OF_CLOSING: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// Passes on what the system tells. `None` if it tells nothing; then there is only looking.
fn notifier(inbox: Sender<Message>) -> Option<RecommendedWatcher> {
    let tell = move |event: notify::Result<notify::Event>| {
        let event = event.unwrap_or_default();
        // That somebody reads is nothing new, and we do so ourselves.
        let only_reads = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => true,
            _ => false,
        };
        if !only_reads {
            let _ = inbox.send(Message::Changed(event));
        }
    };
    notify::recommended_watcher(tell).ok()
}

struct Worker {
    options: WatchBuilder,
    messages: Receiver<Message>,
    /// Whether the file may be another one than was read.
    changed: Option<Changed>,
    /// Somebody asked for it to be read.
    asked: bool,
    ended: bool,
    gate: Gate,
    error: Arc<Mutex<Option<Arc<WatchError>>>>,
    notifier: Option<RecommendedWatcher>,
    /// The folders that the system watches for us, and which folder that was.
    watched: BTreeMap<PathBuf, Sight>,
    /// The names on the way to the file that may come to mean something else.
    names: Vec<OsString>,
    /// Somebody has written to the file and not closed it yet.
    written: bool,
    /// Since when it could not be read because it is being written.
    unsettled: Option<Instant>,
    /// How the file looked when it was read last.
    seen: Sight,
    /// What was read last, and what came of it.
    known: Option<(Hash, Option<Arc<WatchError>>)>,
    /// The error that was told last.
    told: Option<String>,
}

/// Changes that have not been looked at.
#[derive(Clone, Copy)]
struct Changed {
    first: Instant,
    last: Instant,
    /// The file was written to, and not only another put in its place.
    in_place: bool,
}

impl Worker {
    fn run(&mut self) {
        self.look(self.known.is_none());
        let mut next_poll = Instant::now() + self.options.poll;
        while !self.ended {
            let until = self.due().map_or(next_poll, |due| due.min(next_poll));
            self.receive(until);
            let now = Instant::now();
            if now >= next_poll {
                next_poll = now + self.options.poll;
                self.follow();
                if self.changed.is_none() && !Sight::at(&self.options.path).is_like(&self.seen) {
                    self.change(false);
                }
            }
            if core::mem::take(&mut self.asked) {
                (self.known, self.told, self.written) = (None, None, false);
                self.look(true);
            } else if self.due().is_some_and(|due| now >= due) {
                self.look(false);
            }
        }
    }

    /// Takes one message, if there is one in time.
    fn receive(&mut self, until: Instant) -> bool {
        match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => self.ended = true,
            Ok(Message::Reload) => self.asked = true,
            Ok(Message::Changed(event)) => {
                if self.concerns(&event) {
                    self.change(self.written);
                }
            }
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }

    fn change(&mut self, in_place: bool) {
        let last = Instant::now();
        let (first, before) = self.changed.map_or((last, false), |changed| (changed.first, changed.in_place));
        self.changed = Some(Changed { first, last, in_place: before || in_place });
    }

    /// When to read after a change.
    fn due(&self) -> Option<Instant> {
        let moment = self.options.debounce;
        self.changed.map(|Changed { first, last, in_place }| {
            let quiet = last + moment;
            if in_place { quiet } else { quiet.min(first + moment * 10) }
        })
    }

    /// Whether an event may be about the file; and notes who writes.
    fn concerns(&mut self, event: &notify::Event) -> bool {
        let named = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            self.names.iter().any(|known| known == name) || self.watched.contains_key(path)
        };
        if !event.need_rescan() && !event.paths.is_empty() && !event.paths.iter().any(named) {
            return false;
        }
        // By its last name only: a file of that name elsewhere is one more reason to wait, and no harm.
        self.written = match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) => TELLS_OF_CLOSING,
            EventKind::Modify(ModifyKind::Metadata(_)) => self.written,
            _ => false,
        };
        true
    }

    /// Has the system watch each folder in which a name on the way to the file stands.
    fn follow(&mut self) {
        let (folders, names) = way_to(&self.options.path);
        self.names = names;
        let Some(notifier) = &mut self.notifier else { return };
        let now: BTreeMap<_, _> = folders.into_iter().map(|folder| (folder.clone(), identity(&folder))).collect();
        self.watched.retain(|folder, identity| {
            let same = now.get(folder).is_some_and(|now| now.is_like(identity));
            if !same {
                // The system may have forgotten it by itself.
                let _ = notifier.unwatch(folder);
            }
            same
        });
        for (folder, identity) in now {
            if !self.watched.contains_key(&folder) && notifier.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                self.watched.insert(folder, identity);
            }
        }
    }

    /// Reads the file, unless it is being written, and acts on what it finds.
    fn look(&mut self, at_once: bool) {
        // First, so that no change after the reading goes by unseen.
        self.follow();
        self.changed = None;
        let read = if self.written { Ok(None) } else { read(&self.options.path) };
        let read = match read {
            Ok(Some(_)) if self.was_written_meanwhile() => Ok(None),
            read => read,
        };
        let unsettled = self.unsettled.take();
        match read {
            Ok(Some((content, digest, sight))) => {
                self.seen = sight.settled();
                self.take(&content, digest);
            }
            Ok(None) => {
                // The system will tell when it is closed; and it is looked at again.
                self.change(true);
                let since = *self.unsettled.insert(unsettled.unwrap_or_else(Instant::now));
                if at_once || since.elapsed() >= Duration::from_secs(1) {
                    self.keep(WatchCause::Writing);
                }
            }
            Err(cause) => {
                self.seen = match &cause {
                    WatchCause::Io(error) if error.kind() == io::ErrorKind::NotFound => Sight::Missing,
                    _ => Sight::Unknown,
                };
                self.keep(cause);
            }
        }
    }

    /// Whether somebody wrote to the file when it was read. What the system tells takes a while to arrive; so a file that
    /// was emptied a moment ago, to be written anew, is not taken for an empty one.
    fn was_written_meanwhile(&mut self) -> bool {
        if self.notifier.is_none() {
            return false;
        }
        let until = Instant::now() + self.options.debounce / 5;
        while !self.ended && self.receive(until) {}
        self.changed.is_some_and(|changed| changed.in_place)
    }

    /// Takes what was read for the policy, if that is another one than last time.
    fn take(&mut self, content: &[u8], digest: Hash) {
        if let Some((known, outcome)) = &self.known {
            if *known == digest {
                // It was away, perhaps, and is back.
                self.note(outcome.clone());
                return;
            }
        }
        let guards = &self.options.guards;
        let event = load(content, &self.options.reader).and_then(|matcher| {
            Ok(match self.options.trial {
                None => WatchEvent::Replaced(self.gate.replace(matcher, guards)?),
                Some(within) => WatchEvent::OnTrial(self.gate.replace_for(matcher, guards, within)?),
            })
        });
        match event {
            Ok(event) => {
                self.known = Some((digest, None));
                self.note(None);
                (self.options.tell)(event);
            }
            Err(cause) => {
                let again = cause.may_pass();
                let error = self.keep(cause);
                self.known = (!again).then_some((digest, Some(error)));
                if again {
                    self.seen = Sight::Unknown;
                }
            }
        }
    }

    /// Keeps the policy, and tells why unless that is what was told last.
    fn keep(&mut self, cause: WatchCause) -> Arc<WatchError> {
        let error = Arc::new(WatchError { path: self.options.path.clone(), cause });
        let words = error.to_string();
        let new = self.told.as_ref() != Some(&words);
        self.note(Some(Arc::clone(&error)));
        if new {
            (self.options.tell)(WatchEvent::Kept(Arc::clone(&error)));
        }
        error
    }

    fn note(&mut self, error: Option<Arc<WatchError>>) {
        self.told = error.as_ref().map(ToString::to_string);
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}

impl WatchCause {
    /// Whether the same content may do later: memory was wanting.
    fn may_pass(&self) -> bool {
        let out_of_memory = |fault: &Fault| fault.kind() == crate::FaultKind::OutOfMemory;
        match self {
            Self::Read(error) => error.faults().iter().any(out_of_memory),
            Self::Image(error) => error.kind() == ImageErrorKind::OutOfMemory,
            Self::Compile(error) => *error == CompileError::OutOfMemory,
            Self::Refused(refused) => refused.reason() == crate::Refusal::OutOfMemory,
            Self::Io(_) | Self::Writing => true,
        }
    }
}

/// Which folder it is, whatever it holds.
fn identity(folder: &Path) -> Sight {
    match fs::metadata(folder).map(|metadata| Sight::of(&metadata)) {
        Ok(Sight::File([device, number, ..])) => Sight::File([device, number, 0, 0, 0, 0, 0]),
        _ => Sight::Missing,
    }
}

/// The folders on the way to a file in which a name may come to mean something else, and those names: the file's own, all
/// links on the way, and what is not there yet.
fn way_to(path: &Path) -> (Vec<PathBuf>, Vec<OsString>) {
    const MOST_LINKS: usize = 40;
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (mut folders, mut names) = (Vec::new(), Vec::new());
    // What is left of the way, last part first.
    let parts = |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<_>>();
    let mut left = parts(&path);
    let (mut here, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop() {
        let step = here.join(&part);
        let is_name = matches!(Path::new(&part).components().next(), Some(Component::Normal(_)));
        if !is_name {
            match Path::new(&part).components().next() {
                Some(Component::ParentDir) => _ = here.pop(),
                Some(Component::CurDir) => {}
                _ => here = step,
            }
            continue;
        }
        let metadata = fs::symlink_metadata(&step);
        let is_link = metadata.as_ref().is_ok_and(Metadata::is_symlink);
        if is_link || left.is_empty() || metadata.is_err() {
            folders.push(here.clone());
            names.push(part);
        }
        match fs::read_link(&step) {
            Ok(target) if is_link && links < MOST_LINKS => {
                links += 1;
                left.extend(parts(&target));
            }
            _ if metadata.is_ok() => here = step,
            _ => break,
        }
    }
    (folders, names)
}
