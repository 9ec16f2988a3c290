//! Stands in front of any TCP server, asks the policy when a connection arrives, and passes the bytes of those who may
//! come in as they are, TLS included. Whoever may not is turned away before a byte is read.
//!
//! `tcp_gate --listen ADDR --to ADDR --policy FILE [--keep LIST] [--confirm-within SECONDS]`
//!
//! - `--listen`, `--to`: an address and a port, as `127.0.0.1:8443` or `[::]:8443`. `[::]` takes IPv4 clients too; an
//!   IPv4 client of such a dual-stack socket is that IPv4 address. Port 0 takes a free one.
//! - `--policy`: text, JSON, or an image. It is read again when it changes, and on SIGHUP.
//! - `--keep`: a list of addresses and networks that must never be locked out. A policy that would is refused.
//! - `--confirm-within`: a new policy is on trial for so long, and what was before it comes back unless SIGUSR1 confirms.
//!
//! Each event is one line of JSON on standard error. All have `event` and `generation`; the events are
//!
//! - `listening`: `address`;
//! - `refused`: `peer`, and of the rule that denies `line` and `note` (null: the default, or no note);
//! - `replaced`: `newly_allowed` and `newly_denied`, numbers of addresses as decimal strings, and `fingerprint`; with
//!   `--confirm-within` also `confirm_within`, in seconds;
//! - `kept`, a new policy was not taken: `error` (`FILE:LINE:COLUMN: message`), or `reason` and `witness`, with the
//!   sentence in `message`;
//! - `confirmed`; `rolled-back`, with the generation that was not confirmed as `unconfirmed`. A SIGUSR1 with nothing to
//!   confirm is answered by `kept` with an `error`;
//! - `failed`: `error`, such as a server that does not answer; with `peer` if it is about one.
//!
//! A connection that was let in stays, whatever policy comes.

use std::error::Error;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use cidrgate::{
    CidrSet, Gate, GateReader, Guards, PolicyWatcher, Trial, TrialState, WatchCause, WatchError, WatchEvent,
};
use serde_json::{Value, json};
use signal_hook::consts::{SIGHUP, SIGUSR1};
use signal_hook::iterator::Signals;

const USAGE: &str = "usage: tcp_gate --listen ADDR --to ADDR --policy FILE [--keep LIST] [--confirm-within SECONDS]";

struct Options {
    listen: SocketAddr,
    to: SocketAddr,
    policy: PathBuf,
    keep: Option<CidrSet>,
    confirm_within: Option<Duration>,
}

impl Options {
    fn parse() -> Result<Self, Box<dyn Error>> {
        let (mut listen, mut to, mut policy, mut keep, mut confirm_within) = (None, None, None, None, None);
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                lexopt::Arg::Long("listen") => listen = Some(args.value()?.to_string_lossy().parse()?),
                lexopt::Arg::Long("to") => to = Some(args.value()?.to_string_lossy().parse()?),
                lexopt::Arg::Long("policy") => policy = Some(args.value()?.into()),
                lexopt::Arg::Long("keep") => keep = Some(read_list(args.value()?.into())?),
                lexopt::Arg::Long("confirm-within") => {
                    let seconds: f64 = args.value()?.to_string_lossy().parse()?;
                    confirm_within = Some(Duration::try_from_secs_f64(seconds)?);
                }
                _ => return Err(arg.unexpected().into()),
            }
        }
        let missing = "an option is missing";
        Ok(Self {
            listen: listen.ok_or(missing)?,
            to: to.ok_or(missing)?,
            policy: policy.ok_or(missing)?,
            keep,
            confirm_within,
        })
    }
}

/// Those who must never be locked out.
fn read_list(path: PathBuf) -> Result<CidrSet, Box<dyn Error>> {
    let at = |error: &dyn Error| format!("{}: {error}", path.display());
    let text = std::fs::read(&path).map_err(|error| at(&error))?;
    let set = CidrSet::read(text).map_err(|error| at(&error))?;
    // An empty list would protect nobody.
    if set.is_empty() { Err(format!("{}: the list is empty", path.display()).into()) } else { Ok(set) }
}

pub(crate) fn main() -> ExitCode {
    let options = match Options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("tcp_gate: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("tcp_gate: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: Options) -> Result<std::convert::Infallible, Box<dyn Error>> {
    let (tell, happenings) = mpsc::channel();
    let told = tell.clone();
    // First of all, so that no signal ends the process that now means something.
    let mut signals = Signals::new([SIGHUP, SIGUSR1])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            if tell.send(Happening::Signal(signal)).is_err() {
                break;
            }
        }
    });

    let mut guards = Guards::new();
    if let Some(set) = options.keep {
        guards = guards.keep_allowed(set);
    }
    let mut builder = PolicyWatcher::builder(options.policy).guards(guards).on_event(move |event| {
        let _ = told.send(Happening::Watched(event));
    });
    if let Some(within) = options.confirm_within {
        builder = builder.confirm_within(within);
    }
    let (gate, watcher) = builder.open()?;

    let listener = TcpListener::bind(options.listen).map_err(|error| format!("{}: {error}", options.listen))?;
    say("listening", gate.generation(), json!({ "address": listener.local_addr()?.to_string() }));

    let reader = gate.reader();
    let confirm_within = options.confirm_within;
    thread::spawn(move || follow(&gate, &watcher, &happenings, confirm_within));
    serve(&listener, options.to, reader)
}

