/// How far the system keeps the memory of this process to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryGuard {
    /// Nothing is written to swap: all pages are locked as soon as they are touched.
    pub locked: bool,
    /// No core dump is written, and no other process of this user reads or traces this one.
    pub private: bool,
}

impl MemoryGuard {
    /// Warns, in the log of a server, of what could not be had.
    pub fn tell(self) {
        let Self { locked, private } = self;
        if !locked {
            tracing::warn!(
                "keys in memory may be swapped out: allow locked memory, as by `ulimit -l unlimited`"
            );
        }
        if !private {
            tracing::warn!("this system may write keys in memory to a core dump: turn core dumps off");
        }
    }
}

/// Keeps the memory of this process out of core dumps, out of the reach of the user's other processes and, where the
/// limit on locked memory allows it, out of swap. Call it first of all, before there is a secret.
///
/// What could not be had is in the answer and not an error: a program goes on without it. Locking takes
/// `ulimit -l unlimited` (systemd: `LimitMEMLOCK=infinity`), as a process that reaches a lower limit would be refused
/// memory in the middle of its work.
pub fn guard_memory() -> MemoryGuard {
    system::guard()
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::{
        mm::{MlockAllFlags, mlockall},
        process::{DumpableBehavior, Resource, Rlimit, geteuid, getrlimit, set_dumpable_behavior, setrlimit},
    };

    use super::MemoryGuard;

    pub(super) fn guard() -> MemoryGuard {
        MemoryGuard { locked: lock(), private: hide() }
    }

    fn lock() -> bool {
        let limit = getrlimit(Resource::Memlock);
        if limit.current.is_some() && limit.maximum.is_none() {
            // The process may raise its own limit; if not, the next line finds it as it was.
            let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
        }
        let unlimited = getrlimit(Resource::Memlock).current.is_none() || geteuid().is_root();
        let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        unlimited && mlockall(flags).is_ok()
    }

    /// The limit alone does not hold where the system pipes core dumps into a program; not being dumpable does.
    fn hide() -> bool {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let limited = setrlimit(Resource::Core, none).is_ok();
        set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok() && limited
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::MemoryGuard;

    pub(super) fn guard() -> MemoryGuard {
        MemoryGuard { locked: false, private: false }
    }
}
