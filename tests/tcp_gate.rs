//! `examples/tcp_gate.rs` in front of a real TLS server (`openssl s_server`), and of one that sends back what it gets:
//! who comes in from which address, and what a change of the policy file does. This program is the gate as well, if it is
//! called with the gate's options.

#[path = "../examples/tcp_gate.rs"]
#[allow(dead_code, unreachable_pub)]
mod tcp_gate;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Long enough for a slow machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Gate {
    process: Running,
    at: SocketAddr,
    events: Receiver<Value>,
}

fn start(listen: &str, to: SocketAddr, policy: &Path, more: &[&str]) -> Gate {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--listen", listen, "--to", &to.to_string(), "--policy"])
        .arg(policy)
        .args(more)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let process = Running(process);
    let (tell, events) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            if tell.send(event).is_err() {
                break;
            }
        }
    });
    let mut gate = Gate { process, at: to, events };
    let listening = gate.event("listening", 1);
    gate.at = listening["address"].as_str().unwrap().parse().unwrap();
    gate
}

impl Gate {
    /// The next event, which is to be this one of this generation.
    fn event(&self, name: &str, generation: u64) -> Value {
        let event = self.events.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no event, but {name} was expected"));
        assert_eq!((event["event"].as_str(), event["generation"].as_u64()), (Some(name), Some(generation)), "{event}");
        event
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.process.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// The same gate by the other address of a dual-stack socket.
    fn by(&self, ip: impl Into<std::net::IpAddr>) -> SocketAddr {
        SocketAddr::new(ip.into(), self.at.port())
    }

    fn is_refused(&self, generation: u64, peer: &str, line: Option<u64>, note: Option<&str>) {
        let event = self.event("refused", generation);
        let (said, port) = event["peer"].as_str().unwrap().rsplit_once(':').unwrap();
        assert_eq!(said, peer, "{event}");
        assert!(port.parse::<u16>().is_ok(), "{event}");
        assert_eq!((event["line"].as_u64(), event["note"].as_str()), (line, note), "{event}");
    }
}

/// As careful programs write.
fn put(file: &Path, content: &str) {
    let new = file.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, file).unwrap();
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A TLS server that sends back each line from its end to its start.
struct Tls {
    _process: Running,
    at: SocketAddr,
    certificate: PathBuf,
}

fn tls(folder: &Path) -> Option<Tls> {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=gate.example", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    if made.is_err() {
        println!("LEFT OUT: a TLS server behind the gate: there is no openssl");
        return None;
    }
    assert!(made.unwrap().success(), "openssl req");
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let process = Command::new("openssl")
        .args(["s_server", "-quiet", "-rev", "-accept", &at.to_string(), "-key"])
        .arg(&key)
        .arg("-cert")
        .arg(&certificate)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Running(process);
    let began = Instant::now();
    while TcpStream::connect(at).is_err() {
        assert!(began.elapsed() < PATIENCE, "openssl s_server");
        thread::sleep(Duration::from_millis(20));
    }
    Some(Tls { _process: process, at, certificate })
}

/// Speaks TLS through the gate, from this address: whether the server, with its own certificate, turned the line round.
fn speaks(tls: &Tls, from: &str, gate: SocketAddr) -> bool {
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "gate.example", "-CAfile"])
        .arg(&tls.certificate)
        .args(["-connect", &gate.to_string(), "-bind", &SocketAddr::new(from.parse().unwrap(), 0).to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut to, from) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    let client = Running(client);
    // It may have been turned away already.
    let _ = to.write_all(b"may I come in?\n");
    // What comes, or the end.
    let mut line = String::new();
    let _ = BufReader::new(from).read_line(&mut line);
    drop(client);
    assert!(line.is_empty() || line.trim_end() == "?ni emoc I yam", "{line}");
    !line.is_empty()
}

