//! Whose candles imported ones are.

use candle_files::Heading;
use model::Source;

use super::ImportError;

/// The name of the recording that is replayed as if it were now.
const REPLAY: &str = "replay";

/// Reads the name of a source that an import may give.
///
/// # Errors
/// Why it may not: other characters than names of sources have, or a name that Tidemark uses for itself.
pub fn source(text: &str) -> Result<Source, String> {
    let fits = (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if !fits {
        return Err("is not 1 to 32 of a-z, 0-9, - and _".to_owned());
    }
    // Charts of these sources come from elsewhere: what was stored under them could not be told from it.
    if text == Source::SIMULATED.as_str() {
        return Err("simulated is the name of made-up prices".to_owned());
    }
    if text == REPLAY {
        return Err("replay is the name of the replayed recording".to_owned());
    }
    Ok(Source::new(text.to_owned()))
}

/// The exchange that a file tells, as a source.
pub(super) fn of_file(heading: &Heading) -> Result<Source, ImportError> {
    let Some(exchange) = &heading.exchange else {
        let reason = "neither name nor layout tell the exchange; give --source NAME".to_owned();
        return Err(ImportError::Source(reason));
    };
    source(exchange).map_err(|reason| {
        ImportError::Source(format!("the exchange {exchange:?} {reason}; give --source NAME"))
    })
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn sources_are_plain_names() {
        assert_eq!(source("my-feed_2").unwrap().as_str(), "my-feed_2");
        for bad in ["", "simulated", "replay", "Recorded", "a b", "a/b", "a23456789012345678901234567890123"]
        {
            assert!(source(bad).is_err(), "{bad:?}");
        }
    }
}
