//! The share of a CPU that Lambda gives a function of a certain memory size, by a control group.

use std::fs;
use std::path::PathBuf;

/// Lambda gives one whole CPU at this many MB.
const MB_OF_A_CPU: u64 = 1769;

/// How often the share is given out anew.
const PERIOD_US: u64 = 20_000;

/// A control group with a quota, which ends with this.
pub struct Quota(PathBuf);

impl Quota {
    /// The quota of a function with so many MB; `None` where control groups cannot be made.
    pub fn of_memory(mb: u64) -> Option<Self> {
        let share = PERIOD_US * mb / MB_OF_A_CPU;
        let name = format!("performance-{}", std::process::id());
        // The first generation has a hierarchy of its own for each controller.
        let [first, second] = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"].map(|base| PathBuf::from(base).join(&name));
        if fs::create_dir(&first).is_ok() {
            let quota = Self(first);
            quota.write("cpu.cfs_period_us", PERIOD_US.to_string())?;
            quota.write("cpu.cfs_quota_us", share.to_string())?;
            return Some(quota);
        }
        fs::create_dir(&second).ok()?;
        let quota = Self(second);
        quota.write("cpu.max", format!("{share} {PERIOD_US}"))?;
        Some(quota)
    }

    /// Puts a process under the quota for the rest of its life.
    pub fn hold(&self, pid: u32) {
        self.write("cgroup.procs", pid.to_string()).expect("a control group of our own");
    }

    fn write(&self, file: &str, text: String) -> Option<()> {
        fs::write(self.0.join(file), text).ok()
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        // Its processes have ended; if one lingers, an empty group remains.
        let _ = fs::remove_dir(&self.0);
    }
}
