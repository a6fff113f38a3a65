//! Theme, and the colours of rise and fall.

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The value of the cookie, of `?theme=` and of `data-theme`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

/// The colour of a rise; a fall has the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rising {
    /// Green up, red down.
    #[default]
    Green,
    /// Red up, green down, as in East Asia.
    Red,
}

impl Rising {
    /// Both, in the order of the menu.
    pub const ALL: [Self; 2] = [Self::Green, Self::Red];

    /// The value of the cookie, of `?rising=` and of `data-rising`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rising| rising.as_str() == text)
    }
}
