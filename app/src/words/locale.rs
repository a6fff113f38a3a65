//! The languages of the pages.

/// A language, with its ways of writing numbers and dates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Chinese in simplified characters, as in mainland China.
    ZhCn,
}

impl Locale {
    /// All of them, in the order of the switch.
    pub const ALL: [Self; 2] = [Self::En, Self::ZhCn];

    /// The language tag (BCP 47): the value of `?lang=`, of the cookie and of `<html lang>`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhCn => "zh-CN",
        }
    }

    /// Its name in itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::ZhCn => "简体中文",
        }
    }

    /// A coin's name in this language; its usual English one where it has none, or where it was given another name.
    #[must_use]
    pub fn coin_name<'a>(self, symbol: &model::Symbol, name: &'a str) -> &'a str {
        let usual = model::coin_name(symbol.as_str()) == name;
        match self {
            Self::ZhCn if usual => model::coin_name_zh(symbol.as_str()).unwrap_or(name),
            Self::En | Self::ZhCn => name,
        }
    }

    /// The language of a tag, whatever its case, region or script; none of a language that there is not.
    #[must_use]
    pub fn from_tag(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default();
        match language.to_ascii_lowercase().as_str() {
            "en" => Some(Self::En),
            "zh" => Some(Self::ZhCn),
            _ => None,
        }
    }

    /// The best language for an `Accept-Language` header (RFC 9110, section 12.5.4): the one of the highest quality, the
    /// first of several; English where none fits.
    #[must_use]
    pub fn negotiate(header: &str) -> Self {
        // A header may hold anything: no more than a browser would send is looked at.
        const MOST: usize = 32;
        let mut best = (0, Self::default());
        for range in header.split(',').take(MOST) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let quality = match parameters.trim().strip_prefix("q=") {
                Some(text) => thousandths(text.trim()),
                None => 1_000,
            };
            if let Some(locale) = Self::from_tag(tag)
                && quality > best.0
            {
                best = (quality, locale);
            }
        }
        best.1
    }
}

/// A quality value (RFC 9110, section 12.4.2) in thousandths: `0.8` is 800. What is none is 0. Not by way of a float: reading
/// those takes tables that a page which does so nowhere else need not load.
fn thousandths(text: &str) -> u16 {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = rest.bytes().all(|byte| byte.is_ascii_digit()) && rest.len() <= 3;
    match whole {
        "0" if digits => format!("{rest:0<3}").parse().unwrap_or(0),
        "1" if rest.bytes().all(|byte| byte == b'0') && rest.len() <= 3 => 1_000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back() {
        for locale in Locale::ALL {
            assert_eq!(Locale::from_tag(locale.tag()), Some(locale));
        }
        assert_eq!(Locale::from_tag("ZH-hans-cn"), Some(Locale::ZhCn));
        assert_eq!(Locale::from_tag("fr"), None);
        assert_eq!(Locale::from_tag(""), None);
    }

    #[test]
    fn coins_have_the_names_of_the_language() {
        let btc = "BTC".parse().unwrap();
        assert_eq!(Locale::ZhCn.coin_name(&btc, "Bitcoin"), "比特币");
        assert_eq!(Locale::En.coin_name(&btc, "Bitcoin"), "Bitcoin");
        assert_eq!(Locale::ZhCn.coin_name(&btc, "Bitcoin of a bank"), "Bitcoin of a bank");
        assert_eq!(Locale::ZhCn.coin_name(&"LINK".parse().unwrap(), "Chainlink"), "Chainlink");
    }

    #[test]
    fn the_reader_gets_the_language_of_the_highest_quality() {
        let cases = [
            ("zh-CN,zh;q=0.9,en;q=0.8", Locale::ZhCn),
            ("en-GB,en;q=0.9,zh;q=0.8", Locale::En),
            ("fr-FR, zh;q=0.5, en;q=0.4", Locale::ZhCn),
            ("en;q=0.1,zh-TW;q=0.2", Locale::ZhCn),
            ("fr", Locale::En),
            ("", Locale::En),
            ("*", Locale::En),
            ("zh;q=oops", Locale::En),
            ("zh;q=0", Locale::En),
            ("zh;q=NaN", Locale::En),
            ("zh;q=1.1,en;q=0.1", Locale::En),
            ("en;q=0.25,zh;q=0.3", Locale::ZhCn),
            ("en;q=0.001,zh;q=1.000", Locale::ZhCn),
        ];
        for (header, locale) in cases {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }
}
