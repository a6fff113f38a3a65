//! `TIDEMARK_SUPPLY_FILE`: how many coins there are, by symbol and day.

use std::{fs, io::Read, sync::Arc};

use model::{Supply, Symbol};
use rust_decimal::Decimal;

use super::{ConfigError, variable};

/// Name of the setting: a CSV file that takes the place of the built-in table.
pub const SUPPLY_FILE: &str = "TIDEMARK_SUPPLY_FILE";
/// The built-in table: the coins of the sample, of its last day.
const BUILT_IN: &str = include_str!("../../../data/supply.csv");
const HEADER: &str = "symbol,as_of,circulating,source";
/// A column that may follow.
const CHINESE: &str = "source_zh_cn";
/// The largest file, bytes: it is held in memory.
const LARGEST: u64 = 8 << 20;

/// Supplies by symbol and day. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supplies(
    /// Sorted.
    Arc<[Supply]>,
);

impl Supplies {
    /// The built-in table, or the file that `TIDEMARK_SUPPLY_FILE` names.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is no supply: the line is named.
    pub fn from_env() -> Result<Self, ConfigError> {
        let Some(path) = variable(SUPPLY_FILE)? else { return Self::built_in() };
        let bad = |reason: String| ConfigError::new(SUPPLY_FILE, format!("{path}: {reason}"));
        let mut text = String::new();
        let file = fs::File::open(&path).map_err(|error| bad(error.to_string()))?;
        file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| bad(error.to_string()))?;
        if text.len() as u64 > LARGEST {
            return Err(bad(format!("has more than {LARGEST} bytes")));
        }
        Self::parse(&text).map_err(bad)
    }

    /// The built-in table.
    ///
    /// # Errors
    /// Never in a build whose tests passed.
    pub fn built_in() -> Result<Self, ConfigError> {
        Self::parse(BUILT_IN).map_err(|reason| ConfigError::new("data/supply.csv", reason))
    }

    /// CSV (RFC 4180) of `symbol,as_of,circulating,source` under that header, and `source_zh_cn` if it has that; days as
    /// `2019-03-31`, coins as a decimal above 0. Empty lines count for nothing.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}');
        let mut table =
            csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
        let header: Vec<String> =
            table.headers().map_err(|error| error.to_string())?.iter().map(str::to_owned).collect();
        let columns = header.len();
        if header.join(",") != HEADER && header.join(",") != format!("{HEADER},{CHINESE}") {
            return Err(format!("line 1 is neither {HEADER} nor {HEADER},{CHINESE}"));
        }
        let mut all: Vec<(Supply, u64)> = Vec::new();
        for record in table.records() {
            // Says the line by itself.
            let record = record.map_err(|error| error.to_string())?;
            if record.iter().all(str::is_empty) {
                continue;
            }
            let number = record.position().map_or(0, |at| line_of(text, at));
            all.push((one(&record, columns).map_err(|reason| format!("line {number}: {reason}"))?, number));
        }
        // Lines of the same day stay in their order, beside each other.
        all.sort_by(|(a, _), (b, _)| (&a.symbol, a.as_of).cmp(&(&b.symbol, b.as_of)));
        let same =
            |(a, _): &(Supply, u64), (b, _): &(Supply, u64)| (&a.symbol, a.as_of) == (&b.symbol, b.as_of);
        let doubles = all.windows(2).filter(|pair| same(&pair[0], &pair[1])).map(|pair| &pair[1]);
        if let Some((supply, number)) = doubles.min_by_key(|(_, number)| number) {
            return Err(format!("line {number}: {} has that day already", supply.symbol));
        }
        Ok(Self(all.into_iter().map(|(supply, _)| supply).collect()))
    }

    /// The supply of a symbol at a time: of the last day that is not after it, otherwise of the first.
    #[must_use]
    pub fn at(&self, symbol: &Symbol, time: model::UnixMs) -> Option<&Supply> {
        let next = self.0.partition_point(|supply| (&supply.symbol, supply.as_of) <= (symbol, time));
        let of_symbol = |place: usize| self.0.get(place).filter(|supply| supply.symbol == *symbol);
        next.checked_sub(1).and_then(of_symbol).or_else(|| of_symbol(next))
    }
}

/// The line that a record begins in. Its position is where the one before it ended, ahead of empty lines.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let from = usize::try_from(at.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let empty =
        rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).filter(|byte| **byte == b'\n').count();
    at.line() + empty as u64
}

