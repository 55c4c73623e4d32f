//! Processes: pinned to a CPU, and killed on every way out.
//!
//! A [`Process`] kills its child when it is dropped. Ctrl-C and SIGTERM do not drop anything, so every child is in a list
//! as well, which the signal's handler works off. Only children of this program are ever killed, by their handle.

use clearsocket_peers::Result;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where server and generator run.
#[derive(Debug)]
pub struct Cpus {
    /// The server's CPU.
    pub server: usize,
    /// The generator's.
    pub generator: usize,
    all: CpuSet,
}

/// Finds two CPUs, permits as many open files as the system allows, and sees to it that nothing is left running.
pub fn prepare() -> Result<Cpus> {
    let files = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, rustix::process::Rlimit { current: files.maximum, ..files });
    ctrlc::set_handler(|| {
        // Kept locked until the end: no further process is started.
        let children = lock(&CHILDREN);
        children.iter().for_each(|child| kill(child));
        std::process::exit(130);
    })?;
    let all = sched_getaffinity(None)?;
    let mut usable = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu));
    match (usable.next(), usable.next()) {
        (Some(server), Some(generator)) => Ok(Cpus { server, generator, all }),
        _ => Err("two CPUs are wanted, one for the server and one for the generator".into()),
    }
}

impl Cpus {
    /// Starts a process on one CPU.
    pub fn start_on(&self, cpu: usize, command: &mut Command) -> Result<Process> {
        let mut one = CpuSet::new();
        one.set(cpu);
        // A child inherits the CPUs of the thread that starts it.
        sched_setaffinity(None, &one)?;
        let process = Process::start(command);
        sched_setaffinity(None, &self.all)?;
        process
    }
}

/// A child, killed when this is dropped.
pub struct Process {
    child: Arc<Mutex<Child>>,
    pid: u32,
}

impl Process {
    /// Starts a process wherever the system likes.
    pub fn start(command: &mut Command) -> Result<Process> {
        let mut children = lock(&CHILDREN);
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| format!("{}: {error}", command.get_program().display()))?;
        let pid = child.id();
        let child = Arc::new(Mutex::new(child));
        children.push(child.clone());
        Ok(Process { child, pid })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&self) -> bool {
        !matches!(lock(&self.child).try_wait(), Ok(None))
    }

    /// Waits for its end, and gives what it printed; its last words as an error if it failed.
    pub fn output(self) -> Result<String> {
        let pipes = {
            let mut child = lock(&self.child);
            (child.stdout.take(), child.stderr.take())
        };
        let (mut output, mut errors) = (String::new(), String::new());
        if let Some(mut stdout) = pipes.0 {
            stdout.read_to_string(&mut output)?;
        }
        if let Some(mut stderr) = pipes.1 {
            stderr.read_to_string(&mut errors)?;
        }
        match lock(&self.child).wait()?.success() {
            true => Ok(output),
            false => Err(errors.trim().lines().last().unwrap_or("no word").to_string().into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        kill(&self.child);
        lock(&CHILDREN).retain(|child| !Arc::ptr_eq(child, &self.child));
    }
}

fn kill(child: &Mutex<Child>) {
    let mut child = lock(child);
    let _ = child.kill(); // does nothing to one that has been waited for
    let _ = child.wait();
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that run.
static CHILDREN: Mutex<Vec<Arc<Mutex<Child>>>> = Mutex::new(Vec::new());
