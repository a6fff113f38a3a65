//! What a subscription has received and nobody has taken yet.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Messages that wait at most.
const CAPACITY: usize = 1_024;

/// What a subscription tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// Subscribed: from here on messages arrive.
    Up,
    /// Not subscribed any more, and why: messages are being missed.
    Down(String),
    /// A message.
    Message(Vec<u8>),
    /// Messages came faster than they were taken, and some were dropped here.
    Lost,
}

/// A bounded queue of events. Never blocks who puts something in.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    queue: Mutex<VecDeque<Event>>,
    filled: Notify,
}

impl Inbox {
    /// Adds a message, or `Lost` once in place of all that find no room.
    pub fn message(&self, payload: Vec<u8>) {
        let mut queue = self.queue.lock();
        if queue.len() < CAPACITY {
            queue.push_back(Event::Message(payload));
        } else if queue.back() != Some(&Event::Lost) {
            queue.push_back(Event::Lost);
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// Adds `Up` or `Down`. When nobody takes anything for long, what is between an older pair and this is left out: the
    /// last one counts.
    pub fn state(&self, event: Event) {
        let mut queue = self.queue.lock();
        if queue.len() > CAPACITY {
            queue.truncate(CAPACITY);
            queue.push_back(Event::Lost);
        }
        queue.push_back(event);
        drop(queue);
        self.filled.notify_one();
    }

    /// The next event; waits for one.
    pub async fn next(&self) -> Event {
        loop {
            let filled = self.filled.notified();
            if let Some(event) = self.queue.lock().pop_front() {
                return event;
            }
            filled.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_is_said_once_and_state_gets_through() {
        let inbox = Inbox::default();
        inbox.state(Event::Up);
        for i in 0..CAPACITY + 10 {
            inbox.message(vec![u8::try_from(i % 256).expect("a byte")]);
        }
        for _ in 0..10_000 {
            inbox.state(Event::Down("x".into()));
            inbox.state(Event::Up);
        }
        assert!(inbox.queue.lock().len() < CAPACITY + 4, "bounded");
        assert_eq!(inbox.next().await, Event::Up);
        for i in 0..CAPACITY - 1 {
            assert_eq!(inbox.next().await, Event::Message(vec![u8::try_from(i % 256).expect("a byte")]));
        }
        assert_eq!(inbox.next().await, Event::Lost);
        let mut last = inbox.next().await;
        while !inbox.queue.lock().is_empty() {
            last = inbox.next().await;
        }
        assert_eq!(last, Event::Up);
        inbox.message(vec![7]);
        assert_eq!(inbox.next().await, Event::Message(vec![7]));
    }
}
