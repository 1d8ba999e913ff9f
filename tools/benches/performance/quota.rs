//! The share of a CPU that Lambda gives a function of a certain memory size, by a control group.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Lambda gives one whole CPU at this many MB.
const MB_OF_A_CPU: u64 = 1769;

/// How often the share is given out anew.
const PERIOD_US: u64 = 20_000;

/// A control group with a quota, which ends with this. Each process gets one of its own, full when the process comes into it.
pub struct Quota(PathBuf);

impl Quota {
    /// The quota of a function with so many MB.
    ///
    /// # Errors
    /// Why there can be none on this machine.
    pub fn of_memory(mb: u64) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let share = PERIOD_US * mb / MB_OF_A_CPU;
        let name = format!("performance-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        // The first generation has a hierarchy of its own for each controller.
        let first = PathBuf::from("/sys/fs/cgroup/cpu");
        let is_first = first.is_dir();
        let quota = Self(if is_first { first } else { PathBuf::from("/sys/fs/cgroup") }.join(name));
        fs::create_dir(&quota.0).map_err(|error| format!("no control group can be made: {error}"))?;
        if is_first {
            quota.write("cpu.cfs_period_us", PERIOD_US.to_string())?;
            quota.write("cpu.cfs_quota_us", share.to_string())?;
        } else {
            quota.write("cpu.max", format!("{share} {PERIOD_US}"))?;
        }
        Ok(quota)
    }

    /// Puts a process under the quota for the rest of its life.
    pub fn hold(&self, pid: u32) {
        self.write("cgroup.procs", pid.to_string()).expect("a control group of our own");
    }

    fn write(&self, file: &str, text: String) -> Result<(), String> {
        fs::write(self.0.join(file), text).map_err(|error| format!("a control group takes no {file}: {error}"))
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // Its process has ended; if it lingers, an empty group remains.
        let _ = fs::remove_dir(&self.0);
    }
}
