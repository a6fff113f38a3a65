//! What a category promises about its entries.

use std::time::Duration;

/// The longest hard life. Clear records older than this and a day can have no living entry and are dropped.
pub const MAX_LIFE: Duration = Duration::from_secs(30 * 24 * 3600);
/// The longest lease on a load.
pub const MAX_LEASE: Duration = Duration::from_secs(60);
/// The longest time a load may take.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Which tiers a category uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tiers {
    /// Memory only.
    L1,
    /// Redis only.
    L2,
    /// Memory, then Redis.
    #[default]
    Both,
}

impl Tiers {
    pub(crate) fn has_l1(self) -> bool {
        matches!(self, Self::L1 | Self::Both)
    }

    pub(crate) fn has_l2(self) -> bool {
        matches!(self, Self::L2 | Self::Both)
    }
}

/// The policy of a category. Start from [`Policy::default`] and set what differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Soft life: past it the value is refreshed behind the reader. Default 10 s.
    pub fresh_for: Duration,
    /// Hard life: past it the value is gone. At most [`MAX_LIFE`]. Default 10 min.
    pub stale_for: Duration,
    /// Both lives are shortened by a random part of up to this fraction, so that entries written together do not expire
    /// together. 0 to 0.9. Default 0.1.
    pub jitter: f64,
    /// How long a reader with an older value at hand waits for a load that it asked for. Default 250 ms.
    pub soft_timeout: Duration,
    /// How long a load may take, its wait for a free slot included. At most [`MAX_TIMEOUT`]. Default 5 s.
    pub hard_timeout: Duration,
    /// Whether a value past its soft life answers when loading fails. Default yes.
    pub fail_safe: bool,
    /// After a failed load the key is left alone for this long; readers get the stale value or the same error.
    /// Default 1 s.
    pub retry_after: Duration,
    /// How eagerly a value is refreshed before its soft life ends, weighed by what its load costs (XFetch). 1 is the
    /// optimum of the paper, larger is earlier, 0 is never. At most 10. Default 1.
    pub refresh_ahead: f64,
    /// How long "no such thing" is remembered; zero is not at all. At most 10 min. Default 5 s.
    pub negative_for: Duration,
    /// How long other processes leave a load of the same key to the one that began it, if Redis can be asked; then one of
    /// them loads, and the others leave it to that one for as long again. Zero is not at all. At most 1 min. Default 2 s.
    pub lease_for: Duration,
    /// Whether a replica of a cluster may answer reads of entries. It may be some milliseconds behind; versions keep
    /// that from readers who ask for one, and what this process knows to be newer is never replaced. Default no.
    pub read_replicas: bool,
    /// Encoded values of more bytes than this are compressed in Redis. Default 1,536.
    pub compress_over: usize,
    /// The tiers used. Default both.
    pub tiers: Tiers,
    /// This category's part of the memory limit, relative to the parts of the others. Default 1.
    pub l1_share: u32,
    /// Whether its entries are few and large. Then its memory is one piece, and an entry may take nearly all of it. Otherwise
    /// memory is divided into pieces, so that many may write at once, and an entry larger than a piece is not kept. Default no.
    pub large_entries: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_secs(10),
            stale_for: Duration::from_secs(600),
            jitter: 0.1,
            soft_timeout: Duration::from_millis(250),
            hard_timeout: Duration::from_secs(5),
            fail_safe: true,
            retry_after: Duration::from_secs(1),
            refresh_ahead: 1.0,
            negative_for: Duration::from_secs(5),
            lease_for: Duration::from_secs(2),
            read_replicas: false,
            compress_over: 1_536,
            tiers: Tiers::Both,
            l1_share: 1,
            large_entries: false,
        }
    }
}

/// Generates the setters: one per field, same name.
macro_rules! setters {
    ($($field:ident: $type:ty),* $(,)?) => {
        impl Policy {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Policy#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! {
    fresh_for: Duration,
    stale_for: Duration,
    jitter: f64,
    soft_timeout: Duration,
    hard_timeout: Duration,
    fail_safe: bool,
    retry_after: Duration,
    refresh_ahead: f64,
    negative_for: Duration,
    lease_for: Duration,
    read_replicas: bool,
    compress_over: usize,
    tiers: Tiers,
    l1_share: u32,
    large_entries: bool,
}

impl Policy {
    /// How long a tombstone lives: longer than any load that began before it can still write.
    pub(crate) fn tombstone_for(&self) -> Duration {
        self.lease_for + self.hard_timeout + Duration::from_secs(10)
    }

    /// Checks the fields against each other. The error is the field's name and what is allowed.
    pub(crate) fn validate(&self) -> Result<(), (&'static str, String)> {
        if self.fresh_for.is_zero() {
            return Err(("fresh_for", "must be above zero".into()));
        }
        if self.stale_for < self.fresh_for {
            return Err((
                "stale_for",
                format!("{:?} is below fresh_for, {:?}", self.stale_for, self.fresh_for),
            ));
        }
        if self.stale_for > MAX_LIFE {
            return Err(("stale_for", format!("{:?} is above {MAX_LIFE:?}", self.stale_for)));
        }
        if !(0.0..=0.9).contains(&self.jitter) {
            return Err(("jitter", format!("{} is not within 0 to 0.9", self.jitter)));
        }
        if self.hard_timeout.is_zero() || self.hard_timeout > MAX_TIMEOUT {
            return Err((
                "hard_timeout",
                format!("{:?} is not above zero and at most {MAX_TIMEOUT:?}", self.hard_timeout),
            ));
        }
        if self.soft_timeout > self.hard_timeout {
            return Err((
                "soft_timeout",
                format!("{:?} is above hard_timeout, {:?}", self.soft_timeout, self.hard_timeout),
            ));
        }
        if self.retry_after > MAX_TIMEOUT {
            return Err(("retry_after", format!("{:?} is above {MAX_TIMEOUT:?}", self.retry_after)));
        }
        if !(0.0..=10.0).contains(&self.refresh_ahead) {
            return Err(("refresh_ahead", format!("{} is not within 0 to 10", self.refresh_ahead)));
        }
        if self.negative_for > MAX_TIMEOUT {
            return Err(("negative_for", format!("{:?} is above {MAX_TIMEOUT:?}", self.negative_for)));
        }
        if self.lease_for > MAX_LEASE {
            return Err(("lease_for", format!("{:?} is above {MAX_LEASE:?}", self.lease_for)));
        }
        if self.l1_share == 0 {
            return Err(("l1_share", "must be above zero; a category without memory has tiers L2".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_field() {
        let second = Duration::from_secs(1);
        let cases = [
            ("fresh_for", Policy::default().fresh_for(Duration::ZERO)),
            ("stale_for", Policy::default().stale_for(second)),
            ("stale_for", Policy::default().stale_for(MAX_LIFE + second)),
            ("jitter", Policy::default().jitter(f64::NAN)),
            ("jitter", Policy::default().jitter(1.0)),
            ("refresh_ahead", Policy::default().refresh_ahead(-1.0)),
            ("negative_for", Policy::default().negative_for(second * 601)),
            ("lease_for", Policy::default().lease_for(second * 61)),
            ("hard_timeout", Policy::default().hard_timeout(Duration::ZERO)),
            ("soft_timeout", Policy::default().soft_timeout(second * 60)),
            ("retry_after", Policy::default().retry_after(MAX_LIFE)),
            ("l1_share", Policy::default().l1_share(0)),
        ];
        assert_eq!(Policy::default().validate(), Ok(()));
        for (field, policy) in cases {
            assert_eq!(policy.validate().map_err(|e| e.0), Err(field));
        }
    }
}
