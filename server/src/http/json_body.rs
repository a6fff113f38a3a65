//! JSON bodies.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// A struct that is read from an object alone. Serde would also take an array of its fields in their order, which no description
/// of the API has.
#[derive(Debug)]
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OfObject<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(OfObject(PhantomData)).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    #[test]
    fn an_array_of_fields_is_no_object() {
        let read = |text: &str| serde_json::from_str::<Object<Named>>(text).map(|Object(it)| it.name);
        assert_eq!(read(r#"{"name":"a"}"#).unwrap(), "a");
        assert_eq!(
            read(r#"["a"]"#).unwrap_err().to_string(),
            "invalid type: sequence, expected an object at line 1 column 0"
        );
        for bad in ["\"a\"", "1", "null", "{}", r#"{"name":1}"#, r#"{"name":"a","more":1}"#] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
