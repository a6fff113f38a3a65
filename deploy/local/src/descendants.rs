//! Ending a process together with what it started.

use std::time::Duration;

use crate::{Process, Signal, mark_of, process::children_of, wait_until};

/// Longest wait for the end of what was killed.
const KILLED: Duration = Duration::from_secs(10);

impl Process {
    /// Asks it and all that it started to end with `signal`; what has not within `bound` is killed. Says whether all have
    /// ended; one that belongs to another user cannot be signalled and may go on.
    ///
    /// What they start while being asked is missed, and so is what has lost its parent before.
    pub fn end_with_descendants(&mut self, signal: Signal, bound: Duration) -> bool {
        let mut below = descendants_of(self.pid());
        for (signal, bound) in [(signal, bound), (Signal::KILL, KILLED)] {
            // One may be another user's: what counts is who is left in the end.
            drop(self.signal(signal));
            for process in &mut below {
                drop(process.signal(signal));
            }
            if wait_until(bound, || !self.is_alive() && !below.iter_mut().any(Process::is_alive)) {
                return true;
            }
        }
        false
    }
}

/// Its children, theirs, and so on.
fn descendants_of(pid: u32) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for child in children_of(parent) {
            if let Some(process) = mark_of(child).and_then(|mark| Process::attach(child, &mark)) {
                parents.push(child);
                found.push(process);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const BOUND: Duration = Duration::from_secs(60);

    #[test]
    fn grandchildren_end_too() {
        // The second ignores the signal.
        let script = "sh -c 'sleep 601; true' & trap '' TERM; sh -c 'sleep 602; true' & wait; wait";
        let mut shell = Process::spawn(Command::new("sh").args(["-c", script])).unwrap();
        assert!(wait_until(BOUND, || descendants_of(shell.pid()).len() == 4));
        let mut below = descendants_of(shell.pid());
        assert!(shell.end_with_descendants(Signal::TERM, Duration::from_secs(1)));
        assert!(!shell.is_alive() && !below.iter_mut().any(Process::is_alive));
    }
}
