//! Where a parameter of a likelihood comes from.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Where a parameter of a likelihood comes from: `"network"`, `"constant"` or a number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Source {
    /// Predicted for each sample.
    #[default]
    Network,
    /// One trained number per block, the same for all samples.
    Constant,
    /// This number, in the data's own units.
    Fixed(f64),
}

const ALTERNATIVES: &str = "\"network\", \"constant\" or a number";

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Network => serializer.serialize_str("network"),
            Self::Constant => serializer.serialize_str("constant"),
            Self::Fixed(value) => serializer.serialize_f64(*value),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SourceVisitor;

        impl Visitor<'_> for SourceVisitor {
            type Value = Source;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(ALTERNATIVES)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Source, E> {
                match value {
                    "network" => Ok(Source::Network),
                    "constant" => Ok(Source::Constant),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Source, E> {
                Ok(Source::Fixed(value))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Source, E> {
                Ok(Source::Fixed(value as f64))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Source, E> {
                Ok(Source::Fixed(value as f64))
            }
        }

        deserializer.deserialize_any(SourceVisitor)
    }
}

impl JsonSchema for Source {
    fn schema_name() -> Cow<'static, str> {
        "Source".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Where a parameter comes from: predicted for each sample (\"network\"), one trained number (\"constant\"), or this number in the data's own units.",
            "anyOf": [{ "enum": ["network", "constant"] }, { "type": "number" }],
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a failed unwrap is a failed test
mod tests {
    use super::Source;

    #[test]
    fn alternatives_round_trip_and_errors_name_them() {
        for (text, source) in
            [("\"network\"", Source::Network), ("\"constant\"", Source::Constant), ("0.5", Source::Fixed(0.5))]
        {
            assert_eq!(serde_json::from_str::<Source>(text).unwrap(), source);
            assert_eq!(serde_json::to_string(&source).unwrap(), text);
        }
        assert_eq!(serde_json::from_str::<Source>("2").unwrap(), Source::Fixed(2.0));
        for wrong in ["\"netwrok\"", "true", "[1]"] {
            let error = serde_json::from_str::<Source>(wrong).unwrap_err().to_string();
            assert!(error.contains("expected \"network\", \"constant\" or a number"), "{error}");
        }
    }
}
