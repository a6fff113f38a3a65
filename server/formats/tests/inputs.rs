//! Files as people have them: names, quoting, headers, times, JSON, and kinds that are refused.
//!
//! The files under `server/tests/data/market` are written after public reports of wrong imports in other programs.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use candle_files::{Format, Given};
use model::Candle;
use support::*;

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// 2024-01-01, a Monday.
const START: i64 = 1_704_067_200_000;

fn market(path: &str) -> (String, Vec<u8>) {
    let folder = format!("{}/../tests/data/market", env!("CARGO_MANIFEST_DIR"));
    let name = path.rsplit('/').next().unwrap().to_owned();
    (name, std::fs::read(format!("{folder}/{path}")).unwrap())
}

fn line(candle: &Candle) -> String {
    let Candle { open_time, open, high, low, close, volume } = candle;
    format!("{open_time},{open},{high},{low},{close},{volume}")
}

/// Symbol, interval, count of candles, the first of them.
fn told(name: &str, bytes: impl Into<Vec<u8>>, given: &Given) -> Result<String, String> {
    let found = read_as(name, bytes, given).map_err(|error| error.to_string())?;
    if let Some(reason) = found.nothing {
        return Err(reason);
    }
    let first = line(&found.candles[0]);
    Ok(format!("{} {} {} {first}", found.heading.symbol, found.heading.length, found.candles.len()))
}

fn symbol(text: &str) -> Given {
    Given { symbol: Some(text.parse().unwrap()), ..Given::default() }
}

