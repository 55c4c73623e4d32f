//! What the TLS tests share: an authority of their own, and a peer that knows `rustls` and raw frames, and none of our code.
//!
//! Certificates are made when a test runs, so none can expire.

#![allow(dead_code)]

use super::common::frame::{Frame, read_frame};
use super::common::raw_peer::{DEADLINE, accept_for, header, request};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clearsocket::rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use clearsocket::rustls::pki_types::pem::PemObject;
use clearsocket::rustls::pki_types::{CertificateDer, ServerName};
use clearsocket::rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};
use clearsocket::{Client, Role, tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PublicKeyData};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};

/// The authority that the tests trust.
pub static TRUSTED: LazyLock<Authority> = LazyLock::new(|| Authority::new("the tests' authority"));

/// A server at 127.0.0.1, `localhost` and `chat.example`.
pub static SERVER: LazyLock<Identity> =
    LazyLock::new(|| TRUSTED.issue(&["127.0.0.1", "localhost", "chat.example"], |_| {}));

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let mut params = params(&[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Authority(CertifiedIssuer::self_signed(params, key()).expect("an authority"))
    }

    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (mut params, key) = (params(names), key());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Trusts this authority and nobody else.
    pub fn client_config(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).expect("PEM")).expect("a root");
        tls::client_config(roots).expect("a configuration")
    }
}

