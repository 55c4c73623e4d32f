//! sans-I/O handshake
