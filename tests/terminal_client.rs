//! The terminal client (`examples/connect`): what goes over the wire, what a pipe gets, what a person sees.
//!
//! Its plain use, its other options and its error messages are in `tests/examples.rs`.

#![cfg(all(unix, feature = "deflate"))]

mod common;
#[path = "common/example.rs"]
mod example;
#[cfg(feature = "tls")]
#[path = "common/tls.rs"]
mod tls_peer;

use common::RawPeer;
use common::frame::{BINARY, CLOSE, Frame, PING, PONG, TEXT};
use common::raw_peer::{DEADLINE, header};
use example::{run, text};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// A server for one connection, and its URL.
fn serve<T: Send + 'static>(talk: impl FnOnce(RawPeer) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    (url, thread::spawn(move || talk(RawPeer::accept(listener.accept().expect("accept").0))))
}

/// Reads up to the Close, sends `answers` and a Close; gives what came before.
fn answer(mut peer: RawPeer, answers: impl IntoIterator<Item = Frame>) -> Vec<Frame> {
    let mut frames = Vec::new();
    loop {
        let mut frame = peer.read().expect("a Close comes before the end");
        frame.mask = None;
        if frame.opcode == CLOSE {
            break;
        }
        frames.push(frame);
    }
    answers.into_iter().for_each(|frame| peer.send(frame));
    peer.send(Frame::close(1000, ""));
    peer.end();
    frames
}

/// Runs the client to its end against a server with these answers.
#[track_caller]
fn run_against(options: &[&str], input: impl AsRef<[u8]>, answers: Vec<Frame>) -> (Output, Vec<Frame>) {
    let (url, server) = serve(|peer| answer(peer, answers));
    let output = run("connect", &[options, &[&url]].concat(), input);
    (output, server.join().expect("the server is content"))
}

#[track_caller]
fn wait(process: &mut Child) -> ExitStatus {
    let give_up = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = process.try_wait().expect("wait") {
            return status;
        }
        assert!(Instant::now() < give_up, "the client has not ended");
        thread::sleep(std::time::Duration::from_millis(5));
    }
}

// ---- --frames ----

#[test]
fn frames_shows_every_frame_of_both_directions_on_standard_error() {
    let answers = vec![
        Frame::text("gr\u{fc}").more(),
        Frame::ping("you?"),
        Frame::continuation("\u{df}e\x1b[2J"),
        Frame::binary([0xab; 70_000]),
        Frame::text("a".repeat(300)),
        Frame::binary([]),
        Frame::pong([0, 255]),
    ];
    let (output, sent) = run_against(&["--frames", "--no-deflate"], "hello\n", answers);
    assert_eq!(sent, [Frame::text("hello")]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with("gr\u{fc}\u{df}e\x1b[2J\n".as_bytes()), "the pipe gets it as it is");

    let lines: Vec<_> = text(&output.stderr).lines().collect();
    assert_eq!(lines[0], "→ GET / HTTP/1.1");
    assert!(lines.contains(&"→ Upgrade: websocket") && lines.contains(&"← HTTP/1.1 101 Switching Protocols"));
    // Without what is different every time.
    let frames: Vec<_> =
        lines.iter().filter(|line| line.contains(" bytes")).map(|line| squeeze(line)).collect();
    let ab = ["ab"; 20].join(" ");
    let expected = [
        "→ FIN Text mask 5 bytes \"hello\"",
        "→ FIN Close mask 2 bytes 1000",
        "← Text 4 bytes \"gr\u{fc}\"",
        "← FIN Ping 4 bytes 79 6f 75 3f",
        "→ FIN Pong mask 4 bytes 79 6f 75 3f",
        "← FIN Continuation 7 bytes \"\u{df}e\\u{1b}[2J\"",
        &format!("← FIN Binary 70000 bytes {ab} ..."),
        &format!("← FIN Text 300 bytes \"{}\" ...", "a".repeat(60)),
        "← FIN Binary 0 bytes",
        "← FIN Pong 2 bytes 00 ff",
        "← FIN Close 2 bytes 1000",
    ];
    // The pong is sent when its reader gets there.
    let of = |direction| move |line: &&str| line.starts_with(direction);
    for direction in ["→", "←"] {
        let shown: Vec<_> = frames.iter().map(String::as_str).filter(of(direction)).collect();
        let expected: Vec<_> = expected.into_iter().filter(of(direction)).collect();
        let mut sorted = expected.clone();
        if direction == "→" {
            sorted.swap(1, 2); // RFC 6455 §5.5.2: whether a pong follows our Close is up to us
        }
        assert!(shown == expected || shown == sorted, "{shown:#?}");
    }
}