#[test]
fn the_cases_are_right_for_the_user() {
    let cases = [
        (
            "01-pair-cut-in-the-wrong-place/BATUSD-1d-2023-01.csv",
            "BAT 1d 5 1672531200000,0.16,0.18,0.15,0.17,1000",
        ),
        (
            "01-pair-cut-in-the-wrong-place/USDTUSD-1d-2023-01.csv",
            "USDT 1d 5 1672531200000,1,1.0002,0.9999,1.0001,1000",
        ),
        (
            "01-pair-cut-in-the-wrong-place/BNBUSD-1d-2023-01.csv",
            "BNB 1d 5 1672531200000,246,248,245,247,1000",
        ),
        ("01-pair-cut-in-the-wrong-place/GRTUSD-1d.csv", "GRT 1d 5 1672531200000,0.06,0.07,0.05,0.065,5000"),
        (
            "01-pair-cut-in-the-wrong-place/Bitstamp_XRPRLUSD_1h.csv",
            "XRP 1h 4 1740787200000,2.1,2.2,2,2.15,900",
        ),
        (
            "01-pair-cut-in-the-wrong-place/Gemini_BTCGUSD_d.csv",
            "BTC 1d 5 1672531200000,16500,16700,16400,16600,1",
        ),
        (
            "05-quoted-numbers-and-other-csv/Coinbase_TSPUSD_d.csv",
            "TSP 1d 3 1704067200000,42283.58,44184.1,42180.77,44179.55,27174.29",
        ),
        ("05-quoted-numbers-and-other-csv/RQT-USD-1d.csv", "RQT 1d 3 1704067200000,10,12,9,11,100"),
        ("05-quoted-numbers-and-other-csv/IDX-USD-1d.csv", "IDX 1d 3 1704067200000,10,12,9,11,100"),
        ("05-quoted-numbers-and-other-csv/PDX-USD-1d.csv", "PDX 1d 3 1704067200000,10,12,9,11,100"),
        (
            "09-headers-of-other-sources/Bitstamp_BTCUSD_minute.csv",
            "BTC 1m 3 1370044800000,129,129.5,128.9,129.2,4",
        ),
        ("09-headers-of-other-sources/ETH-USD-1h.csv", "ETH 1h 4 1704067200000,2290,2300,2280,2295,100"),
        ("09-headers-of-other-sources/LTC-USD.csv", "LTC 1d 2 1704067200000,72.8,75.1,72.5,74.2,371000000"),
        ("10-kraken-ohlcvt-without-header/SOLUSD_60.csv", "SOL 1h 6 1704067200000,101,103,100,102,50.5"),
        ("11-xbt-and-btc/Kraken_XBTUSD_1h.csv", "BTC 1h 4 1704067200000,42000,42100,41900,42050,10"),
        ("11-xbt-and-btc/Kraken_BTCUSD_1h.csv", "BTC 1h 4 1704067200000,42000,42100,41900,42050,10"),
        (
            "12-names-of-freqtrade-and-ccxt/BTC_USDT-1h.csv",
            "BTC 1h 4 1704067200000,42000,42100,41900,42050,10",
        ),
        ("12-names-of-freqtrade-and-ccxt/swap.csv", "BTC 1h 4 1704067200000,42000,42100,41900,42050,10"),
        (
            "12-names-of-freqtrade-and-ccxt/Okx_BTCUSDT_1h.csv",
            "BTC 1h 4 1704067200000,42000,42100,41900,42050,10",
        ),
        ("15-same-bar-twice/DUP-USD-1m.csv", "DUP 1m 3 1625563740000,34100,34120,34090,34110,1.5"),
        (
            "19-weeks-partial-bars-and-exports/RND-USD-1d.csv",
            "RND 1d 3 1704067200000,0.00000012,0.00000013,0.00000011,0.00000012,123456789012.12346",
        ),
    ];
    for (path, expected) in cases {
        let (name, bytes) = market(path);
        assert_eq!(told(&name, bytes, &Given::default()).as_deref(), Ok(expected), "{path}");
    }
    let refusals = [
        (
            "05-quoted-numbers-and-other-csv/Semicolon_CMCUSD_d.csv",
            "has semicolons between its fields, not commas",
        ),
        (
            "06-days-and-weeks-that-start-elsewhere/SHD-USD-1d.csv",
            "all 5 candles open at 16:00 UTC; days start at 00:00 UTC",
        ),
        (
            "06-days-and-weeks-that-start-elsewhere/THU-USD-1w.csv",
            "all 4 candles open on Thursday; weeks start on Monday",
        ),
        (
            "14-months-in-a-file-of-minutes/MON-USD-1m.csv",
            "by the name these are 1m bars, the rows are 1mo apart; give --interval",
        ),
        (
            "14-months-in-a-file-of-minutes/DAY-USD-1h.csv",
            "by the name these are 1h bars, the rows are 1d apart; give --interval",
        ),
        (
            "09-headers-of-other-sources/bitstampUSD_1-min_data_2012-01-01_to_2021-03-31.csv",
            "neither name nor rows tell the symbol",
        ),
    ];
    for (path, expected) in refusals {
        let (name, bytes) = market(path);
        let reason = told(&name, bytes, &Given::default()).unwrap_err();
        assert!(reason.starts_with(expected), "{path}: {reason}");
    }
    let (name, bytes) =
        market("09-headers-of-other-sources/bitstampUSD_1-min_data_2012-01-01_to_2021-03-31.csv");
    let expected = "BTC 1m 3 1370044800000,129,129.5,128.9,129.2,4";
    assert_eq!(told(&name, bytes, &symbol("BTC")).as_deref(), Ok(expected));
}

#[test]
fn the_report_says_what_the_volume_is_and_how_the_coin_is_called() {
    let of = |path: &str| {
        let (name, bytes) = market(path);
        let found = read(&name, bytes).unwrap();
        (
            found.heading.volume.to_string(),
            found.heading.alias,
            found.summary.unbelievable_turnover().is_some(),
        )
    };
    let cases = [
        ("01-pair-cut-in-the-wrong-place/GRTUSD-1d.csv", "column \"volume\", taken as coins", None, false),
        ("09-headers-of-other-sources/LTC-USD.csv", "column \"Volume\", taken as coins", None, true),
        ("09-headers-of-other-sources/ETH-USD-1h.csv", "column \"volumefrom\", in coins", None, false),
        ("11-xbt-and-btc/Kraken_XBTUSD_1h.csv", "column \"Volume XBT\", in coins", Some("XBT"), false),
        ("10-kraken-ohlcvt-without-header/SOLUSD_60.csv", "column 6, in coins", None, false),
    ];
    for (path, volume, alias, is_beyond_belief) in cases {
        assert_eq!(of(path), (volume.to_owned(), alias.map(str::to_owned), is_beyond_belief), "{path}");
    }
}

