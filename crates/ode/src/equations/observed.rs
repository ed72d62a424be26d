//! What the column of a state measures.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What the data's column of a state's name measures.
#[derive(Debug, Clone, PartialEq)]
pub enum Observed {
    /// The state itself.
    State,
    /// There is no such column: the state is hidden.
    Hidden,
    /// An expression of states, parameters and time.
    Expression(String),
}

impl Serialize for Observed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::State => serializer.serialize_bool(true),
            Self::Hidden => serializer.serialize_bool(false),
            Self::Expression(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObservedVisitor)
    }
}

/// Written by hand so that a mistake is reported where it stands, with all alternatives.
struct ObservedVisitor;

impl Visitor<'_> for ObservedVisitor {
    type Value = Observed;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("true, false, or an expression for what is measured")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Observed, E> {
        Ok(if value { Observed::State } else { Observed::Hidden })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Observed, E> {
        Ok(Observed::Expression(text.to_owned()))
    }
}

impl JsonSchema for Observed {
    fn schema_name() -> Cow<'static, str> {
        "Observed".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Whether the column of the same name measures the state, or an expression for what it measures.",
            "anyOf": [{ "type": "boolean" }, { "type": "string" }],
        })
    }
}
