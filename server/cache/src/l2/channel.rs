//! Whether messages between processes go through, apart from the nodes' connections: a user may be allowed to read and write
//! and not to use channels, as every user of Redis 7 that is not given any.

use parking_lot::Mutex;

use super::refusals::Refusals;

/// Messages that are refused while the nodes are connected.
#[derive(Debug, Default)]
pub(super) struct Channel {
    sent: Mutex<Refusals>,
    heard: Mutex<Refusals>,
}

impl Channel {
    pub fn note_sent(&self) {
        if self.sent.lock().end() {
            tracing::info!("announcements to other processes are sent again");
        }
    }

    pub fn note_not_sent(&self, why: &str) {
        if self.sent.lock().note(why) {
            tracing::warn!(error = why, "announcements to other processes cannot be sent: {why}");
        }
    }

    pub fn note_heard(&self) {
        // It is subscribed: what comes next is heard.
        if self.heard.lock().end_now() {
            tracing::info!("announcements of other processes can be heard again");
        }
    }

    pub fn note_not_heard(&self, why: &str) {
        if self.heard.lock().note(why) {
            tracing::warn!(
                error = why,
                "announcements of other processes cannot be heard: subscribing to the channel fails: {why}"
            );
        }
    }

    /// Why messages do not go through, if they have not for a while.
    pub fn trouble(&self) -> Option<String> {
        let not_sent = self.sent.lock().reason().map(|why| format!("announcements cannot be sent: {why}"));
        not_sent
            .or_else(|| self.heard.lock().reason().map(|why| format!("announcements cannot be heard: {why}")))
    }
}