const COLUMNS: &str = "timestamp,open,high,low,close,volume\n";
const TIDEMARK: &str = "open_time,open,high,low,close,volume\n";
/// Two hours in seconds.
const HOURS: &str = "1704067200,1,4,0.5,2,7\n1704070800,2,3,1,2.5,8\n";

#[test]
fn names_of_many_sources_are_read() {
    let first = "1704067200000,1,4,0.5,2,7";
    let text = format!("{COLUMNS}{HOURS}");
    let cases = [
        ("BTC_USDT-1h.csv", "BTC"),
        ("BTC_USDT_USDT-1h-futures.csv", "BTC"),
        ("BTC-USDT-1h.csv", "BTC"),
        ("BTC-USDT-1h-2024-01.csv", "BTC"),
        ("BINANCE_BTCUSDT, 60.csv", "BTC"),
        ("BINANCE_BTCUSDT.P, 60_a1b2c.csv", "BTC"),
        ("COINBASE_ETHUSD_60.csv", "ETH"),
        ("KRAKEN_XBTUSD, 60.csv", "BTC"),
        ("XDGUSD_60.csv", "DOGE"),
        ("Kraken_XXBTZUSD_1h.csv", "BTC"),
        ("DOTUSD-1h.csv", "DOT"),
        ("APTUSD-1h.csv", "APT"),
        ("SHIBUSD-1h.csv", "SHIB"),
        ("FETUSD-1h.csv", "FET"),
        ("BNTUSD-1h.csv", "BNT"),
        ("BTTUSD-1h.csv", "BTT"),
        ("XAUTUSD-1h.csv", "XAUT"),
        ("STRAXBUSD-1h.csv", "STRAX"),
        ("BTCBUSD-1h.csv", "BTC"),
        ("ARUSDT-1h.csv", "AR"),
        ("ARBTUSD-1h.csv", "ARB"),
        ("BTCFDUSD-1h.csv", "BTC"),
        ("ETHPYUSD-1h.csv", "ETH"),
        ("TRXUSDD-1h.csv", "TRX"),
        ("btcusdt-1h.csv", "BTC"),
        ("SOL-USDC.csv", "SOL"),
        ("GTUSD_60.csv", "GT"),
        ("METUSD_60.csv", "MET"),
        ("STETHUSD_60.csv", "STETH"),
        ("PAXGUSD_60.csv", "PAXG"),
        ("Coinbase_BTCUSD_1h - Copy.csv", "BTC"),
    ];
    for (name, symbol) in cases {
        let expected = format!("{symbol} 1h 2 {first}");
        assert_eq!(told(name, text.clone(), &Given::default()), Ok(expected), "{name}");
    }
    for (name, expected) in [
        ("ARBUSD-1h.csv", "ARBUSD could be ARB in USD or AR in BUSD; give --symbol"),
        ("QQTUSD-1h.csv", "QQTUSD could be QQT in USD or QQ in TUSD; give --symbol"),
        ("AITUSD_60.csv", "AITUSD could be AIT in USD or AI in TUSD; give --symbol"),
        ("STUSD_1h.csv", "STUSD could be ST in USD or S in TUSD; give --symbol"),
        ("ETH_BTC_1h.csv", "prices are in BTC; only USD and dollar stablecoins are taken"),
        ("BTC_EUR-1h.csv", "prices are in EUR; only USD and dollar stablecoins are taken"),
        ("Kraken_XXBTZEUR_60.csv", "prices are in ZEUR; only USD and dollar stablecoins are taken"),
        ("ETHBTC-1h.csv", "prices are in BTC; only USD and dollar stablecoins are taken"),
        ("TUSD-1h.csv", "TUSD is no pair of a coin and a currency; give --symbol"),
    ] {
        assert_eq!(told(name, text.clone(), &Given::default()), Err(expected.to_owned()), "{name}");
    }
}

