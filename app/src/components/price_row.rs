//! A row of the table of latest prices.

use leptos::prelude::*;
use model::{Source, Sparkline};

use super::{Badge, Change, LiveQuote, RangeTrack};
use crate::{
    chart::{Size, sparkline_svg},
    format,
};

/// A coin's last seven days: all of a row that does not tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Week {
    source: Source,
    change_pct: Option<f64>,
    line: String,
}

impl Week {
    /// The week with its line drawn.
    #[must_use]
    pub fn new(closes: &Sparkline) -> Self {
        let size = Size { width: 116, height: 34 };
        Self {
            source: closes.source.clone(),
            change_pct: closes.change_pct(),
            line: sparkline_svg(&closes.closes, size),
        }
    }

    /// The change in percent, for a table of this source's prices. None beside others: made-up prices next to a recorded
    /// week would look as real as it does.
    #[must_use]
    pub fn change_beside(&self, prices: &Source) -> Option<f64> {
        if self.source == *prices { self.change_pct } else { None }
    }

    /// The drawing, likewise.
    #[must_use]
    pub fn line_beside(&self, prices: &Source) -> Option<String> {
        (self.source == *prices).then(|| self.line.clone())
    }
}

/// One coin. Each figure is a signal of its own: a tick never draws the row again.
#[component]
pub fn PriceRow(
    /// Its quote.
    row: LiveQuote,
    /// Its last seven days, where they are known.
    week: Option<Week>,
    /// Whose prices the table shows.
    source: Memo<Source>,
) -> impl IntoView {
    let LiveQuote { symbol, name, price, change_pct, high, low, wash, .. } = row.clone();
    let href = format!("/coin/{symbol}");
    let price_text = {
        let price = price.clone();
        move || format::price_exact(price.get())
    };
    let wash_ended = {
        let wash = wash.clone();
        move |_| wash.update(|wash| *wash = wash.ended())
    };
    let change: Signal<Option<f64>> = Signal::derive(move || Some(change_pct.get()));
    let low_text = {
        let low = low.clone();
        move || format::price_exact(low.get())
    };
    let high_text = {
        let high = high.clone();
        move || format::price_exact(high.get())
    };
    let week_change = {
        let week = week.clone();
        Signal::derive(move || week.as_ref().and_then(|week| source.with(|s| week.change_beside(s))))
    };
    let line = move || week.as_ref().and_then(|week| source.with(|s| week.line_beside(s)));
    view! {
        <tr>
            <th scope="row" class="col-coin">
                <a class="coin" href=href>
                    <Badge symbol=symbol.clone() />
                    <span class="coin-name">{name}</span>
                    <span class="coin-symbol">{symbol.to_string()}</span>
                </a>
            </th>
            <td class=move || format!("num price {}", wash.get().class()) on:animationend=wash_ended>
                {price_text}
            </td>
            <td class="num">
                <Change pct=change />
            </td>
            <td class="num wide">
                <Change pct=week_change />
            </td>
            <td class="col-range wide">
                <span class="range">
                    <span>{low_text}</span>
                    <RangeTrack low=low high=high price=price />
                    <span>{high_text}</span>
                </span>
            </td>
            <td class="num wide">{move || format!("${}", format::compact(row.turnover()))}</td>
            <td class="col-line" inner_html=line></td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_stands_only_beside_prices_of_its_source() {
        let closes =
            Sparkline { symbol: "BTC".parse().unwrap(), source: Source::RECORDED, closes: vec![2.0, 3.0] };
        let week = Week::new(&closes);
        assert_eq!(week.change_beside(&Source::RECORDED), Some(50.0));
        assert!(week.line_beside(&Source::RECORDED).unwrap().contains("<path"));
        assert_eq!(week.change_beside(&Source::SIMULATED), None);
        assert_eq!(week.line_beside(&Source::SIMULATED), None);
    }
}
