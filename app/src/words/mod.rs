//! Every text of the pages, in each language.
//!
//! A language is one value of [`Words`]: a text that is missing, or takes other values than its translation, does not
//! compile. The language of a page is settled by the server and stays while the page is open (see
//! [`crate::prefs::Prefs`]), so that no text need be reactive.

mod admin;
mod en;
mod locale;
mod zh_cn;

pub use admin::AdminWords;
pub use locale::Locale;

/// What the pages say in one language. Texts with values are functions; ages, times and amounts come written out.
pub struct Words {
    // The frame of every page.
    /// Link for the keyboard, past the head.
    pub skip: &'static str,
    /// Name of the navigation.
    pub main_nav: &'static str,
    /// The markets page.
    pub markets: &'static str,
    /// The page of the cache.
    pub cache: &'static str,
    /// Name of the language switch.
    pub language: &'static str,
    /// Name of the menu with theme and colours.
    pub display: &'static str,
    /// Head of the choice of light and dark.
    pub theme: &'static str,
    /// As the device has it.
    pub theme_system: &'static str,
    /// Light.
    pub theme_light: &'static str,
    /// Dark.
    pub theme_dark: &'static str,
    /// Head of the choice of colours of rise and fall.
    pub colours: &'static str,
    /// Rising is green.
    pub green_up: &'static str,
    /// Rising is red.
    pub red_up: &'static str,
    /// Head of the switch of single keys.
    pub keys: &'static str,
    /// What the key does.
    pub keys_slash: &'static str,
    /// Sends the choices of the menu, without scripts.
    pub apply: &'static str,
    /// What the site is, for search engines.
    pub about: &'static str,

    // Whose prices.
    /// Prices imported from files.
    pub recorded: &'static str,
    /// Recorded prices played again.
    pub replayed: &'static str,
    /// Made-up prices.
    pub simulated: &'static str,
    /// Prices of this source.
    pub prices_of: fn(&str) -> String,
    /// The server does not answer.
    pub lost: &'static str,
    /// The server answers with errors.
    pub server_busy: &'static str,
    /// Name of the explanation of these.
    pub about_prices: &'static str,
    /// Explains prices imported from files.
    pub about_recorded: &'static str,
    /// Explains recorded prices played again.
    pub about_replay: &'static str,
    /// Says what the dates beside replayed prices are.
    pub about_replay_dates: &'static str,
    /// Explains simulated prices.
    pub about_simulated: &'static str,
    /// Explains prices of this source.
    pub about_source: fn(&str) -> String,
    /// How a reader gets other prices: the commands follow.
    pub own_prices: &'static str,
    /// What is replayed: first and last day of the recording, and the day that plays.
    pub replayed_from: fn(&str, &str, &str) -> String,

    // Where a figure comes from: one sentence.
    /// From memory, of this age.
    pub from_memory: fn(&str) -> String,
    /// From memory, of this age when the page was read.
    pub from_memory_when_read: fn(&str) -> String,
    /// From memory, read at this time.
    pub from_memory_as_of: fn(&str) -> String,
    /// From Redis, of this age.
    pub from_redis: fn(&str) -> String,
    /// From Redis, of this age when the page was read.
    pub from_redis_when_read: fn(&str) -> String,
    /// From Redis, read at this time.
    pub from_redis_as_of: fn(&str) -> String,
    /// From the database, read at this time.
    pub from_database_as_of: fn(&str) -> String,
    /// From the database just now.
    pub from_database: &'static str,
    /// From the database, some time ago.
    pub from_database_when_read: &'static str,
    /// From the simulation.
    pub from_simulation: &'static str,
    /// Joined to a sentence: the figures are made up.
    pub made_up: &'static str,
    /// Joined to a sentence: newer figures are on their way.
    pub refreshing: &'static str,
    /// Joins a reason to a sentence.
    pub because: fn(&str) -> String,
    /// The reason of the server in this language; an unknown one as it is.
    pub reason: fn(&str) -> String,
    /// The server stopped answering.
    pub foot_lost: &'static str,
    /// The server answered with an error of this HTTP status.
    pub foot_refused: fn(u16) -> String,
    /// Loads the page again, without scripts.
    pub refresh: &'static str,

    // Tiles.
    /// Name of the tiles.
    pub overview: &'static str,
    /// Value of all coins.
    pub market_cap: &'static str,
    /// Value traded in 24 hours.
    pub volume_24h: &'static str,
    /// Of so many coins.
    pub of_coins: fn(usize) -> String,
    /// Of so many of so many coins.
    pub of_some_coins: fn(usize, usize) -> String,
    /// Rising and falling coins.
    pub breadth: &'static str,
    /// Word after the number of rising coins.
    pub rising: &'static str,
    /// Word after the number of falling coins.
    pub falling: &'static str,
    /// Word after the number of coins that stand still.
    pub unchanged: &'static str,
    /// Shares of the market cap.
    pub dominance: &'static str,
    /// Among which coins the shares are.
    pub dominance_among: &'static str,
    /// Shares of the volume, where no market cap is known.
    pub volume_share: &'static str,
    /// No supply of these coins is known.
    pub no_supply: &'static str,