#[test]
fn what_else_is_in_a_file_decides_between_two_readings() {
    let with = |header: &str, tail: &str| {
        format!(
            "unix,symbol,open,high,low,close,{header}\n1704067200,{tail},1,1,1,1,1,1\n1704070800,{tail},1,1,1,1,1,1\n"
        )
    };
    let of = |text: String| {
        told("Some_ARBUSD_1h.csv", text, &Given::default()).map(|text| text[..3].trim().to_owned())
    };
    assert_eq!(of(with("Volume ARB,Volume USD", "ARBUSD")).as_deref(), Ok("ARB"));
    assert_eq!(of(with("Volume AR,Volume BUSD", "ARBUSD")).as_deref(), Ok("AR"));
    assert_eq!(of(with("volume,count", "AR/BUSD")).as_deref(), Ok("AR"));
    assert_eq!(of(with("volume,count", "ARB/USD")).as_deref(), Ok("ARB"));
    assert!(of(with("volume,count", "ARBUSD")).unwrap_err().contains("could be ARB in USD or AR in BUSD"));
}

#[test]
fn rows_tell_the_pair_where_a_name_has_only_a_coin() {
    let text = "unix,symbol,open,high,low,close,volume\n1704067200,ETH/USD,1,4,0.5,2,7\n1704070800,ETH/USD,2,3,1,2.5,8\n";
    for name in [
        "kraken_eth.csv",
        "prices-eth.csv",
        "Binance_ETH_1h.csv",
        "coinbase-eth-1h.csv",
        "my-eth-1h.csv",
        "data-60-min.csv",
    ] {
        let found = told(name, text, &Given::default());
        assert_eq!(found.as_deref(), Ok("ETH 1h 2 1704067200000,1,4,0.5,2,7"), "{name}");
    }
}

#[test]
fn a_symbol_that_contradicts_the_file_is_refused() {
    let text = format!("{COLUMNS}{HOURS}");
    let force = |given: Given| Given { is_forced: true, ..given };
    let cases = [
        (
            "ETHUSDT-1h.csv",
            "BTC",
            "by the name these are prices of ETHUSDT, and --symbol says BTC; --force imports them so",
        ),
        (
            "LTC-USD.csv",
            "YLTC",
            "by the name these are prices of LTC/USD, and --symbol says YLTC; --force imports them so",
        ),
        (
            "BTCEUR-1h.csv",
            "BTC",
            "by the name prices are in EUR; only USD and dollar stablecoins are taken; --force takes them as USD",
        ),
        (
            "BTC-EUR-1h.csv",
            "BTC",
            "by the name prices are in EUR; only USD and dollar stablecoins are taken; --force takes them as USD",
        ),
    ];
    for (name, given, expected) in cases {
        assert_eq!(told(name, text.clone(), &symbol(given)), Err(expected.to_owned()), "{name}");
        let found = told(name, text.clone(), &force(symbol(given))).unwrap();
        assert!(found.starts_with(&format!("{given} 1h 2")), "{name}: {found}");
    }
    // One that settles a name in two readings, or that the name does not contradict.
    for (name, given) in [
        ("ARBUSD-1h.csv", "AR"),
        ("ARBUSD-1h.csv", "ARB"),
        ("QQTUSD-1h.csv", "QQT"),
        ("XBTUSD-1h.csv", "BTC"),
        ("my-prices.csv", "BTC"),
        ("kraken_eth.csv", "ETH"),
        ("prices-btc.csv", "BTC"),
        ("Binance_ETH_1h.csv", "ETH"),
        ("coinbase-sol-1h.csv", "SOL"),
        ("my-btc-1h.csv", "BTC"),
        ("data-60-min.csv", "BTC"),
        ("data_old_1h.csv", "BTC"),
        ("BTCUSDT-1h.csv", "BTC"),
    ] {
        let found = told(name, text.clone(), &symbol(given)).unwrap();
        assert!(found.starts_with(&format!("{given} 1h 2")), "{name}: {found}");
    }
    assert!(told("ARBUSD-1h.csv", text, &symbol("BTC")).is_err());
    // The rows and the header say it too.
    let rows =
        "unix,symbol,open,high,low,close,volume\n1704067200,ETHUSD,1,1,1,1,1\n1704070800,ETHUSD,1,1,1,1,1\n";
    let reason = told("prices.csv", rows, &symbol("BTC")).unwrap_err();
    assert_eq!(reason, "all 2 lines: symbol \"ETHUSD\" is not BTC, which the file is imported as");
    assert!(told("prices.csv", rows, &force(symbol("BTC"))).is_ok());
    let header = "unix,open,high,low,close,Volume ETH\n1704067200,1,1,1,1,1\n1704070800,1,1,1,1,1\n";
    assert!(told("prices.csv", header, &symbol("BTC")).unwrap_err().contains("a volume of ETH"));
    assert!(told("prices.csv", header, &force(symbol("BTC"))).is_ok());
}