fn reloads(tls: &Tls, folder: &Path) {
    let (policy, keep) = (folder.join("gate.policy"), folder.join("keep.list"));
    put(&policy, "deny  127.0.0.2          # the other one\nallow 127.0.0.0/8, ::1   # this machine\n");
    fs::write(&keep, "127.0.0.1   # the operators\n").unwrap();
    let gate = start("127.0.0.1:0", tls.at, &policy, &["--keep", keep.to_str().unwrap()]);
    assert!(speaks(tls, "127.0.0.1", gate.at));
    assert!(!speaks(tls, "127.0.0.2", gate.at));
    gate.is_refused(1, "127.0.0.2", Some(1), Some("the other one"));

    // A good change lands.
    put(&policy, "allow 127.0.0.1, 127.0.0.2\n");
    let replaced = gate.event("replaced", 2);
    // Of 127.0.0.0/8 all but these two, and ::1.
    assert_eq!(
        (&replaced["newly_allowed"], &replaced["newly_denied"]),
        (&"1".into(), &"16777215".into()),
        "{replaced}"
    );
    assert_eq!(replaced["fingerprint"].as_str().unwrap().len(), 64);
    assert!(speaks(tls, "127.0.0.2", gate.at));
    assert!(!speaks(tls, "127.0.0.3", gate.at));
    gate.is_refused(2, "127.0.0.3", None, None);

    // A bad one is refused with its line.
    put(&policy, "allow 127.0.0.1, 127.0.0.2\nallow 127.0.0.3/8\n");
    let kept = gate.event("kept", 2);
    assert!(kept["error"].as_str().unwrap().starts_with(&format!("{}:2:7: ", policy.display())), "{kept}");
    assert_eq!(kept.get("reason"), None);

    // A lockout is refused with a witness; SIGHUP has it said again.
    put(&policy, "allow 127.0.0.2\n");
    for _ in 0..2 {
        let kept = gate.event("kept", 2);
        assert_eq!((&kept["reason"], &kept["witness"]), (&"would-deny".into(), &"127.0.0.1".into()), "{kept}");
        assert_eq!(kept.get("error"), None);
        gate.signal("HUP");
    }
    gate.event("kept", 2);
    assert!(speaks(tls, "127.0.0.1", gate.at));
    // SIGUSR1 has nothing to confirm, and says so.
    gate.signal("USR1");
    assert!(gate.event("kept", 2)["error"].as_str().unwrap().contains("no policy is on trial"));

    // Gone, and back.
    fs::remove_file(&policy).unwrap();
    assert!(gate.event("kept", 2)["error"].as_str().unwrap().contains("gate.policy: "));
    put(&policy, "allow 127.0.0.1\n");
    gate.event("replaced", 3);
    assert!(!speaks(tls, "127.0.0.2", gate.at));
    gate.is_refused(3, "127.0.0.2", None, None);
}

fn trials(tls: &Tls, folder: &Path) {
    let policy = folder.join("trial.policy");
    put(&policy, "allow 127.0.0.1\n");
    let gate = start("127.0.0.1:0", tls.at, &policy, &["--confirm-within", "1.5"]);
    assert!(speaks(tls, "127.0.0.1", gate.at));

    // It locks out who made it, and nobody confirms.
    put(&policy, "deny 127.0.0.1 # oops\nallow 127.0.0.2\n");
    let replaced = gate.event("replaced", 2);
    let began = Instant::now();
    assert_eq!(replaced["confirm_within"].as_f64(), Some(1.5));
    assert!(!speaks(tls, "127.0.0.1", gate.at));
    gate.is_refused(2, "127.0.0.1", Some(1), Some("oops"));
    let back = gate.event("rolled-back", 3);
    assert_eq!(back["unconfirmed"].as_u64(), Some(2));
    assert!(began.elapsed() > Duration::from_millis(1000), "{:?}", began.elapsed());
    assert!(speaks(tls, "127.0.0.1", gate.at));

    // Confirmed, it stays.
    put(&policy, "allow 127.0.0.0/8\n");
    gate.event("replaced", 4);
    gate.signal("USR1");
    gate.event("confirmed", 4);
    thread::sleep(Duration::from_millis(1700));
    assert!(speaks(tls, "127.0.0.2", gate.at));
    assert!(gate.events.try_recv().is_err());
}