    // The table.
    /// What the table is.
    pub table_caption: &'static str,
    /// Head of the stars.
    pub col_watch: &'static str,
    /// Head of the ranks.
    pub col_rank: &'static str,
    /// The same for screen readers.
    pub col_rank_long: &'static str,
    /// Head of the names.
    pub col_coin: &'static str,
    /// Head of the prices.
    pub col_price: &'static str,
    /// Change in an hour.
    pub col_1h: &'static str,
    /// Change in a day.
    pub col_24h: &'static str,
    /// Change in seven days.
    pub col_7d: &'static str,
    /// Range of the day.
    pub col_range: &'static str,
    /// Value traded.
    pub col_volume: &'static str,
    /// Price times supply.
    pub col_cap: &'static str,
    /// Line of seven days.
    pub col_line: &'static str,
    /// Puts a coin on the watchlist.
    pub watch: fn(&str) -> String,
    /// Name and placeholder of the search box.
    pub filter: &'static str,
    /// Sends the search, without scripts.
    pub filter_send: &'static str,
    /// Name of the chips.
    pub show: &'static str,
    /// All coins.
    pub show_all: &'static str,
    /// Coins with a star.
    pub show_watchlist: &'static str,
    /// Coins that rise.
    pub show_gainers: &'static str,
    /// Coins that fall.
    pub show_losers: &'static str,
    /// No coin has this name.
    pub no_match: fn(&str) -> String,
    /// No coin of those chosen by a chip has this name.
    pub no_match_here: fn(&str) -> String,
    /// No star yet.
    pub no_watched: &'static str,
    /// No coin rises.
    pub no_gainers: &'static str,
    /// No coin falls.
    pub no_losers: &'static str,
    /// Takes the filter off.
    pub clear_filter: &'static str,
    /// Nothing is stored; the command follows.
    pub no_prices_yet: &'static str,
    /// What follows the command.
    pub no_prices_yet_end: &'static str,
    /// So many of so many coins are shown.
    pub shown_of: fn(usize, usize) -> String,
    /// Shows all of so many.
    pub show_every: fn(usize) -> String,
    /// So many coins are shown, for screen readers.
    pub coins_shown: fn(usize) -> String,
    /// Prices are as of this time.
    pub prices_as_of: fn(&str) -> String,
    /// Prices are as of times between these two.
    pub prices_between: fn(&str, &str) -> String,
    /// The price of a row is as of this date, older than the others.
    pub row_as_of: fn(&str) -> String,
    /// Market cap uses the supply of this date.
    pub supply_as_of: fn(&str) -> String,
    /// Market cap uses supplies of these dates.
    pub supply_between: fn(&str, &str) -> String,
    /// Read out before a rise.
    pub up: &'static str,
    /// Read out before a fall.
    pub down: &'static str,
    /// Prices are being read.
    pub reading_prices: &'static str,
    /// Candles are being read.
    pub reading_candles: &'static str,

