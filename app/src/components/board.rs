//! Live quotes: a signal a field, so that a tick touches only the text that changed.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use leptos::prelude::*;
use model::{LatestPrices, PriceChanges, Provenance, Quote, Source, Symbol, UnixMs, span::HOUR_MS};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{poll::now_ms, wash::Wash};
use crate::when;

/// One symbol's quote as signals.
#[derive(Clone, Debug)]
pub struct LiveQuote {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Name of the coin.
    pub name: String,
    /// Latest price, USD.
    pub price: ArcRwSignal<Decimal>,
    /// Decimals that prices are shown with.
    pub decimals: ArcRwSignal<u8>,
    /// Price at the start of the 24 hours, USD; this and the next figures are `None` where they are unknown.
    pub open: ArcRwSignal<Option<Decimal>>,
    /// Change over the hour, percent.
    pub hour_pct: ArcRwSignal<Option<f64>>,
    /// Change over the 24 hours, percent.
    pub change_pct: ArcRwSignal<Option<f64>>,
    /// Change over the seven days, percent.
    pub week_pct: ArcRwSignal<Option<f64>>,
    /// Highest price of the 24 hours, USD.
    pub high: ArcRwSignal<Option<Decimal>>,
    /// Lowest price of the 24 hours, USD.
    pub low: ArcRwSignal<Option<Decimal>>,
    /// Traded amount of the 24 hours, in coins.
    pub volume: ArcRwSignal<Option<Decimal>>,
    /// The time that the price is of, Unix ms.
    pub as_of: ArcRwSignal<UnixMs>,
    /// Whether the price is more than an hour older than the newest one of the table.
    pub late: ArcRwSignal<bool>,
    /// Direction of the last change.
    pub wash: ArcRwSignal<Wash>,
    /// Version of the table that the figures are of; 0 where it is not known.
    version: Arc<AtomicU64>,
}

fn set_if_changed<T: PartialEq + Clone + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

impl LiveQuote {
    /// Signals that hold this quote.
    #[must_use]
    pub fn new(quote: Quote) -> Self {
        Self {
            symbol: quote.symbol,
            name: quote.name,
            price: ArcRwSignal::new(quote.price),
            decimals: ArcRwSignal::new(quote.price_decimals),
            open: ArcRwSignal::new(quote.open_24h),
            hour_pct: ArcRwSignal::new(quote.change_1h_pct),
            change_pct: ArcRwSignal::new(quote.change_24h_pct),
            week_pct: ArcRwSignal::new(quote.change_7d_pct),
            high: ArcRwSignal::new(quote.high_24h),
            low: ArcRwSignal::new(quote.low_24h),
            volume: ArcRwSignal::new(quote.volume_24h),
            as_of: ArcRwSignal::new(quote.as_of),
            late: ArcRwSignal::new(false),
            wash: ArcRwSignal::new(Wash::default()),
            version: Arc::default(),
        }
    }

    /// Takes a newer quote over; only signals whose value differs fire.
    pub fn apply(&self, quote: &Quote) {
        let old = self.price.get_untracked();
        if old != quote.price {
            self.wash.update(|wash| *wash = wash.next(quote.price > old));
        }
        self.apply_unseen(quote);
    }

    /// Notes that the wash is over. Its classes stay until something else is drawn, see [`Self::clear_wash`]: to take them
    /// away at once would be one more frame for each change.
    pub fn wash_ended(&self) {
        self.wash.maybe_update(|wash| {
            *wash = wash.ended();
            false
        });
    }

    /// Takes the classes of a wash that is over away. To be done before the row is moved, which would start it again.
    pub fn clear_wash(&self) {
        self.wash.maybe_update(Wash::clear);
    }