#[test]
fn lines_as_spreadsheets_and_programs_write_them() {
    let expected = "BTC 1h 2 1704067200000,1,4,0.5,2,7";
    let cases = [
        format!("# made by a program\n# on a day\n{COLUMNS}{HOURS}"),
        format!("\"timestamp\",\"open\",\"high\",\"low\",\"close\",\"volume\"\n{HOURS}"),
        format!("{COLUMNS}1704067200.0,1,4,0.5,2,7\n1704070800.0,2,3,1,2.5,8\n"),
        format!("{COLUMNS}1704067200000.0,\"1.0\",\"4\",0.5,2,7\n1704070800000.0,2,3,1,2.5,8\n"),
        format!("{COLUMNS}2024-01-01T08:00:00+08:00,1,4,0.5,2,7\n2024-01-01T09:00:00+08:00,2,3,1,2.5,8\n"),
        format!("{COLUMNS}2023-12-31 19:00:00-05:00,1,4,0.5,2,7\n2023-12-31 20:00:00-05:00,2,3,1,2.5,8\n"),
        format!("{COLUMNS}2024/01/01 00:00,1,4,0.5,2,7\n2024/01/01 01:00,2,3,1,2.5,8\n"),
        format!("{TIDEMARK}1704067200000.0,1,4,0.5,2,7\n1704070800000.0,2,3,1,2.5,8\n"),
        format!("{TIDEMARK}2024-01-01,1,4,0.5,2,7\n2024-01-01 01:00,2,3,1,2.5,8\n"),
        // R writes no name for the column that counts.
        format!("{TIDEMARK}\"1\",1704067200000,1,4,0.5,2,7\n\"2\",1704070800000,2,3,1,2.5,8\n"),
        format!(",{}0,1704067200000,1,4,0.5,2,7\n1,1704070800000,2,3,1,2.5,8\n", TIDEMARK),
        // As pandas dumps klines of the API.
        "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades\n\
         2024-01-01,1,4,0.5,2,7,x,9,9\n2024-01-01 01:00:00,2,3,1,2.5,8,x,9,9\n"
            .to_owned(),
        "time,open,high,low,close,Volume,Volume MA\n1704067200,1,4,0.5,2,7,9\n1704070800,2,3,1,2.5,8,9\n"
            .to_owned(),
        "{\"open_time\":1704067200000,\"open\":1,\"high\":4,\"low\":0.5,\"close\":2,\"volume\":7}\n\
         {\"open_time\":1704070800000,\"open\":2,\"high\":3,\"low\":1,\"close\":2.5,\"volume\":8}\n"
            .to_owned(),
        "[1704067200000,1,4,0.5,2,7]\n[1704070800000,2,3,1,2.5,8,true]\n".to_owned(),
        "[[1704067200000,\"1\",\"4\",\"0.5\",\"2\",\"7\",1704070799999,\"9\",3,\"1\",\"1\",\"0\"],\n \
          [1704070800000,\"2\",\"3\",\"1\",\"2.5\",\"8\",1704074399999,\"9\",3,\"1\",\"1\",\"0\"]]"
            .to_owned(),
    ];
    for text in cases {
        let found = told("BTC-USD-1h.csv", text.clone(), &Given::default());
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }
    // What a spreadsheet has cut cannot be told from its neighbors.
    let excel = format!("{TIDEMARK}1.70407E+12,1,4,0.5,2,7\n1.70407E+12,2,3,1,2.5,8\n");
    let reason = told("BTC-USD-1h.csv", excel, &Given::default()).unwrap_err();
    assert_eq!(reason, "all 2 lines: open_time \"1.70407E+12\" lost its last digits in a spreadsheet");
}