    // A coin's page.
    /// Heading of the chart's card.
    pub chart: &'static str,
    /// Name of the interval switch.
    pub interval: &'static str,
    /// Name of the range switch.
    pub range: &'static str,
    /// Names of the ranges, in the order of [`crate::components::Span::ALL`].
    pub ranges: [&'static str; 6],
    /// The same in full.
    pub ranges_long: [&'static str; 6],
    /// Star button on the page: what it switches on.
    pub watch_short: &'static str,
    /// Link to the file of candles.
    pub export: &'static str,
    /// What the link gives: interval.
    pub export_long: fn(&str) -> String,
    /// Name of the drawing: coin, interval.
    pub chart_title: fn(&str, &str) -> String,
    /// What the drawing shows: number of candles, interval, first and last time, open, high, low, close.
    pub chart_says: fn(usize, &str, &str, &str, [&str; 4]) -> String,
    /// Candles of the first interval do not fit; those of the second are drawn.
    pub drawn_as: fn(&str, &str) -> String,
    /// How the drawing is walked by keys.
    pub chart_keys: &'static str,
    /// Nothing in this range.
    pub no_candles: &'static str,
    /// Open, high, low, close, volume: letters.
    pub ohlcv: [&'static str; 5],
    /// The same in full.
    pub ohlcv_long: [&'static str; 5],
    /// No drawn candle is incomplete.
    pub bars_complete: &'static str,
    /// So many candles are incomplete; drawn hollow, or faint where they are too narrow for that.
    pub bars_incomplete: fn(usize, bool) -> String,
    /// The last candle has not ended.
    pub bar_running: &'static str,
    /// So many times without candles, and the length of the longest.
    pub bar_gaps: fn(usize, &str) -> String,
    /// So many candles cannot be drawn.
    pub bars_undrawn: fn(usize) -> String,
    /// Heading of the figures.
    pub figures: &'static str,
    /// Open of 24 hours.
    pub open_24h: &'static str,
    /// High of 24 hours.
    pub high_24h: &'static str,
    /// Low of 24 hours.
    pub low_24h: &'static str,
    /// Amount traded, in this coin.
    pub in_coins: fn(&str) -> String,
    /// Change of the price in an hour.
    pub change_1h: &'static str,
    /// Change in seven days.
    pub change_7d: &'static str,
    /// Coins in circulation.
    pub supply: &'static str,
    /// Time of the price.
    pub as_of: &'static str,
    /// First stored bar.
    pub stored_since: &'static str,
    /// First recorded bar of a series that is replayed.
    pub recorded_since: &'static str,
    /// Of which day a supply is, with what separates it from who says so, which follows.
    pub supply_note: fn(&str) -> String,

    // What goes wrong.
    /// No such page.
    pub not_found: &'static str,
    /// What may be the cause.
    pub not_found_hint: &'static str,
    /// No such coin.
    pub no_coin: fn(&str) -> String,
    /// What may be the cause.
    pub no_coin_hint: &'static str,
    /// A bad interval or symbol in the address.
    pub bad_request: &'static str,
    /// What can be done.
    pub bad_request_hint: &'static str,
    /// No prices for now.
    pub unavailable: &'static str,
    /// What can be done.
    pub unavailable_hint: &'static str,
    /// The server cannot be reached.
    pub unreachable: &'static str,
    /// Names the parameter that is off.
    pub bad_parameter: fn(&str) -> String,
    /// Tries to read the data again.
    pub retry: &'static str,
    /// The page does so by itself.
    pub retrying: &'static str,
    /// The page shows its last data.
    pub kept: &'static str,
    /// They are of this age.
    pub kept_note: fn(&str) -> String,
    /// When the candles of a chart were received that cannot be read now.
    pub candles_received: fn(&str) -> String,
    /// Loads the page anew.
    pub reload: &'static str,
    /// Back to the markets.
    pub all_markets: &'static str,
    /// Title of a page without data.
    pub no_prices_title: &'static str,
    /// End of a sentence.
    pub stop: &'static str,
}

/// `1 key`, `2 keys`: an amount as it is written out, with the English word of its number. An estimate may have its sign.
fn counted(amount: &str, one: &str, many: &str) -> String {
    let single = amount.trim_start_matches("≈ ") == "1";
    format!("{amount} {}", if single { one } else { many })
}

impl Locale {
    /// The texts of this language.
    #[must_use]
    pub const fn words(self) -> &'static Words {
        match self {
            Self::En => &en::WORDS,
            Self::ZhCn => &zh_cn::WORDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_the_server_is_translated() {
        for reason in model::reason::ALL {
            let english = (Locale::En.words().reason)(reason);
            assert_eq!(english, *reason);
            let chinese = (Locale::ZhCn.words().reason)(reason);
            assert!(!chinese.is_ascii(), "{reason} has no translation");
        }
        assert_eq!((Locale::ZhCn.words().reason)("of another server"), "of another server");
    }

    #[test]
    fn english_counts_one_coin_and_two_coins() {
        let en = Locale::En.words();
        assert_eq!((en.of_coins)(1), "of one coin");
        assert_eq!((en.of_coins)(2), "of 2 coins");
        assert_eq!((en.bars_incomplete)(1, true), "1 incomplete candle (hollow)");
        assert_eq!((en.bars_incomplete)(3, false), "3 incomplete candles (faint)");
        assert_eq!((en.bar_gaps)(1, "5.5 h"), "1 gap of 5.5 h");
        assert_eq!((en.bar_gaps)(2, "5.5 h"), "2 gaps, the longest 5.5 h");
        assert_eq!((en.bars_undrawn)(1), "1 candle cannot be drawn");
        assert_eq!((en.of_some_coins)(5, 300), "of 5 of 300 coins");
    }

    #[test]
    fn an_amount_has_the_word_of_its_number() {
        let keys = |amount| counted(amount, "key", "keys");
        assert_eq!((keys("1"), keys("0")), ("1 key".to_owned(), "0 keys".to_owned()));
        assert_eq!((keys("1,001"), keys("≈ 1")), ("1,001 keys".to_owned(), "≈ 1 key".to_owned()));
    }
}
