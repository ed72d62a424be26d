//! How a state starts.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The value of a state at the start of a trajectory.
#[derive(Debug, Clone, PartialEq)]
pub enum Initial {
    /// The first observation, taken as exact; it is then an input and no sample.
    Observed,
    /// A number of each trajectory's own, trained, beginning at the first observation.
    Free,
    /// Known.
    Number(f64),
    /// An expression of parameters.
    Expression(String),
}

impl Serialize for Initial {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Observed => serializer.serialize_str("observed"),
            Self::Free => serializer.serialize_str("free"),
            Self::Number(value) => serializer.serialize_f64(*value),
            Self::Expression(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Initial {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InitialVisitor)
    }
}

/// Written by hand so that a mistake is reported where it stands, with all alternatives.
struct InitialVisitor;

impl Visitor<'_> for InitialVisitor {
    type Value = Initial;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("\"observed\", \"free\", a number, or an expression of parameters")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Initial, E> {
        Ok(Initial::Number(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Initial, E> {
        Ok(Initial::Number(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Initial, E> {
        Ok(Initial::Number(value as f64))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Initial, E> {
        Ok(match text {
            "observed" => Initial::Observed,
            "free" => Initial::Free,
            _ => Initial::Expression(text.to_owned()),
        })
    }
}

impl JsonSchema for Initial {
    fn schema_name() -> Cow<'static, str> {
        "Initial".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "\"observed\", \"free\", a number, or an expression of parameters.",
            "anyOf": [{ "type": "number" }, { "type": "string" }],
        })
    }
}
