//! Candles (OHLCV bars).

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeTuple};

use crate::UnixMs;

/// One bar. On the wire it is the array `[open_time, open, high, low, close, volume]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candle {
    /// Start of the bar, Unix ms.
    pub open_time: UnixMs,
    /// First price, in the quote currency (USD).
    pub open: f64,
    /// Highest price.
    pub high: f64,
    /// Lowest price.
    pub low: f64,
    /// Last price.
    pub close: f64,
    /// Traded amount in base units (coins).
    pub volume: f64,
}

impl Candle {
    /// Whether the bar closed at or above its open.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.close >= self.open
    }
}

impl Serialize for Candle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(6)?;
        tuple.serialize_element(&self.open_time)?;
        for number in [self.open, self.high, self.low, self.close, self.volume] {
            tuple.serialize_element(&number)?;
        }
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for Candle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (open_time, open, high, low, close, volume) = Deserialize::deserialize(deserializer)?;
        Ok(Self { open_time, open, high, low, close, volume })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_the_wire_as_an_array() {
        let bar = Candle { open_time: 1, open: 2.0, high: 4.5, low: 1.0, close: 3.0, volume: 0.25 };
        let json = serde_json::to_string(&bar).unwrap();
        assert_eq!(json, "[1,2.0,4.5,1.0,3.0,0.25]");
        assert_eq!(serde_json::from_str::<Candle>(&json).unwrap(), bar);
    }
}
