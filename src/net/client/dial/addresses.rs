//! Looking up a name, and trying its addresses in turn: Happy Eyeballs in its simple form (after RFC 8305).
//!
//! ```text
//!   example.com ─▶ A6 B6 C4 D4 ─▶ A6 C4 B6 D4 ─▶ A6 for a quarter of the time ─▶ C4 for a third of what is left ─▶ ...
//!                  the resolver's  interleaved
//! ```
//!
//! So a host whose IPv6 is broken costs a share of the time and not all of it. One attempt at a time, though: a second
//! one at the same moment is what §4.1 of RFC 6455 does not want.
//!
//! For the next editor: the system's resolver blocks for as long as it likes and cannot be stopped. It runs in a thread
//! that is left behind at the deadline, and ends by the system's own limits.

use crate::error::{Error, Timeout};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// The addresses of a host, in the resolver's order. An address is its own.
pub(super) fn look_up(host: &str, port: u16, deadline: Instant) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.to_owned();
    let resolve = move || (name.as_str(), port).to_socket_addrs().map(Vec::from_iter);
    look_up_by(resolve, deadline).map_err(|error| match error {
        Error::Io(error) => io::Error::new(error.kind(), format!("{host} was not found: {error}")).into(),
        other => other,
    })
}

/// What `resolve` gives, if it does before the deadline.
fn look_up_by(
    resolve: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, Error> {
    let (tell, told) = mpsc::sync_channel(1);
    thread::Builder::new().name("ws-look-up".into()).spawn(move || drop(tell.send(resolve())))?;
    match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(addresses) => Ok(addresses?),
        Err(RecvTimeoutError::Timeout) => Err(Error::Timeout(Timeout::Handshake)),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the resolver panicked").into()),
    }
}

/// A TCP connection to one of these addresses of `host`, with what `turn` gave for it: leave to connect to this address,
/// or `None` if there was none until then.
pub(super) fn connect<T>(
    host: &str,
    addresses: &[SocketAddr],
    deadline: Instant,
    mut turn: impl FnMut(SocketAddr, Instant) -> Option<T>,
) -> Result<(TcpStream, T), Error> {
    let mut failures = Vec::new();
    for (tried, address) in interleave(addresses).into_iter().enumerate() {
        let until = share_of(deadline, addresses.len() - tried);
        let attempt = match turn(address, until) {
            Some(turn) => attempt(address, until).map(|stream| (stream, turn)),
            None => Err(ErrorKind::TimedOut.into()),
        };
        match attempt {
            Ok(connected) => return Ok(connected),
            Err(error) => failures.push((address, error)),
        }
    }
    // RFC 6455 §4.1/k
    Err(most_telling(host, &failures))
}

fn attempt(address: SocketAddr, until: Instant) -> io::Result<TcpStream> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(ErrorKind::TimedOut.into());
    }
    TcpStream::connect_timeout(&address, left)
}

/// The families in turn, beginning with the one that the resolver likes best (RFC 8305 §4).
fn interleave(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second) = (
        addresses.iter().filter(|it| it.is_ipv6() == first_is_v6),
        addresses.iter().filter(|it| it.is_ipv6() != first_is_v6),
    );
    let mut mixed = Vec::with_capacity(addresses.len());
    while mixed.len() < addresses.len() {
        mixed.extend(first.next().into_iter().chain(second.next()));
    }
    mixed
}

/// When the next of `remaining` attempts shall be over: each has the same part of what is left, and time for two round
/// trips on a bad day.
fn share_of(deadline: Instant, remaining: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    let parts = u32::try_from(remaining).unwrap_or(u32::MAX).max(1);
    now + (left / parts).max(MIN_SHARE.min(left))
}

/// One error for all of them. "Refused" tells more than "timed out" or "there is no IPv6 here".
fn most_telling(host: &str, failures: &[(SocketAddr, io::Error)]) -> Error {
    let Some((_, last)) = failures.last() else {
        return Error::InvalidArgument(format!("the host {host} has no address"));
    };
    let says_little = [
        ErrorKind::TimedOut,
        ErrorKind::NetworkUnreachable,
        ErrorKind::HostUnreachable,
        ErrorKind::AddrNotAvailable,
    ];
    let telling = failures.iter().map(|(_, error)| error.kind()).rfind(|kind| !says_little.contains(kind));
    let kind = telling.unwrap_or(last.kind());
    if kind == ErrorKind::TimedOut {
        return Error::Timeout(Timeout::Handshake);
    }
    let tried: Vec<_> = failures.iter().map(|(address, error)| format!("{address}: {error}")).collect();
    io::Error::new(kind, format!("no connection to {host} ({})", tried.join("; "))).into()
}