    /// Takes a newer quote over without a wash: where nobody looks.
    fn apply_unseen(&self, quote: &Quote) {
        set_if_changed(&self.price, quote.price);
        set_if_changed(&self.decimals, quote.price_decimals);
        set_if_changed(&self.open, quote.open_24h);
        set_if_changed(&self.hour_pct, quote.change_1h_pct);
        set_if_changed(&self.change_pct, quote.change_24h_pct);
        set_if_changed(&self.week_pct, quote.change_7d_pct);
        set_if_changed(&self.high, quote.high_24h);
        set_if_changed(&self.low, quote.low_24h);
        set_if_changed(&self.volume, quote.volume_24h);
        set_if_changed(&self.as_of, quote.as_of);
    }

    /// The figures of now. The prices at the start of the hour and of the week are not among them: no page shows those.
    #[must_use]
    pub fn to_quote(&self) -> Quote {
        Quote {
            symbol: self.symbol.clone(),
            name: self.name.clone(),
            price: self.price.get_untracked(),
            price_decimals: self.decimals.get_untracked(),
            open_1h: None,
            change_1h_pct: self.hour_pct.get_untracked(),
            open_24h: self.open.get_untracked(),
            change_24h_pct: self.change_pct.get_untracked(),
            high_24h: self.high.get_untracked(),
            low_24h: self.low.get_untracked(),
            volume_24h: self.volume.get_untracked(),
            open_7d: None,
            change_7d_pct: self.week_pct.get_untracked(),
            as_of: self.as_of.get_untracked(),
        }
    }

    /// Value traded in the 24 hours, USD: the amount at the latest price. `None` where the amount is not known.
    #[must_use]
    pub fn turnover(&self) -> Option<f64> {
        Some(self.volume.get()?.to_f64()? * self.price.get().to_f64()?)
    }
}

/// Whether a price is of the same time as the newest one of its table: not more than an hour older.
#[must_use]
pub const fn is_of_same_time(as_of: UnixMs, newest: UnixMs) -> bool {
    newest.saturating_sub(as_of) <= HOUR_MS
}

/// All quotes of a page and where they come from.
#[derive(Clone, Copy)]
pub struct Board {
    /// One a symbol.
    pub rows: RwSignal<Vec<LiveQuote>>,
    /// Where the shown figures come from.
    pub provenance: RwSignal<Provenance>,
    /// Whether the last refresh had no answer, so that what is shown ages.
    pub lost: RwSignal<bool>,
    /// HTTP status of the last refresh, if the server answered with an error.
    pub refused: RwSignal<Option<u16>>,
    /// When the provenance came, or its age was last raised, by the reader's clock, ms.
    provenance_at: StoredValue<f64>,
    /// When the last whole table was received, Unix ms by the reader's clock.
    table_at: StoredValue<UnixMs>,
    /// Whether the server has answered since the page was opened.
    is_answered: StoredValue<bool>,
    /// Counts answers. What is summed over all rows follows it, instead of each row's signals.
    pub answers: RwSignal<u32>,
    /// Counts whole tables: rows are put in order once for each.
    pub tables: RwSignal<u32>,
}

impl Board {
    /// A board that shows this answer, which was received at this time, Unix ms.
    #[must_use]
    pub fn new(prices: LatestPrices, received_at: UnixMs) -> Self {
        let board = Self {
            rows: RwSignal::new(prices.prices.into_iter().map(LiveQuote::new).collect()),
            provenance: RwSignal::new(prices.provenance),
            lost: RwSignal::new(false),
            refused: RwSignal::new(None),
            provenance_at: StoredValue::new(now_ms()),
            table_at: StoredValue::new(received_at),
            is_answered: StoredValue::new(false),
            answers: RwSignal::new(0),
            tables: RwSignal::new(0),
        };
        board.settle(UnixMs::MIN);
        board
    }