/// One event, one line.
fn say(event: &str, generation: u64, more: Value) {
    let mut line = json!({ "event": event, "generation": generation });
    if let (Value::Object(line), Value::Object(mut more)) = (&mut line, more) {
        line.append(&mut more);
    }
    eprintln!("{line}");
}

enum Happening {
    Watched(WatchEvent),
    Signal(i32),
}

/// Says what becomes of the policy, and does what signals ask for.
fn follow(gate: &Gate, watcher: &PolicyWatcher, happenings: &Receiver<Happening>, confirm_within: Option<Duration>) {
    let mut trial: Option<Trial> = None;
    loop {
        let deadline = trial.as_ref().and_then(Trial::deadline);
        let happening = match deadline {
            None => happenings.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => happenings.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        // The trial first: it was over before whatever comes now.
        if trial.as_ref().is_some_and(|trial| trial.state() == TrialState::RolledBack) {
            say("rolled-back", gate.generation(), json!({ "unconfirmed": trial.as_ref().map(Trial::generation) }));
            trial = None;
        }
        match happening {
            Ok(Happening::Watched(event)) => {
                let change = match &event {
                    WatchEvent::Replaced(change) => change,
                    WatchEvent::OnTrial(trial) => trial.change(),
                    WatchEvent::Kept(error) => {
                        say("kept", gate.generation(), why(error));
                        continue;
                    }
                    _ => continue,
                };
                let mut more = json!({
                    "newly_allowed": change.newly_allowed().count().to_string(),
                    "newly_denied": change.newly_denied().count().to_string(),
                    "fingerprint": change.new_fingerprint().to_string(),
                });
                if let Some(within) = confirm_within {
                    more["confirm_within"] = within.as_secs_f64().into();
                }
                say("replaced", change.generation(), more);
                trial = match event {
                    WatchEvent::OnTrial(trial) => Some(trial),
                    _ => None,
                };
            }
            Ok(Happening::Signal(SIGHUP)) => watcher.reload(),
            Ok(Happening::Signal(_)) => match gate.confirm() {
                Ok(generation) => {
                    trial = None;
                    say("confirmed", generation, json!({}));
                }
                Err(error) => say("kept", gate.generation(), json!({ "error": error.to_string() })),
            },
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// Why a new policy was not taken.
fn why(error: &WatchError) -> Value {
    match error.cause() {
        WatchCause::Refused(refused) => json!({
            "reason": refused.reason().as_str(),
            "witness": refused.witness().map(|addr| addr.to_string()),
            "message": error.to_string(),
        }),
        _ => json!({ "error": error.to_string() }),
    }
}

fn serve(listener: &TcpListener, to: SocketAddr, mut reader: GateReader) -> ! {
    loop {
        match listener.accept() {
            Ok((client, peer)) => {
                // The answer, the rule and its words, all of one policy.
                let now = reader.snapshot();
                let decision = now.decide(peer.ip());
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                if decision.action().is_allow() {
                    let generation = now.generation();
                    let passed = thread::Builder::new().spawn(move || {
                        if let Err(error) = pass(client, to) {
                            let error = format!("{to}: {error}");
                            say("failed", generation, json!({ "peer": peer.to_string(), "error": error }));
                        }
                    });
                    if let Err(error) = passed {
                        say("failed", generation, json!({ "peer": peer.to_string(), "error": error.to_string() }));
                    }
                } else {
                    let label = decision.rule().and_then(|rule| now.label(rule));
                    say(
                        "refused",
                        now.generation(),
                        json!({
                            "peer": peer.to_string(),
                            "line": label.map(|label| label.line()),
                            "note": label.and_then(|label| label.note()),
                        }),
                    );
                    // Closed here, and nothing was read.
                    drop(client);
                }
            }
            Err(error) => {
                // Such as too many open files: it may pass.
                say("failed", reader.snapshot().generation(), json!({ "error": error.to_string() }));
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Passes bytes both ways until both sides are done.
fn pass(client: TcpStream, to: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect_timeout(&to, Duration::from_secs(10))?;
    // Neither holds back small pieces: what the ends do is their own business.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
    let upstream = thread::Builder::new().spawn(move || copy(from_client, to_server))?;
    copy(server, client);
    let _ = upstream.join();
    Ok(())
}

/// One way. When one side has said all, so is the other told; how a connection ends is not ours to judge.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let whole = io::copy(&mut from, &mut to);
    let how = if whole.is_ok() { Shutdown::Write } else { Shutdown::Both };
    let _ = to.shutdown(how);
    if whole.is_err() {
        let _ = from.shutdown(Shutdown::Both);
    }
}