/// Time for an attempt, however many addresses there are.
const MIN_SHARE: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn addresses(of: &[&str]) -> Vec<SocketAddr> {
        of.iter().map(|address| address.parse().unwrap()).collect()
    }

    fn in_seconds(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    /// An address where nobody listens, and the socket that keeps it so.
    fn refusing(address: &str) -> (socket2::Socket, SocketAddr) {
        let address: SocketAddr = address.parse().unwrap();
        let socket =
            socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None).unwrap();
        socket.bind(&address.into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        (socket, address)
    }

    /// An address that answers nothing, for its queue of connections is full.
    fn black_hole() -> (socket2::Socket, Vec<socket2::Socket>, SocketAddr) {
        let (socket, address) = refusing("127.0.0.1:0");
        socket.listen(1).unwrap();
        let filling = (0..8)
            .map(|_| {
                let one = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
                one.set_nonblocking(true).unwrap();
                let _ = one.connect(&address.into());
                one
            })
            .collect();
        (socket, filling, address)
    }

    #[test]
    fn families_take_turns_and_the_first_stays_the_first() {
        let mixed = interleave(&addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(mixed, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        let mixed = interleave(&addresses(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]));
        assert_eq!(mixed, addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]));
        assert_eq!(interleave(&[]), []);
    }

    #[test]
    fn each_attempt_has_a_fair_share() {
        let about = |until: Instant, seconds: f64| {
            let left = until.saturating_duration_since(Instant::now()).as_secs_f64();
            assert!((seconds - 1.0..=seconds).contains(&left), "{left} is not about {seconds}");
        };
        about(share_of(in_seconds(60), 3), 20.0);
        about(share_of(in_seconds(60), 1), 60.0);
        about(share_of(in_seconds(60), 100_000), 0.25);
        assert!(share_of(Instant::now(), 3) <= Instant::now());
    }

    #[test]
    fn an_address_that_refuses_or_is_silent_leads_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let (_refusing, refused) = refusing("127.0.0.1:0");
        let (_hole, _filling, silent) = black_hole();
        let mut asked = Vec::new();
        let (stream, turn) = connect("a.example", &[refused, silent, open], in_seconds(4), |address, _| {
            asked.push(address);
            Some(address)
        })
        .unwrap();
        assert_eq!((stream.peer_addr().unwrap(), turn), (open, open));
        assert_eq!(asked, [refused, silent, open]);
    }

    #[test]
    fn the_error_is_the_most_telling_and_names_all() {
        let (_refusing, refused) = refusing("127.0.0.1:0");
        let (_hole, _filling, silent) = black_hole();
        let soon = || Instant::now() + Duration::from_millis(600);
        let Err(Error::Io(error)) = connect("a.example", &[refused, silent], soon(), |_, _| Some(())) else {
            panic!("no error of the network");
        };
        // RFC 6455 §4.1/k
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let text = error.to_string();
        for part in ["a.example".into(), refused.to_string(), silent.to_string()] {
            assert!(text.contains(&part), "{text} does not name {part}");
        }
        let silence = connect("a.example", &[silent], soon(), |_, _| Some(()));
        assert!(matches!(silence, Err(Error::Timeout(Timeout::Handshake))), "{silence:?}");
        assert!(matches!(connect("a.example", &[], soon(), |_, _| Some(())), Err(Error::InvalidArgument(_))));
    }

    #[test]
    fn a_turn_that_does_not_come_is_an_attempt_that_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let (_refusing, taken) = refusing("127.0.0.1:0");
        let (stream, ()) = connect("a.example", &[taken, open], in_seconds(20), |address, _| {
            (address == open).then_some(())
        })
        .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
    }

    #[test]
    fn a_resolver_that_hangs_is_left_behind_at_the_deadline() {
        let (release, released) = mpsc::channel::<()>();
        let resolve = move || {
            let _ = released.recv();
            Ok(Vec::new())
        };
        let result = look_up_by(resolve, Instant::now() + Duration::from_millis(50));
        assert!(matches!(result, Err(Error::Timeout(Timeout::Handshake))), "{result:?}");
        drop(release);
    }

    #[test]
    fn an_address_needs_no_resolver_and_a_failure_names_the_host() {
        assert_eq!(look_up("::1", 80, Instant::now()).unwrap(), addresses(&["[::1]:80"]));
        // No resolver takes a NUL, so this asks nobody.
        let error = look_up("no-such\0host", 80, in_seconds(60)).unwrap_err();
        assert!(error.to_string().contains("no-such\0host was not found"), "{error}");
    }
}