    /// Takes a newer table over. Symbols that are new join; symbols that went leave. The change of a price is washed in the
    /// rows `in_view` only.
    pub fn apply(&self, prices: LatestPrices, in_view: &HashSet<Symbol>) {
        // The page may have been left while the answer was on its way: then there is nothing to show it on.
        let Some(old) = self.rows.try_with_untracked(|rows| {
            rows.iter().map(|row| (row.symbol.clone(), row.clone())).collect::<HashMap<_, _>>()
        }) else {
            return;
        };
        // A table names no version: it may be older than the last changes, of another server, or of another source.
        old.values().for_each(|row| row.version.store(0, Ordering::Relaxed));
        let mut is_same = old.len() == prices.prices.len();
        let rows: Vec<LiveQuote> = prices
            .prices
            .into_iter()
            .map(|quote| match old.get(&quote.symbol) {
                Some(row) => {
                    if in_view.contains(&quote.symbol) {
                        row.apply(&quote);
                    } else {
                        row.apply_unseen(&quote);
                    }
                    row.clone()
                }
                None => {
                    is_same = false;
                    LiveQuote::new(quote)
                }
            })
            .collect();
        if !is_same {
            self.rows.set(rows);
        }
        self.settle(UnixMs::MIN);
        self.answered(prices.provenance);
        self.table_at.set_value(when::now());
        self.tables.update(|count| *count = count.wrapping_add(1));
    }

    /// Takes over what changed of the `asked` rows.
    pub fn apply_changes(&self, changes: PriceChanges, asked: &[Symbol]) {
        let version = changes.version;
        let asked: HashSet<&Symbol> = asked.iter().collect();
        let mut changed: HashMap<Symbol, _> =
            changes.changes.into_iter().map(|change| (change.symbol.clone(), change)).collect();
        let applied = self.rows.try_with_untracked(|rows| {
            for row in rows.iter().filter(|row| asked.contains(&row.symbol)) {
                row.version.store(version, Ordering::Relaxed);
                if let Some(change) = changed.remove(&row.symbol) {
                    row.apply(&change.into_quote(row.name.clone()));
                }
            }
        });
        if applied.is_some() {
            self.settle(changes.as_of);
            self.answered(changes.provenance);
        }
    }

    /// The version that all of these rows have at least; none where one has none.
    #[must_use]
    pub fn known_version(&self, symbols: &[Symbol]) -> Option<u64> {
        let wanted: HashSet<&Symbol> = symbols.iter().collect();
        let oldest = self.rows.try_with_untracked(|rows| {
            let wanted = rows.iter().filter(|row| wanted.contains(&row.symbol));
            wanted.map(|row| row.version.load(Ordering::Relaxed)).min()
        });
        oldest.flatten().filter(|version| *version > 0)
    }

    /// The server answered that nothing changed: the shown figures are older by now.
    pub fn unchanged(&self) {
        let now = now_ms();
        if let Some(before) = self.provenance_at.try_update_value(|at| std::mem::replace(at, now)) {
            // A clock that was set back says nothing of an age.
            let elapsed = (now - before).max(0.0) as u64;
            self.provenance
                .try_update(|provenance| provenance.age_ms = provenance.age_ms.saturating_add(elapsed));
        }
        self.settled();
    }

    fn settled(&self) {
        self.is_answered.try_set_value(true);
        self.clear_washes();
        if self.lost.try_get_untracked() == Some(true) {
            self.lost.set(false);
        }
        if self.refused.try_get_untracked().flatten().is_some() {
            self.refused.set(None);
        }
    }

    /// Takes the washes that are over away.
    pub fn clear_washes(&self) {
        // The page may have been left.
        let _ = self.rows.try_with_untracked(|rows| rows.iter().for_each(LiveQuote::clear_wash));
    }

    /// The quotes as they were last received, and when the last whole table was, Unix ms: none of them is older. `None` if the
    /// server has not answered since the page was opened.
    #[must_use]
    pub fn received(&self) -> Option<(LatestPrices, UnixMs)> {
        self.is_answered.try_get_value().filter(|is_answered| *is_answered)?;
        let at = self.table_at.try_get_value()?;
        let prices = self.rows.try_with_untracked(|rows| rows.iter().map(LiveQuote::to_quote).collect())?;
        Some((LatestPrices { prices, provenance: self.provenance.try_get_untracked()? }, at))
    }

