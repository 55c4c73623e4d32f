//! The tests' authority, its certificate for `localhost`, and where the peers find them.

use crate::install;
use crate::tls_peer::{Identity, TRUSTED};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub static LOCALHOST: LazyLock<Identity> = LazyLock::new(|| {
    // Some versions of Python insist on it.
    TRUSTED.issue(&["localhost"], |params| params.use_authority_key_identifier_extension = true)
});

/// The folder with `ca.pem`, `cert.pem` and `key.pem`.
pub fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let folder = install::folder().join("certificates");
        fs::create_dir_all(&folder).expect("the target directory can be written");
        let files = [("ca", &TRUSTED.pem()), ("cert", &LOCALHOST.certificate), ("key", &LOCALHOST.key)];
        for (name, pem) in files {
            fs::write(folder.join(name).with_extension("pem"), pem)
                .expect("the target directory can be written");
        }
        folder
    });
    &FOLDER
}
