//! How values become bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that the cache can hold in memory and in Redis.
pub trait Value: Send + Sync + Sized + 'static {
    /// Number of the layout of [`encode`](Value::encode). Raise it with every change of the layout: entries of another
    /// number are misses, never errors.
    const SCHEMA: u16;

    /// The value as bytes. An error means that it stays out of Redis; readers still get it.
    fn encode(&self) -> Result<Vec<u8>, CodecError>;

    /// The value from the bytes that [`encode`](Value::encode) made. Must not panic on any input.
    fn decode(bytes: &[u8]) -> Result<Self, CodecError>;

    /// Bytes that the value takes in memory: its own size and what it owns on the heap.
    fn weight(&self) -> usize;
}

/// A value that cannot be turned into bytes, or bytes that are no such value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl CodecError {
    /// An error that says what did not fit.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// Encodes any serde type by postcard: compact, with no field names.
pub fn to_postcard<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    postcard::to_stdvec(value).map_err(|error| CodecError(format!("postcard: {error}")))
}

/// Decodes what [`to_postcard`] wrote. Bytes left over are an error.
pub fn from_postcard<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, rest) =
        postcard::take_from_bytes(bytes).map_err(|error| CodecError(format!("postcard: {error}")))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(CodecError(format!("postcard: {} bytes too many", rest.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postcard_round_trip_and_refusals() {
        let value = (7u32, "seven".to_owned(), vec![1.5f64, -2.0]);
        let bytes = to_postcard(&value).expect("encodes");
        assert_eq!(from_postcard(&bytes), Ok(value));
        assert!(from_postcard::<(u32, String, Vec<f64>)>(&bytes[..bytes.len() - 1]).is_err());
        let mut longer = bytes;
        longer.push(0);
        assert!(from_postcard::<(u32, String, Vec<f64>)>(&longer).is_err());
    }
}