    /// Whether the shown prices are of this source.
    #[must_use]
    pub fn is_of(&self, source: &Source) -> bool {
        self.provenance.try_with_untracked(|shown| shown.source == *source) == Some(true)
    }

    /// A refresh failed: with this status, or without an answer.
    pub fn failed(&self, status: Option<u16>) {
        self.refused.try_set(status);
        self.lost.try_set(status.is_none());
    }

    fn answered(&self, provenance: Provenance) {
        self.provenance.set(provenance);
        self.provenance_at.set_value(now_ms());
        self.settled();
        self.answers.update(|count| *count = count.wrapping_add(1));
    }

    /// Notes which prices are late; there may be one as new as `heard` beyond the rows.
    fn settle(&self, heard: UnixMs) {
        self.rows.with_untracked(|rows| {
            let newest = rows.iter().map(|row| row.as_of.get_untracked()).fold(heard, UnixMs::max);
            for row in rows {
                set_if_changed(&row.late, !is_of_same_time(row.as_of.get_untracked(), newest));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use model::Tier;

    use super::*;

    fn quote(symbol: &str, price: i64) -> Quote {
        let price = Decimal::from(price);
        Quote {
            symbol: symbol.parse().unwrap(),
            name: symbol.to_owned(),
            price,
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some(price),
            change_24h_pct: Some(0.0),
            high_24h: Some(price),
            low_24h: Some(price),
            volume_24h: Some(Decimal::ONE),
            open_7d: None,
            change_7d_pct: None,
            as_of: 0,
        }
    }

    fn prices(quotes: &[(&str, i64)]) -> LatestPrices {
        let provenance = Provenance {
            tier: Tier::L1,
            source: Source::RECORDED,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        };
        LatestPrices { prices: quotes.iter().map(|(s, p)| quote(s, *p)).collect(), provenance }
    }

    #[test]
    fn rows_that_stay_keep_their_signals() {
        let owner = Owner::new();
        owner.with(|| {
            let board = Board::new(prices(&[("BTC", 1), ("ETH", 2)]), 0);
            let btc = board.rows.with_untracked(|rows| rows[0].clone());
            board.apply(prices(&[("BTC", 3), ("XRP", 4)]), &HashSet::new());
            let symbols: Vec<String> =
                board.rows.with_untracked(|rows| rows.iter().map(|r| r.symbol.to_string()).collect());
            assert_eq!(symbols, ["BTC", "XRP"]);
            assert_eq!(btc.price.get_untracked(), Decimal::from(3));
        });
    }

    #[test]
    fn an_answer_after_the_page_was_left_is_dropped() {
        let owner = Owner::new();
        let board = owner.with(|| Board::new(prices(&[("BTC", 1)]), 0));
        owner.cleanup();
        board.apply(prices(&[("BTC", 2)]), &HashSet::new());
        board.apply(prices(&[("ETH", 2)]), &HashSet::new());
        board.apply_changes(changes(7, &[("BTC", 2)]), &["BTC".parse().unwrap()]);
        board.failed(None);
        board.unchanged();
        assert_eq!(board.known_version(&["BTC".parse().unwrap()]), None);
    }

    #[test]
    fn what_was_received_has_each_answer_and_the_time_of_the_last_whole_table() {
        Owner::new().with(|| {
            let board = Board::new(prices(&[("BTC", 1), ("ETH", 2)]), 0);
            assert_eq!(board.received(), None, "nothing since the page began");
            board.failed(None);
            assert_eq!(board.received(), None, "no answer");
            board.apply_changes(changes(7, &[("ETH", 5)]), &["ETH".parse().unwrap()]);
            let received = |quotes: &[(&str, i64)], at| Some((prices(quotes), at));
            assert_eq!(board.received(), received(&[("BTC", 1), ("ETH", 5)], 0), "the other row is older");
            let before = when::now();
            board.apply(prices(&[("BTC", 3), ("ETH", 5)]), &HashSet::new());
            let (_, at) = board.received().unwrap();
            assert_eq!(board.received(), received(&[("BTC", 3), ("ETH", 5)], at));
            assert!(at >= before, "{at} {before}");
        });
    }

    fn changes(version: u64, quotes: &[(&str, i64)]) -> PriceChanges {
        let LatestPrices { prices, provenance } = prices(quotes);
        PriceChanges { version, as_of: 0, changes: prices.iter().map(Into::into).collect(), provenance }
    }

    #[test]
    fn changes_are_of_the_asked_rows_and_are_asked_since_the_oldest_of_them() {
        Owner::new().with(|| {
            let board = Board::new(prices(&[("BTC", 1), ("ETH", 2), ("XRP", 3)]), 0);
            let symbols = |list: &[&str]| list.iter().map(|s| s.parse().unwrap()).collect::<Vec<Symbol>>();
            let [btc, eth] = [0, 1].map(|i| board.rows.with_untracked(|rows| rows[i].clone()));
            board.apply_changes(changes(7, &[("BTC", 9)]), &symbols(&["BTC", "ETH"]));
            assert_eq!((btc.price.get_untracked(), eth.price.get_untracked()), (9.into(), 2.into()));
            assert_eq!(btc.name, "BTC");
            assert_ne!(btc.wash.get_untracked(), Wash::default());
            assert_eq!(eth.wash.get_untracked(), Wash::default());
            assert_eq!(board.known_version(&symbols(&["BTC", "ETH"])), Some(7));
            assert_eq!(
                board.known_version(&symbols(&["BTC", "XRP"])),
                None,
                "of one of them nothing was asked"
            );
            board.apply_changes(changes(9, &[]), &symbols(&["BTC"]));
            assert_eq!(board.known_version(&symbols(&["BTC", "ETH"])), Some(7));
            // A whole table washes the rows in view only.
            board.apply(
                prices(&[("BTC", 1), ("ETH", 3), ("XRP", 4)]),
                &symbols(&["BTC"]).into_iter().collect(),
            );
            assert_eq!(eth.price.get_untracked(), 3.into());
            assert_eq!(eth.wash.get_untracked(), Wash::default());
            assert_eq!((board.answers.get_untracked(), board.tables.get_untracked()), (3, 1));
            assert_eq!(board.known_version(&symbols(&["BTC"])), None, "a table names no version");
        });
    }

    #[test]
    fn a_price_an_hour_behind_the_newest_is_late() {
        Owner::new().with(|| {
            let mut answer = prices(&[("BTC", 1), ("ETH", 2), ("XRP", 3)]);
            for (quote, as_of) in answer.prices.iter_mut().zip([HOUR_MS, 2 * HOUR_MS, HOUR_MS - 1]) {
                quote.as_of = as_of;
            }
            let board = Board::new(answer, 0);
            let late = || {
                board
                    .rows
                    .with_untracked(|rows| rows.iter().map(|r| r.late.get_untracked()).collect::<Vec<_>>())
            };
            assert_eq!(late(), [false, false, true]);
            let mut newer = changes(1, &[]);
            newer.as_of = 2 * HOUR_MS + 1;
            board.apply_changes(newer, &[]);
            assert_eq!(late(), [true, false, true]);
        });
    }

    #[test]
    fn an_error_and_no_answer_are_told_apart() {
        Owner::new().with(|| {
            let board = Board::new(prices(&[("BTC", 1)]), 0);
            let state = || (board.lost.get_untracked(), board.refused.get_untracked());
            board.failed(Some(429));
            assert_eq!(state(), (false, Some(429)));
            board.failed(None);
            assert_eq!(state(), (true, None));
            board.unchanged();
            assert_eq!(state(), (false, None));
        });
    }
}
