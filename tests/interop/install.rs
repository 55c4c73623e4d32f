//! What the peers need: the libraries, installed in `target/interop` by npm and pip, and the programs that run them.
//!
//! The versions stand in `package.json` and `requirements.txt` beside the scripts. What is there already in these
//! versions is not installed again.

use crate::example::target_dir;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Each is there, or could not be had for a reason.
pub struct Installed {
    /// The folder with the scripts for Node and Bun, and the libraries.
    pub npm: Result<PathBuf, String>,
    /// A Python that has the library.
    pub python: Result<PathBuf, String>,
    pub java: Result<(), String>,
}

impl Installed {
    pub fn new() -> Installed {
        fs::create_dir_all(folder()).expect("the target directory can be written");
        std::thread::scope(|scope| {
            let npm = scope.spawn(npm);
            let python = scope.spawn(python);
            let java = scope.spawn(java);
            Installed { npm: npm.join().unwrap(), python: python.join().unwrap(), java: java.join().unwrap() }
        })
    }
}

/// Where everything of this test goes.
pub fn folder() -> PathBuf {
    target_dir().join("interop")
}

/// The folder with the scripts.
pub fn scripts() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peers"))
}

/// A script is run beside the libraries, for that is where Node looks for them.
fn npm() -> Result<PathBuf, String> {
    let folder = folder().join("npm");
    there("node", "--version")?;
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    for entry in fs::read_dir(scripts()).map_err(|error| error.to_string())?.flatten() {
        fs::copy(entry.path(), folder.join(entry.file_name())).map_err(|error| error.to_string())?;
    }
    unless_done(&folder, "package.json", || {
        there("npm", "--version")?;
        let mut npm = Command::new("npm");
        run(npm.current_dir(&folder).args(["install", "--no-audit", "--no-fund", "--no-package-lock"]))
    })?;
    Ok(folder)
}

fn python() -> Result<PathBuf, String> {
    let folder = folder().join("python");
    let python = folder.join("bin/python");
    unless_done(&folder, "requirements.txt", || {
        there("python3", "--version")?;
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--requirement"]);
        run(pip.arg(scripts().join("requirements.txt")))
    })?;
    Ok(python)
}

/// A JDK that runs a program from its source, with all that the script uses.
fn java() -> Result<(), String> {
    there("java", "--version")?;
    there("javac", "--version")
}

/// Installs in `folder`, unless that was done before for the same list of libraries.
fn unless_done(
    folder: &Path,
    list: &str,
    install: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    let list = fs::read(scripts().join(list)).map_err(|error| error.to_string())?;
    let done = folder.join("installed");
    if fs::read(&done).is_ok_and(|installed| installed == list) {
        return Ok(());
    }
    install()?;
    fs::write(done, list).map_err(|error| error.to_string())
}

fn there(program: &str, question: &str) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg(question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let there = command.status().is_ok_and(|status| status.success());
    if there { Ok(()) } else { Err(format!("{program} is not installed")) }
}

/// Three attempts, for the network's sake.
fn run(command: &mut Command) -> Result<(), String> {
    let mut problem = String::new();
    for pause in [0, 3, 10] {
        std::thread::sleep(Duration::from_secs(pause));
        let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        problem = String::from_utf8_lossy(&output.stderr).trim_end().to_string();
    }
    Err(format!("{command:?} failed: {problem}"))
}