impl Identity {
    /// Nobody vouches for it but itself.
    pub fn self_signed(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let (mut params, key) = (params(names), key());
        change(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate");
        Identity { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// The paths of two files, for the options `--tls-cert` and `--tls-key`. `name` is the test's.
    pub fn files(&self, name: &str) -> [String; 2] {
        [("cert", &self.certificate), ("key", &self.key)].map(|(what, pem)| {
            let path = format!("{}/{name}-{what}-{}.pem", env!("CARGO_TARGET_TMPDIR"), std::process::id());
            std::fs::write(&path, pem).expect("write");
            path
        })
    }

    /// What a browser is told so that it takes this certificate and no other: the SHA-256 of its public key, in base64.
    pub fn public_key_hash(&self) -> String {
        let key = KeyPair::from_pem(&self.key).expect("a key").subject_public_key_info();
        let suite = TLS13_AES_128_GCM_SHA256.tls13().expect("TLS 1.3");
        BASE64_STANDARD.encode(suite.common.hash_provider.hash(&key))
    }

    pub fn config(&self) -> Arc<ServerConfig> {
        tls::server_config(self.certificate.as_bytes(), self.key.as_bytes()).expect("a configuration")
    }
}

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    CertificateParams::new(names).expect("names")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

/// Our client, which trusts the tests' authority.
pub fn client() -> Client {
    Client::new().tls(TRUSTED.client_config())
}

/// How a direction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsEnd {
    /// In order, with a close_notify.
    CloseNotify,
    /// TCP has ended and TLS had not.
    Truncated,
    Reset,
}

/// The other end of a TLS connection, which plays `role`.
pub struct TlsPeer {
    pub tls: Connection,
    pub tcp: TcpStream,
    role: Role,
    buffer: Vec<u8>,
}

impl TlsPeer {
    fn new(tls: impl Into<Connection>, tcp: TcpStream, role: Role) -> TlsPeer {
        tcp.set_read_timeout(Some(DEADLINE)).expect("set_read_timeout");
        tcp.set_write_timeout(Some(DEADLINE)).expect("set_write_timeout");
        tcp.set_nodelay(true).expect("set_nodelay");
        TlsPeer { tls: tls.into(), tcp, role, buffer: Vec::new() }
    }

    /// A client that has nothing but TCP yet.
    pub fn tcp(address: SocketAddr) -> TlsPeer {
        TlsPeer::over(TcpStream::connect(address).expect("connect"))
    }

    fn over(tcp: TcpStream) -> TlsPeer {
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = ClientConnection::new(TRUSTED.client_config(), name).expect("a client");
        TlsPeer::new(tls, tcp, Role::Client)
    }

    /// A client that has not sent its request yet.
    pub fn encrypted(address: SocketAddr) -> TlsPeer {
        TlsPeer::client(TcpStream::connect(address).expect("connect"))
    }

    /// The same over this connection.
    pub fn client(tcp: TcpStream) -> TlsPeer {
        let mut peer = TlsPeer::over(tcp);
        peer.shake_hands().expect("a TLS handshake");
        peer
    }

    /// A client with an open WebSocket.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> TlsPeer {
        let mut peer = TlsPeer::encrypted(address);
        peer.write(request(address, "/", "").as_bytes());
        let head = peer.read_head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        peer
    }

    /// A server that has nothing but TCP yet.
    pub fn server(tcp: TcpStream, identity: &Identity) -> TlsPeer {
        TlsPeer::new(ServerConnection::new(identity.config()).expect("a server"), tcp, Role::Server)
    }

    /// A server with an open WebSocket.
    #[track_caller]
    pub fn accept(tcp: TcpStream) -> TlsPeer {
        let mut peer = TlsPeer::server(tcp, &SERVER);
        peer.shake_hands().expect("a TLS handshake");
        let head = peer.read_head();
        let accept = accept_for(header(&head, "Sec-WebSocket-Key").expect("a request has a key"));
        peer.write(
            format!(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: {accept}\r\n\r\n"
            )
            .as_bytes(),
        );
        peer
    }

    pub fn shake_hands(&mut self) -> io::Result<()> {
        while self.tls.is_handshaking() {
            self.tls.complete_io(&mut self.tcp)?;
        }
        Ok(())
    }

    #[track_caller]
    pub fn write(&mut self, bytes: &[u8]) {
        self.encrypt(bytes);
        self.flush();
    }

    /// What would go over TCP, instead.
    pub fn encrypted_bytes(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.encrypt(bytes);
        let mut records = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut records).expect("memory");
        }
        records
    }

    fn encrypt(&mut self, bytes: &[u8]) {
        self.tls.set_buffer_limit(None);
        self.tls.writer().write_all(bytes).expect("memory");
    }

    #[track_caller]
    pub fn flush(&mut self) {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.tcp).expect("write");
        }
    }

    /// Sends a frame, masked if this is a client.
    #[track_caller]
    pub fn send(&mut self, frame: Frame) {
        let to = if self.role == Role::Client { Role::Server } else { Role::Client };
        self.write(&frame.sent_to(to).bytes());
    }

    /// The next frame, without its mask.
    #[track_caller]
    pub fn read(&mut self) -> Frame {
        self.read_frame().unwrap_or_else(|end| panic!("{end:?} instead of a frame"))
    }

    /// The next frame, without its mask, or how the connection ended.
    #[track_caller]
    pub fn read_frame(&mut self) -> Result<Frame, TlsEnd> {
        loop {
            if let Some((frame, len)) = read_frame(&self.buffer) {
                self.buffer.drain(..len);
                return Ok(Frame { mask: None, ..frame });
            }
            self.read_more()?;
        }
    }

    #[track_caller]
    pub fn read_head(&mut self) -> String {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            self.read_more().expect("a head");
        }
    }

    /// Everything up to the end, and what that was.
    #[track_caller]
    pub fn read_to_end(&mut self) -> (Vec<u8>, TlsEnd) {
        loop {
            if let Err(end) = self.read_more() {
                return (std::mem::take(&mut self.buffer), end);
            }
        }
    }

    #[track_caller]
    fn read_more(&mut self) -> Result<(), TlsEnd> {
        let mut chunk = [0; 16 << 10];
        loop {
            match self.tls.reader().read(&mut chunk) {
                Ok(0) => return Err(TlsEnd::CloseNotify),
                Ok(n) => {
                    self.buffer.extend(&chunk[..n]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(TlsEnd::Truncated),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            match self.tls.read_tls(&mut self.tcp) {
                Ok(_) => drop(self.tls.process_new_packets().expect("good records")),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Err(TlsEnd::Reset),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("nothing came from the peer within {DEADLINE:?}: {error}"),
            }
        }
    }

    /// Ends TLS in order, and then TCP, in this direction.
    #[track_caller]
    pub fn close_notify(&mut self) {
        self.tls.send_close_notify();
        self.flush();
        self.tcp.shutdown(Shutdown::Write).expect("shutdown");
    }

    /// Ends TCP in this direction, and not TLS: so would somebody on the way who wants to cut off the rest.
    pub fn truncate(&mut self) {
        self.tcp.shutdown(Shutdown::Write).expect("shutdown");
    }
}