#[test]
fn files_without_a_header_are_described() {
    let given =
        Given { columns: Some("time,low,high,open,close,volume,-".parse().unwrap()), ..symbol("BTC") };
    let text = "1704067200,0.5,4,1,2,7,99\n1704070800,1,3,2,2.5,8,99\n";
    assert_eq!(told("x.csv", text, &given).as_deref(), Ok("BTC 1h 2 1704067200000,1,4,0.5,2,7"));
    let reason = told("BTC-USD-1h.csv", text, &Given::default()).unwrap_err();
    assert!(reason.contains("there is no header line, and 7 columns; name them"), "{reason}");
    let kraken = Given { format: Some(Format::Kraken), ..symbol("BTC") };
    assert!(told("x.csv", "1704067200,1,4,0.5,2,7,99\n1704070800,1,4,0.5,2,7,99\n", &kraken).is_ok());
}

#[test]
fn klines_of_the_api_may_be_many() {
    let element = |i: i64| {
        let open = START + i * HOUR;
        format!(
            "[{open},\"1.5\",\"2.5\",\"1.0\",\"2.0\",\"0.25\",{},\"9\",3,\"1\",\"1\",\"0\"]",
            open + HOUR - 1
        )
    };
    let all: Vec<_> = (0..5_000).map(element).collect();
    let text = format!("[{}]", all.join(","));
    assert!(!text.contains('\n') && text.len() > 300_000);
    let found = read("BTCUSDT-1h.json", text.clone()).unwrap();
    assert_eq!((found.candles.len(), found.rejects.len()), (5_000, 0));
    assert_eq!(found.heading.exchange.as_deref(), Some("binance"));
    let reason = refused_at_end("BTCUSDT-1h.json", &text[..text.len() / 2]);
    assert!(reason.contains("the JSON array is not closed: the file is truncated"), "{reason}");
    let bad = text.replacen("\"2.5\"", "\"x\"", 1);
    let found = read("BTCUSDT-1h.json", bad).unwrap();
    assert_eq!((found.rejects[0].line, found.rejects[0].reason.as_str()), (1, "high \"x\" is not a number"));
}

fn refused_at_end(name: &str, text: &str) -> String {
    read(name, text).unwrap_err().to_string()
}

