/// Which end of a connection this is (RFC 6455 §1.2): the two differ in the handshake, in masking (§5.1) and in who
/// closes the TCP connection first (§7.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The end that connected and sent the request. It masks every frame that it sends.
    Client,
    /// The end that accepted and answered. It never masks.
    Server,
}
