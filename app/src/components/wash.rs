//! The wash of a price that changed.

/// Which way the last change of a price went; the number tells one wash from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Wash {
    up: bool,
    count: u32,
    over: bool,
    cleared: bool,
}

impl Wash {
    /// The wash of the next change.
    #[must_use]
    pub fn next(self, up: bool) -> Self {
        Self { up, count: self.count.wrapping_add(1), over: false, cleared: false }
    }

    /// This wash after its animation. A class that stayed would start it anew when its row is moved by a sort.
    #[must_use]
    pub fn ended(self) -> Self {
        Self { over: true, ..self }
    }

    /// The classes of a price in the table. Two names for one animation take turns, for a class that stays starts nothing.
    #[must_use]
    pub fn cell_class(self) -> &'static str {
        self.choose([
            "num price",
            "num price wash-up-even",
            "num price wash-up-odd",
            "num price wash-down-even",
            "num price wash-down-odd",
        ])
    }

    /// The classes of the price on a coin's page.
    #[must_use]
    pub fn big_class(self) -> &'static str {
        self.choose(["big", "big wash-up-even", "big wash-up-odd", "big wash-down-even", "big wash-down-odd"])
    }

    /// Whether its classes are to go: its animation is over, and this was not said yet.
    #[must_use]
    pub fn clear(&mut self) -> bool {
        let is_due = self.over && !self.cleared;
        self.cleared |= is_due;
        is_due
    }

    fn choose(self, [none, up_even, up_odd, down_even, down_odd]: [&'static str; 5]) -> &'static str {
        match (self.up, self.count.is_multiple_of(2)) {
            _ if self.count == 0 || self.over => none,
            (true, true) => up_even,
            (true, false) => up_odd,
            (false, true) => down_even,
            (false, false) => down_odd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_starts_a_wash_of_another_name_and_its_end_takes_it_away() {
        let first = Wash::default();
        assert_eq!(first.cell_class(), "num price");
        let second = first.next(true);
        assert_eq!(second.cell_class(), "num price wash-up-odd");
        assert_eq!(second.next(true).big_class(), "big wash-up-even");
        assert_eq!(second.ended().cell_class(), "num price");
        assert_eq!(second.ended().next(false).cell_class(), "num price wash-down-even");
    }

    #[test]
    fn its_classes_go_once_after_its_end() {
        let mut wash = Wash::default().next(true);
        assert!(!wash.clear(), "it is under way");
        wash = wash.ended();
        assert_eq!((wash.clear(), wash.clear()), (true, false));
        wash = wash.next(true);
        assert!(!wash.clear());
    }
}
