//! The wash of a price that changed.

/// Which way the last change of a price went; the number tells one wash from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wash {
    up: bool,
    count: u32,
    over: bool,
}

impl Wash {
    /// The wash of the next change.
    #[must_use]
    pub fn next(self, up: bool) -> Self {
        Self { up, count: self.count.wrapping_add(1), over: false }
    }

    /// This wash after its animation. A class that stayed would start it anew when its row is moved by a sort.
    #[must_use]
    pub fn ended(self) -> Self {
        Self { over: true, ..self }
    }

    /// The class that starts the wash. Two names for one animation take turns, for a class that stays starts nothing.
    #[must_use]
    pub fn class(self) -> &'static str {
        match (self.count, self.up) {
            (0, _) => "",
            _ if self.over => "",
            (n, true) if n % 2 == 0 => "wash-up-even",
            (_, true) => "wash-up-odd",
            (n, false) if n % 2 == 0 => "wash-down-even",
            (_, false) => "wash-down-odd",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_starts_a_wash_of_another_name_and_its_end_takes_it_away() {
        let first = Wash::default();
        assert_eq!(first.class(), "");
        let second = first.next(true);
        assert_eq!(second.class(), "wash-up-odd");
        assert_eq!(second.next(true).class(), "wash-up-even");
        assert_eq!(second.ended().class(), "");
        assert_eq!(second.ended().next(false).class(), "wash-down-even");
    }
}
