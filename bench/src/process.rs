//! One process of a provider: the CPU time it took, its peak memory, and when it is idle.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// A process is idle if it has taken no CPU time for this long and is not ready to run.
const QUIET: Duration = Duration::from_millis(3);

/// A running process; it is killed on drop.
pub(crate) struct Process {
    child: Child,
    clock: ClockId,
    log: PathBuf,
}

impl Process {
    /// Starts it. Its output goes to a file, since on Lambda it goes to a pipe that nobody waits for.
    pub(crate) fn spawn(command: &mut Command, log: &Path) -> io::Result<Self> {
        let file = fs::File::create(log)?;
        let child = command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).spawn()?;
        let clock = clock_getcpuclockid(pid(&child))?;
        Ok(Self { child, clock, log: log.to_owned() })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The CPU time of all its threads, including those that have ended.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        Ok(clock_gettime(self.clock)?.into())
    }

    /// Its peak memory, in KiB.
    pub(crate) fn peak_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        kib.ok_or_else(|| io::Error::other("no VmHWM in the process's status"))
    }

    /// Waits until it is idle. A process that its quota throttles is not idle: it is ready to run.
    pub(crate) async fn rest(&self) -> io::Result<()> {
        loop {
            let before = self.cpu()?;
            tokio::time::sleep(QUIET).await;
            if self.cpu()? == before && !self.is_ready()? {
                return Ok(());
            }
        }
    }

    /// Whether one of its threads runs or is ready to.
    fn is_ready(&self) -> io::Result<bool> {
        for task in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            // A thread may end between the two reads.
            let stat = fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
            let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
            if state == Some('R') {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How it ended, with the end of its output; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!("the process ended: {status}\n{}", self.printed()))
    }

    /// The end of its output.
    pub(crate) fn printed(&self) -> String {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        text.char_indices().rev().nth(2_000).map_or(text.clone(), |(start, _)| text[start..].to_owned())
    }

    /// Sends SIGTERM and waits, so that a program that wraps it writes its report.
    pub(crate) fn terminate(mut self) -> io::Result<()> {
        kill(pid(&self.child), Signal::SIGTERM)?;
        let status = self.child.wait()?;
        match status.signal() {
            Some(signal) if signal == Signal::SIGTERM as i32 => Ok(()),
            _ => Err(io::Error::other(format!("it did not end by the signal: {status}\n{}", self.printed()))),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().cast_signed())
}