fn dual_stack(tls: &Tls, folder: &Path) {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("LEFT OUT: IPv6 and dual-stack sockets: there is no ::1");
        return;
    }
    let policy = folder.join("dual.policy");
    put(&policy, "deny 127.0.0.2 # the other one\nallow 127.0.0.0/8, ::1\n");
    let gate = start("[::]:0", tls.at, &policy, &[]);
    assert!(speaks(tls, "::1", gate.by(Ipv6Addr::LOCALHOST)));
    // Such a socket says ::ffff:127.0.0.1 of this client; it is the IPv4 address.
    assert!(speaks(tls, "127.0.0.1", gate.by(Ipv4Addr::LOCALHOST)));
    assert!(!speaks(tls, "127.0.0.2", gate.by(Ipv4Addr::LOCALHOST)));
    gate.is_refused(1, "127.0.0.2", Some(1), Some("the other one"));
    put(&policy, "allow 127.0.0.0/8\ndeny ::1 # not by IPv6\n");
    gate.event("replaced", 2);
    assert!(!speaks(tls, "::1", gate.by(Ipv6Addr::LOCALHOST)));
    gate.is_refused(2, "[::1]", Some(2), Some("not by IPv6"));

    let gate = start("[::1]:0", tls.at, &policy, &[]);
    assert!(!speaks(tls, "::1", gate.at));
    gate.is_refused(1, "[::1]", Some(2), Some("not by IPv6"));
}

/// Bytes go through as they are, both ways, to the end; a connection that was let in stays.
fn bytes(folder: &Path) {
    let policy = folder.join("bytes.policy");
    put(&policy, "allow 127.0.0.1\n");
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let to = server.local_addr().unwrap();
    thread::spawn(move || {
        for client in server.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut whole = Vec::new();
                // All of it first, so that the end of one way does not end the other.
                (&client).read_to_end(&mut whole).unwrap();
                (&client).write_all(&whole).unwrap();
            });
        }
    });
    let gate = start("127.0.0.1:0", to, &policy, &[]);
    let sent: Vec<u8> = (0..1u32 << 20).map(|at| (at.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    let mut client = TcpStream::connect(gate.at).unwrap();
    client.write_all(&sent[..1000]).unwrap();
    put(&policy, "default deny\n");
    gate.event("replaced", 2);
    client.write_all(&sent[1000..]).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).unwrap();
    assert!(got == sent, "{} bytes", got.len());
    // Turned away without a byte.
    let mut client = TcpStream::connect(gate.at).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    gate.is_refused(2, "127.0.0.1", None, None);

    // Nobody behind the gate.
    put(&policy, "allow 127.0.0.1\n");
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let gate = start("127.0.0.1:0", nobody, &policy, &[]);
    let mut client = TcpStream::connect(gate.at).unwrap();
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    let failed = gate.event("failed", 1);
    assert!(failed["error"].as_str().unwrap().starts_with(&nobody.to_string()), "{failed}");
}

/// What cannot work does not start.
fn wrong_calls(folder: &Path) {
    let (policy, keep) = (folder.join("wrong.policy"), folder.join("wrong.list"));
    let call = |args: &[&str], words: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--listen", "127.0.0.1:0", "--to", "127.0.0.1:9"])
            .args(args)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("tcp_gate: ") && said.contains(words), "{said}");
    };
    let (file, list) = (policy.to_str().unwrap(), keep.to_str().unwrap());
    call(&[], "usage: tcp_gate");
    call(&["--policy", file, "--listen", "localhost:80"], "invalid socket address");
    call(&["--policy", file, "--confirm-within", "-1"], "negative");
    call(&["--policy", file, "--unknown"], "--unknown");
    call(&["--policy", file], "wrong.policy: ");
    put(&policy, "allow 127.0.0.1\nalow 127.0.0.2\n");
    call(&["--policy", file], "wrong.policy:2:1: ");
    put(&policy, "allow 127.0.0.1\n");
    put(&keep, "# nobody\n");
    call(&["--policy", file, "--keep", list], "wrong.list: the list is empty");
    put(&keep, "127.0.0.1\n10.0.0.1/8\n");
    call(&["--policy", file, "--keep", list], "wrong.list: line 2, column 1");
    put(&keep, "127.0.0.2\n");
    call(&["--policy", file, "--keep", list], "would deny 127.0.0.2, which must stay allowed");
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--listen") {
        return tcp_gate::main();
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tcp-gate-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let run = |name: &str, part: &dyn Fn()| {
        part();
        println!("tcp_gate: {name} ... ok");
    };
    run("wrong calls", &|| wrong_calls(&folder));
    run("bytes", &|| bytes(&folder));
    if let Some(tls) = tls(&folder) {
        run("reloads", &|| reloads(&tls, &folder));
        run("trials", &|| trials(&tls, &folder));
        run("dual stack", &|| dual_stack(&tls, &folder));
    }
    fs::remove_dir_all(&folder).unwrap();
    ExitCode::SUCCESS
}