#[test]
fn other_kinds_are_refused_by_their_names() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    let text = format!("{TIDEMARK}1704067200000,1,1,1,1,1\n");
    let mut tar = vec![0_u8; 1024];
    tar[..14].copy_from_slice(b"BTC-USD-1h.csv");
    tar[257..262].copy_from_slice(b"ustar");
    let xlsx =
        zip(&[("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"y")], ::zip::CompressionMethod::Deflated);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (text.replace(',', ";").into_bytes(), "has semicolons between its fields, not commas"),
        (text.replace(',', "\t").into_bytes(), "has tabs between its fields, not commas"),
        (utf16(&format!("\u{feff}{text}"), false), "is text in UTF-16"),
        (utf16(&format!("\u{feff}{text}"), true), "is text in UTF-16"),
        (utf16(&text, false), "is text in UTF-16"),
        (b"PAR1\x15\x04\x15".to_vec(), "is a parquet file"),
        (b"\xfd7zXZ\0\0\x04".to_vec(), "is packed by xz"),
        (b"BZh91AY&SY".to_vec(), "is packed by bzip2"),
        (b"\x28\xb5\x2f\xfd\x24".to_vec(), "is packed by zstd"),
        (tar.clone(), "is a tar archive"),
        (gzip(&tar), "is a tar archive"),
        (gzip(&gzip(text.as_bytes())), "is packed by gzip twice"),
        (gzip(b"PK\x03\x04xx"), "is a ZIP archive in another one"),
        (xlsx, "is a spreadsheet"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>".to_vec(), "is an HTML page"),
        (
            b"<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code></Error>".to_vec(),
            "is XML with the error NoSuchKey",
        ),
        (b"{\"code\":-1121,\"msg\":\"Invalid symbol.\"}".to_vec(), "is JSON that begins with"),
        (b"[{\"open\":1}]".to_vec(), "is JSON that begins with"),
        (text.replace('\n', "\r").into_bytes(), "is text whose lines end with CR alone"),
    ];
    for (bytes, expected) in cases {
        let reason = refused("BTC-USD-1h.csv", bytes);
        assert!(reason.starts_with(expected), "{expected}: {reason}");
    }
}

#[test]
fn the_later_line_of_a_repeated_candle_stands() {
    let (name, bytes) = market("15-same-bar-twice/DUP-USD-1m.csv");
    let found = read(&name, bytes).unwrap();
    assert_eq!(line(&found.candles[1]), "1625563800000,34110,34130,34080,34095,3.25");
    assert_eq!((found.summary.repeated, found.repeats[0].line, found.rejects.len()), (1, 4, 0));
    assert_eq!(
        found.repeats[0].reason,
        "the candle of 2021-07-06 09:30:00 is there before: this later line replaces it"
    );
}

#[test]
fn a_complete_candle_stands_whatever_the_order() {
    let replaced = "the candle of 2024-01-01 00:00:00 is there before: this later line replaces it";
    let left_out =
        "the candle of 2024-01-01 00:00:00 is there before, and complete: this incomplete one is left out";
    // The marks of the lines, their closes being 1, 2, 3: which one stands, and what is said.
    let cases: [(&[u8], f64, bool, &[&str]); 6] = [
        (&[1, 0], 2.0, false, &[replaced]),
        (&[0, 1], 1.0, false, &[left_out]),
        (&[0, 0], 2.0, false, &[replaced]),
        (&[1, 1], 2.0, true, &[replaced]),
        (&[1, 0, 1], 2.0, false, &[replaced, left_out]),
        (&[0, 1, 0], 3.0, false, &[left_out, replaced]),
    ];
    for (marks, close, incomplete, said) in cases {
        let lines: String =
            marks.iter().zip(1..).map(|(mark, close)| format!("{START},1,9,1,{close},5,{mark}\n")).collect();
        let text = format!("open_time,open,high,low,close,volume,partial\n{lines}");
        let found = read("BTC-USD-1d.csv", text).unwrap();
        // Of those that are given, the last one stands.
        let stands = found.candles.last().zip(found.incomplete.last()).unwrap();
        assert_eq!((stands.0.close, *stands.1), (close, incomplete), "{marks:?}");
        let reasons: Vec<_> = found.repeats.iter().map(|repeat| repeat.reason.as_str()).collect();
        assert_eq!(reasons, said, "{marks:?}");
        let summary = &found.summary;
        assert_eq!((summary.candles, summary.incomplete), (1, u64::from(incomplete)), "{marks:?}");
        assert_eq!(summary.repeated, said.len() as u64, "{marks:?}");
    }
}

#[test]
fn candles_that_have_not_ended_are_incomplete() {
    let days: String = (0..5).map(|i| format!("{},1,2,1,2,5\n", START + i * DAY)).collect();
    let at = |now: i64| {
        let given = Given { now: Some(now), ..Given::default() };
        read_as("BTC-USD-1d.csv", format!("{TIDEMARK}{days}"), &given).unwrap()
    };
    // At 22:30 of the third day the fourth is ahead of the clock, and the fifth by more than a day.
    let found = at(START + 2 * DAY + 81_000_000);
    assert_eq!(found.incomplete, [false, false, true, true]);
    assert_eq!(found.rejects.len(), 1);
    assert_eq!(
        found.rejects[0].reason,
        "opens at 2024-01-05 00:00:00, more than a day after the time now, 2024-01-03 22:30:00"
    );
    assert_eq!(at(START + 5 * DAY).incomplete, [false; 5]);
    assert_eq!(at(START + 5 * DAY - 1).incomplete, [false, false, false, false, true]);
    assert_eq!(at(START + 4 * DAY).summary.incomplete, 1);
    let far = told(
        "BTC-USD-1d.csv",
        format!("{TIDEMARK}4102444800000,1,1,1,1,1\n"),
        &Given { now: Some(START), ..Given::default() },
    );
    assert!(
        far.unwrap_err().starts_with("the only line: opens at 2100-01-01 00:00:00, more than a day after")
    );
    // The file's own mark.
    let marked = format!("{},partial\n{START},1,1,1,1,1,1\n{},1,1,1,1,1,0\n", TIDEMARK.trim(), START + DAY);
    assert_eq!(read("BTC-USD-1d.csv", marked).unwrap().incomplete, [true, false]);
    let json = format!(
        "{{\"open_time\":{START},\"open\":1,\"high\":1,\"low\":1,\"close\":1,\"volume\":1,\"partial\":true}}\n\
         [{},1,1,1,1,1,true]\n[{},1,1,1,1,1]\n",
        START + DAY,
        START + 2 * DAY
    );
    assert_eq!(read("BTC-USD-1d.ndjson", json).unwrap().incomplete, [true, true, false]);
}

#[test]
fn a_last_line_without_its_end_is_reported() {
    let text = format!("{COLUMNS}{HOURS}");
    assert_eq!(read("BTC-USD-1h.csv", text.clone()).unwrap().summary.unended_line, None);
    let found = read("BTC-USD-1h.csv", text.trim_end()).unwrap();
    assert_eq!((found.candles.len(), found.summary.unended_line), (2, Some(3)));
    // A column that nothing is read from may be cut.
    let tail = text.replace('\n', ",9\n");
    assert_eq!(read("BTC-USD-1h.csv", tail.trim_end()).unwrap().summary.unended_line, None);
    // One that made no candle is rejected by itself.
    let found = read("BTC-USD-1h.csv", text.trim_end().trim_end_matches(",8")).unwrap();
    assert_eq!((found.rejects.len(), found.summary.unended_line), (1, None));
}

#[test]
fn name_and_rows_agree_on_the_length() {
    let rows = |step: i64, count: i64| -> String {
        (0..count).map(|i| format!("{},1,2,1,2,5\n", START + i * step)).collect()
    };
    let cases = [
        ("BTC-USD-1h.csv", DAY, "1h bars, the rows are 1d apart"),
        ("BTC-USD-1m.csv", HOUR, "1m bars, the rows are 1h apart"),
        ("BTC-USD-1d.csv", 7 * DAY, "1d bars, the rows are 1w apart"),
        ("BTC-USD-1d.csv", HOUR, "1d bars, the rows are 1h apart"),
        ("BTC-USD-4h.csv", HOUR, "4h bars, the rows are 1h apart"),
    ];
    for (name, step, expected) in cases {
        for count in [3, 50] {
            let reason =
                told(name, format!("{TIDEMARK}{}", rows(step, count)), &Given::default()).unwrap_err();
            assert_eq!(reason, format!("by the name these are {expected}; give --interval"), "{name}");
        }
    }
    // Candles that are missing make longer steps, but not everywhere.
    let thin: String = [0, 3, 6, 9, 10, 13].map(|i| format!("{},1,2,1,2,5\n", START + i * HOUR)).concat();
    assert!(told("BTC-USD-1h.csv", format!("{TIDEMARK}{thin}"), &Given::default()).is_ok());
    let two = format!("{TIDEMARK}{}", rows(DAY, 2));
    assert!(told("BTC-USD-1h.csv", two, &Given::default()).is_ok(), "one step says nothing");
}

#[test]
fn a_file_of_no_candle_says_what_its_lines_share() {
    let of =
        |lines: &str| told("BTC-USD-1h.csv", format!("{TIDEMARK}{lines}"), &Given::default()).unwrap_err();
    assert_eq!(of(""), "there is no line after the header");
    assert_eq!(of("1,2\n1,2\n"), "all 2 lines have 2 fields, not 6");
    assert_eq!(
        of("0,0,1,1,1,1\n3600000,1,1,0,1,1\n0,0,2,2,2,2\n"),
        "none of 3 lines makes a candle, 2 of them as this one: open is zero"
    );
    assert_eq!(
        of("1704067200,1,1,1,1,1\n1704070800,1,1,1,1,1\n"),
        "all 2 candles open in 1970: the times seem to be in seconds, open_time has milliseconds"
    );
}
