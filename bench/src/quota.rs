//! The CPU quota of a function with 128 MB, 1.45 ms in every 20 ms, enforced by a cgroup of either version.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Lambda gives a whole CPU for 1,769 MB, so 128 MB have 7.24 % of one.
const QUOTA_US: u64 = 1_450;
const PERIOD_US: u64 = 20_000;

/// A cgroup with the quota, for one process: the next process would have to pay back what one took beyond the quota. Removed on
/// drop.
pub(crate) struct Quota {
    folder: PathBuf,
}

impl Quota {
    /// Creates the cgroup.
    pub(crate) fn new() -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let name = format!("bench-cfn-ssm-document-{}-{number}", std::process::id());
        let (one, two) = (Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup"));
        if one.join("cpu.cfs_quota_us").exists() || one.join("cpu.cfs_period_us").exists() || one.join("tasks").exists()
        {
            let quota = Self::folder(one.join(name))?;
            fs::write(quota.folder.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
            fs::write(quota.folder.join("cpu.cfs_quota_us"), QUOTA_US.to_string())?;
            return Ok(quota);
        }
        if !two.join("cgroup.controllers").exists() {
            return Err(io::Error::other("no cgroups with the cpu controller at /sys/fs/cgroup"));
        }
        let enabled = fs::read_to_string(two.join("cgroup.subtree_control"))?;
        if !enabled.split_whitespace().any(|controller| controller == "cpu") {
            fs::write(two.join("cgroup.subtree_control"), "+cpu")?;
        }
        let quota = Self::folder(two.join(name))?;
        fs::write(quota.folder.join("cpu.max"), format!("{QUOTA_US} {PERIOD_US}"))?;
        Ok(quota)
    }

    /// Fails if this machine or user can't create one.
    pub(crate) fn is_possible() -> io::Result<()> {
        Self::new().map(drop)
    }

    fn folder(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir(&folder)?;
        Ok(Self { folder })
    }

    /// Puts a process under it, with all its threads.
    pub(crate) fn apply(&self, process: u32) -> io::Result<()> {
        fs::write(self.folder.join("cgroup.procs"), process.to_string())
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // The folder can be removed once its last process has ended, which was killed just before.
        fs::remove_dir(&self.folder).ok();
    }
}
