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

    /// The id of the `theme-color` of a shade, light or dark.
    #[must_use]
    pub const fn bar_id(self) -> &'static str {
        match self {
            Self::Dark => "bars-dark",
            _ => "bars-light",
        }
    }

    /// The media of the `theme-color` of a shade, light or dark, which the browser gives to its own bars: when the device
    /// is so, or by this choice always or never.
    #[must_use]
    pub fn bar_media(self, shade: Self) -> &'static str {
        match (self, shade) {
            (Self::System, Self::Dark) => "(prefers-color-scheme: dark)",
            (Self::System, _) => "(prefers-color-scheme: light)",
            _ if self == shade => "all",
            _ => "not all",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_shade_of_the_bars_holds_at_a_time() {
        let media = |theme: Theme| [Theme::Light, Theme::Dark].map(|shade| theme.bar_media(shade));
        let device = ["(prefers-color-scheme: light)", "(prefers-color-scheme: dark)"];
        assert_eq!(media(Theme::System), device);
        assert_eq!(media(Theme::Light), ["all", "not all"]);
        assert_eq!(media(Theme::Dark), ["not all", "all"]);
    }
}