fn one(record: &csv::StringRecord, columns: usize) -> Result<Supply, String> {
    if record.len() > columns {
        let found = record.len();
        return Err(format!(
            "{found} fields, and the header has {columns}: one with a comma in it is quoted"
        ));
    }
    let mut fields = record.iter();
    let mut field = |name: &str| fields.next().ok_or_else(|| format!("{name} is missing"));
    let symbol: Symbol = field("symbol")?.parse().map_err(|error| format!("{error}"))?;
    let as_of = field("as_of")?;
    let circulating = field("circulating")?;
    let source = field("source")?.to_owned();
    let source_zh_cn = field(CHINESE).ok().filter(|text| !text.is_empty()).map(str::to_owned);
    let as_of = candle_files::parse_time(as_of).map_err(|error| format!("as_of: {error}"))?;
    let circulating = match circulating.parse::<Decimal>() {
        Ok(coins) if coins > Decimal::ZERO => coins,
        _ => return Err(format!("circulating: {circulating:?} is no number above 0")),
    };
    Ok(Supply { symbol, as_of, circulating, source, source_zh_cn })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    #[test]
    fn the_built_in_table_knows_the_sample() {
        let all = Supplies::built_in().unwrap();
        for symbol in ["BTC", "ETH", "XRP", "EOS", "LTC"] {
            let supply = all.at(&symbol.parse().unwrap(), 0).unwrap();
            assert!(supply.source_zh_cn.is_some(), "{symbol}");
        }
        assert_eq!(all.at(&"NOPE".parse().unwrap(), 0), None);
    }

    #[test]
    fn a_price_is_multiplied_by_the_supply_of_its_day() {
        let text = format!("{HEADER}\nA,1970-01-03,3,x\n\nA,1970-01-02,2.5,\"a, b\"\n");
        let all = Supplies::parse(&text).unwrap();
        let at = |time| all.at(&"A".parse().unwrap(), time).unwrap().circulating.to_string();
        assert_eq!(
            [at(0), at(DAY), at(2 * DAY - 1), at(2 * DAY), at(i64::MAX)],
            ["2.5", "2.5", "2.5", "3", "3"]
        );
        assert_eq!(all.0[0].source, "a, b");
        assert_eq!(all.0[0].source_zh_cn, None);
        let chinese = format!(
            "\u{feff}{HEADER},{CHINESE}\r\nA,1970-01-02,2.5,\"a \"\"b\"\"\",\"表，甲\"\r\nB,1970-01-02,1,x,\r\nC,1970-01-02,1,x\r\n"
        );
        let chinese = Supplies::parse(&chinese).unwrap();
        let said: Vec<_> =
            chinese.0.iter().map(|it| (it.source.as_str(), it.source_zh_cn.as_deref())).collect();
        assert_eq!(said, [("a \"b\"", Some("表，甲")), ("x", None), ("x", None)]);
        // Neighbours in the table are others.
        let among = Supplies::parse(&format!("{text}AA,1970-01-01,7,x\n0,1970-01-09,8,x\n")).unwrap();
        let of = |symbol: &str, time| {
            among.at(&symbol.parse().unwrap(), time).map(|supply| supply.circulating.to_string())
        };
        for (symbol, coins) in
            [("0", Some("8")), ("A", Some("3")), ("AA", Some("7")), ("00", None), ("B", None)]
        {
            assert_eq!(of(symbol, 2 * DAY).as_deref(), coins, "{symbol}");
        }
    }

    #[test]
    fn a_table_of_many_lines_is_read_soon() {
        let lines: String = (0..100_000).map(|n| format!("C{n},2019-01-01,{},x\n", n + 1)).collect();
        let begun = std::time::Instant::now();
        let all = Supplies::parse(&format!("{HEADER}\n{lines}")).unwrap();
        for n in 0..10_000 {
            let supply = all.at(&format!("C{n}").parse().unwrap(), 0).unwrap();
            assert_eq!(supply.circulating, Decimal::from(n + 1));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
    }

    #[test]
    fn a_bad_line_is_named() {
        for (line, named) in [
            ("A", "line 2: as_of is missing"),
            ("A/B,2019-01-01,1,x", "line 2: bad symbol"),
            ("A,soon,1,x", "line 2: as_of"),
            ("A,2019-01-01,-1,x", "line 2: circulating: \"-1\""),
            ("A,2019-01-01,many,x", "many"),
            ("A,2019-01-01,1", "line 2: source is missing"),
            ("\nA,2019-01-01,1,a, b", "line 3: 5 fields, and the header has 4"),
            ("A,2019-01-01,1,x\nA,2019-01-01,2,x", "line 3: A has that day already"),
            (
                "B,2019-01-01,1,x\nA,2019-01-01,1,x\n\nB,2019-01-01,2,x\nA,2019-01-01,2,x",
                "line 5: B has that day already",
            ),
        ] {
            let error = Supplies::parse(&format!("{HEADER}\n{line}")).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        assert!(Supplies::parse("").unwrap_err().contains("line 1"));
    }
}