/// One space in place of many, and no masking key.
fn squeeze(line: &str) -> String {
    let mut words: Vec<_> = line.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "mask") {
        assert_eq!(words.remove(at + 1).len(), 8, "{line}");
    }
    words.join(" ")
}

#[test]
fn frames_tells_compressed_frames_and_what_is_no_frame() {
    let mut echo = echo_server();
    let output = run("connect", &["--frames", &echo.1], format!("{}\n", "a".repeat(500)));
    let shown = text(&output.stderr);
    assert_eq!(
        shown.lines().filter(|line| line.contains("RSV1 Text") && line.ends_with("compressed")).count(),
        2
    );
    let _ = echo.0.kill();
    let _ = echo.0.wait();

    let (url, server) = serve(|mut peer| {
        peer.send_bytes(&Frame::new(3, "?").bytes());
        while peer.read().is_some() {}
    });
    let output = run("connect", &["--frames", &url], "");
    server.join().expect("the server is content");
    assert!(text(&output.stderr).contains("← 83 01 3f  is no frame"), "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

/// The echo server of the examples, and its URL.
fn echo_server() -> (Child, String) {
    let mut command = Command::new(example::example("echo"));
    let mut process = command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().expect("it starts");
    let mut out = process.stdout.take().expect("a pipe");
    let (mut line, mut byte) = (Vec::new(), [0]);
    while out.read(&mut byte).expect("read") == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
    let url =
        text(&line).split_whitespace().find(|word| word.starts_with("ws://")).expect("a URL").to_owned();
    (process, url)
}

#[test]
fn frames_does_not_show_credentials() {
    let secrets = ["--header", "Authorization: Bearer s3cret", "--header", "Cookie: id=s3cret"];
    let (output, _) = run_against(&[&["--frames"], &secrets[..]].concat(), "", vec![]);
    let shown = text(&output.stderr).to_lowercase();
    assert!(
        shown.contains("→ authorization: (not shown)") && shown.contains("→ cookie: (not shown)"),
        "{shown}"
    );
    assert!(!shown.contains("s3cret"));
}

// ---- In a pipe ----

#[test]
fn binary_input_and_output_are_bytes_and_nothing_else() {
    let input: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(n) >> 3) as u8).collect();
    let (output, sent) =
        run_against(&["--binary"], &input, vec![Frame::binary([0, 1, 255]), Frame::binary([10])]);
    assert_eq!(output.stdout, [0, 1, 255, 10]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(sent.iter().all(|frame| frame.opcode == BINARY && frame.payload.len() <= 64 << 10));
    assert!(sent.into_iter().flat_map(|frame| frame.payload).eq(input), "cut somewhere, and whole");
}

#[test]
fn input_that_is_not_utf8_is_an_error_that_names_the_way_out() {
    let (output, sent) = run_against(&[], b"one\ntw\xff\n", vec![]);
    assert_eq!(sent, [Frame::text("one")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--binary"), "{}", text(&output.stderr));
}

#[test]
fn who_reads_no_further_ends_it_quietly() {
    let (url, server) =
        serve(|mut peer| while peer.stream.write_all(&Frame::text("more").bytes()).is_ok() {});
    let mut command = Command::new(example::example("connect"));
    command.arg(&url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let stdin = process.stdin.take(); // is not at its end
    process.stdout.take().expect("a pipe").read_exact(&mut [0; 10]).expect("read"); // and then closed
    assert_eq!(wait(&mut process).code(), Some(0));
    let mut errors = String::new();
    process.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("read");
    assert_eq!(errors, "");
    drop(stdin);
    server.join().expect("the server is content");
}

#[test]
fn who_reads_no_further_is_told_of_in_a_close() {
    let (url, server) = serve(|mut peer| {
        let close = loop {
            let _ = peer.stream.write_all(&Frame::text("more").bytes()); // it may just have gone
            thread::sleep(std::time::Duration::from_millis(5));
            peer.stream.set_nonblocking(true).expect("set_nonblocking");
            let came = peer.stream.peek(&mut [0; 8]).is_ok();
            peer.stream.set_nonblocking(false).expect("set_nonblocking");
            if came {
                break peer.read().expect("a Close");
            }
        };
        let _ = peer.stream.write_all(&Frame::close(1000, "").bytes());
        close
    });
    let mut command = Command::new(example::example("connect"));
    let mut process =
        command.arg(&url).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(process.stdout.take());
    assert_eq!(wait(&mut process).code(), Some(0));
    let close = server.join().expect("the server is content");
    assert_eq!((close.opcode, &close.payload[..]), (CLOSE, &1000u16.to_be_bytes()[..]));
}

#[test]
fn ping_tells_how_long_the_pong_took() {
    let (url, server) = serve(|mut peer| {
        let ping = peer.read().expect("a frame");
        assert_eq!((ping.opcode, ping.payload.len()), (PING, 8));
        peer.send(Frame::new(PONG, &ping.payload));
        peer.send(Frame::pong("somebody else's"));
        peer.send(Frame::close(1000, ""));
        peer.end();
    });
    let mut command = Command::new(example::example("connect"));
    command
        .args(["--ping", "3600", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let stdin = process.stdin.take();
    assert_eq!(wait(&mut process).code(), Some(0));
    drop(stdin);
    server.join().expect("the server is content");
    let output = process.wait_with_output().expect("it has ended");
    assert_eq!(text(&output.stderr).matches("pong after").count(), 1, "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
}

// ---- Ctrl-C ----

#[test]
fn the_first_interrupt_closes_and_the_second_does_not_wait() {
    for patient in [true, false] {
        let (url, server) = serve(move |mut peer| {
            peer.send(Frame::text("here we are"));
            let close = peer.read().expect("a Close");
            assert_eq!((close.opcode, &close.payload[..]), (CLOSE, &1000u16.to_be_bytes()[..]));
            if patient {
                peer.send(Frame::close(1000, ""));
                return peer.end();
            }
            while peer.read().is_some() {}
        });
        let mut command = Command::new(example::example("connect"));
        command.args(["--frames", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        let stdin = process.stdin.take();
        process.stdout.take().expect("a pipe").read_exact(&mut [0; 12]).expect("a message"); // so it is open
        interrupt(&process);
        if !patient {
            read_until(&mut process.stderr.take().expect("a pipe"), "→ FIN      Close");
            interrupt(&process);
        }
        assert_eq!(wait(&mut process).code(), Some(if patient { 0 } else { 130 }));
        drop(stdin);
        server.join().expect("the server is content");
    }
}

fn interrupt(process: &Child) {
    let pid = rustix::process::Pid::from_child(process);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("kill");
}

/// Reads until something was printed.
fn read_until(out: &mut impl Read, what: &str) -> String {
    let (mut printed, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&printed).contains(what) {
        // A terminal that nobody has open any more is an error on Linux.
        let n = out.read(&mut byte).unwrap_or(0);
        assert_eq!(n, 1, "{what:?} did not come: {}", String::from_utf8_lossy(&printed));
        printed.push(byte[0]);
    }
    String::from_utf8(printed).expect("text")
}

// ---- On a terminal ----

/// A client on a terminal of its own: what is typed goes in, what is shown comes out.
struct Terminal {
    process: Child,
    keys_and_screen: File,
}

impl Terminal {
    fn start(no_color: &str, args: &[&str]) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("openpt");
        grantpt(&ours).expect("grantpt");
        unlockpt(&ours).expect("unlockpt");
        let name = ptsname(&ours, Vec::new()).expect("ptsname").into_string().expect("a path");
        let theirs = || File::options().read(true).write(true).open(&name).expect("open");
        let mut command = Command::new(example::example("connect"));
        command.args(args).env("NO_COLOR", no_color).env("TERM", "xterm");
        let process = command.stdin(theirs()).stdout(theirs()).stderr(theirs()).spawn().expect("it starts");
        Terminal { process, keys_and_screen: ours.into() }
    }

    fn type_in(&mut self, keys: &str) {
        self.keys_and_screen.write_all(keys.as_bytes()).expect("write");
    }

    #[track_caller]
    fn see(&mut self, what: &str) -> String {
        read_until(&mut self.keys_and_screen, what)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn on_a_terminal_messages_are_marked_and_cannot_do_anything_to_it() {
    for (no_color, mark) in [("", "\x1b[36m<\x1b[0m "), ("1", "< ")] {
        let (url, server) = serve(|mut peer| {
            let typed = peer.read().expect("a frame");
            assert_eq!((typed.opcode, &typed.payload[..]), (TEXT, &b"hi"[..]));
            answer(
                peer,
                [
                    Frame::text("\x1b]0;title\x07 b\u{f6}se\tund\u{9b}"),
                    Frame::binary(b"0123456789abcdef\0\xff"),
                ],
            )
        });
        let mut terminal = Terminal::start(no_color, &[&url]);
        let shown = terminal.see(" connected");
        assert_eq!(shown.contains('\x1b'), no_color.is_empty());
        terminal.type_in("hi\n");
        terminal.type_in("\x04"); // Ctrl-D
        terminal.see(&format!("{mark}\\u{{1b}}]0;title\\u{{7}} b\u{f6}se\tund\\u{{9b}}\r\n"));
        terminal.see(&format!("{mark}18 bytes\r\n"));
        terminal.see("  00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef\r\n");
        terminal.see("  00000010  00 ff                                            ..\r\n");
        terminal.see(" closed: 1000");
        assert_eq!(wait(&mut terminal.process).code(), Some(0));
        server.join().expect("the server is content");
    }
}

#[test]
fn typed_binary_input_is_a_message_a_line() {
    let (url, server) = serve(|mut peer| {
        let frames = [peer.read(), peer.read()].map(|frame| frame.expect("a frame").payload);
        answer(peer, []);
        frames
    });
    let mut terminal = Terminal::start("1", &["--binary", &url]);
    terminal.see(" connected");
    for line in ["one\n", "two\n"] {
        terminal.type_in(line);
        terminal.see("\r\n"); // the terminal's echo
    }
    terminal.type_in("\x04");
    terminal.see(" closed: 1000");
    assert_eq!(server.join().expect("the server is content"), [b"one\n", b"two\n"]);
}

/// No bytes of anybody's, whatever is at the other end.
#[test]
fn a_server_that_speaks_something_else_is_shown_line_by_line() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    let server = thread::spawn(move || {
        let mut stream: TcpStream = listener.accept().expect("accept").0;
        let _ = stream.read(&mut [0; 1024]);
        stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nno\x1b[2J\n\x81\x01")
            .expect("write");
    });
    let output = run("connect", &["--frames", &url], "");
    server.join().expect("the server is content");
    let shown = text(&output.stderr);
    assert!(shown.contains("← HTTP/1.1 404 Not Found\n← Content-Length: 9\n←\n"), "{shown}");
    assert!(!shown.contains("bytes") && !shown.contains('\x1b'), "{shown}");
    assert_eq!(output.status.code(), Some(1));
}

// ---- Ways to a server ----

#[test]
fn credentials_are_sent_from_the_option_and_from_the_url() {
    for from_url in [false, true] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let address = listener.local_addr().expect("local_addr");
        let server = thread::spawn(move || {
            let (peer, head) = RawPeer::accept_with(listener.accept().expect("accept").0, "");
            answer(peer, []);
            head
        });
        let output = match from_url {
            false => run("connect", &["--basic", "ada:a:b", &format!("ws://{address}/")], ""),
            true => run("connect", &[&format!("ws://ada:a:b@{address}/")], ""),
        };
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let head = server.join().expect("the server is content");
        assert_eq!(header(&head, "Authorization"), Some("Basic YWRhOmE6Yg=="));
    }
}

#[test]
fn a_proxy_is_asked_for_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let proxy = format!("http://{}", listener.local_addr().expect("local_addr"));
    let server = thread::spawn(move || {
        let mut peer = RawPeer::new(listener.accept().expect("accept").0, clearsocket::Role::Server);
        let asked = peer.read_head();
        peer.send_bytes(b"HTTP/1.1 200 OK\r\n\r\n");
        answer(RawPeer::accept(peer.stream), [Frame::text("through a proxy")]);
        asked
    });
    let output = run("connect", &["--frames", "--proxy", &proxy, "ws://chat.invalid/"], "");
    assert!(server.join().expect("the proxy is content").starts_with("CONNECT chat.invalid:80 HTTP/1.1\r\n"));
    assert_eq!((text(&output.stdout), output.status.code()), ("through a proxy\n", Some(0)));
    // What is between us and the proxy does not concern the server.
    assert!(text(&output.stderr).starts_with("→ GET / HTTP/1.1\n"), "{}", text(&output.stderr));
}

#[test]
fn reconnect_sends_what_was_typed_meanwhile_on_the_next_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let url = format!("ws://{}/", listener.local_addr().expect("local_addr"));
    let (tell, lost) = std::sync::mpsc::channel();
    let server = thread::spawn(move || {
        drop(RawPeer::accept(listener.accept().expect("accept").0)); // without a Close
        tell.send(()).expect("the test listens");
        answer(RawPeer::accept(listener.accept().expect("accept").0), [Frame::text("again")])
    });
    let mut command = Command::new(example::example("connect"));
    command.args(["--reconnect", &url]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    lost.recv_timeout(DEADLINE).expect("the first connection");
    let mut stderr = process.stderr.take().expect("a pipe");
    read_until(&mut stderr, "again in"); // a moment of at most 5 s (§7.2.3)
    stdin.write_all(b"hello\n").expect("write");
    drop(stdin); // which it comes to after the line
    let mut stdout = process.stdout.take().expect("a pipe");
    let draining = thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
    read_until(&mut stdout, "again\n");
    assert_eq!(wait(&mut process).code(), Some(0));
    assert_eq!(server.join().expect("the server is content"), [Frame::text("hello")]);
    draining.join().expect("a thread").expect("read");
}

// ---- TLS ----

#[cfg(feature = "tls")]
mod encrypted {
    use super::*;
    use clearsocket::Server;
    use tls_peer::{Identity, SERVER, TRUSTED};

    /// Runs the client against an echo server with this certificate.
    fn run_against(identity: &Identity, options: &[&str]) -> Output {
        let server = Server::bind("127.0.0.1:0").expect("bind").tls(identity.config());
        let server = server.spawn(|mut ws, _| {
            while let Some(message) = ws.read()?.map(|message| message.into_owned()) {
                ws.send(message)?;
            }
            Ok(())
        });
        let server = server.expect("the server starts");
        let url = format!("wss://localhost:{}/", server.local_addr().expect("local_addr").port());
        let output = run("connect", &[options, &[&url]].concat(), "hello\n");
        server.shutdown(std::time::Duration::ZERO);
        output
    }

    /// A file with these authorities, gone with the test.
    fn file(name: &str, content: &str) -> std::path::PathBuf {
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, content).expect("write");
        path
    }

    #[test]
    fn a_certificate_is_taken_from_a_trusted_authority_and_from_nobody_else() {
        let authority = file("terminal_client_authority.pem", &TRUSTED.pem());
        let authority = authority.to_str().expect("a path");
        let output = run_against(&SERVER, &["--frames", "--no-deflate", "--cacert", authority]);
        assert_eq!(
            (text(&output.stdout), output.status.code()),
            ("hello\n", Some(0)),
            "{}",
            text(&output.stderr)
        );
        assert!(
            text(&output.stderr).contains("5 bytes  \"hello\""),
            "in the clear: {}",
            text(&output.stderr)
        );

        let stranger = Identity::self_signed(&["localhost"], |_| {});
        for options in [&[][..], &["--cacert", authority]] {
            let output = run_against(&stranger, options);
            assert_eq!((text(&output.stdout), output.status.code()), ("", Some(1)));
            assert!(text(&output.stderr).contains("not trusted"), "{}", text(&output.stderr));
        }
    }

    #[test]
    fn insecure_trusts_everybody_and_says_so() {
        let stranger = Identity::self_signed(&["somebody.else"], |_| {});
        let output = run_against(&stranger, &["--insecure"]);
        assert_eq!(
            (text(&output.stdout), output.status.code()),
            ("hello\n", Some(0)),
            "{}",
            text(&output.stderr)
        );
        assert!(text(&output.stderr).starts_with("connect: WARNING: "), "{}", text(&output.stderr));
    }

    #[test]
    fn a_file_without_an_authority_is_a_wrong_argument() {
        let empty = file("terminal_client_empty.pem", "nothing");
        for name in [empty.to_str().expect("a path"), "/nowhere.pem"] {
            let output = run("connect", &["--cacert", name, "wss://127.0.0.1:1/"], "");
            assert_eq!(output.status.code(), Some(2));
            assert!(text(&output.stderr).contains(name), "{}", text(&output.stderr));
        }
    }
}
