//! Absolute tolerances: one number for all states, or one for each.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One tolerance for all components, or one for each.
///
/// In a configuration: `atol = 1e-8` or `atol = [1e-8, 1e-6]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Tolerance {
    /// The same for every component.
    Uniform(f64),
    /// `[n]`, one for each component.
    PerComponent(Vec<f64>),
}

impl Tolerance {
    /// The tolerance of component `i`.
    #[inline]
    pub fn of(&self, i: usize) -> f64 {
        match self {
            Self::Uniform(value) => *value,
            Self::PerComponent(values) => values[i],
        }
    }

    /// Every number given.
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Uniform(value) => std::slice::from_ref(value),
            Self::PerComponent(values) => values,
        }
    }
}

impl From<f64> for Tolerance {
    fn from(value: f64) -> Self {
        Self::Uniform(value)
    }
}

impl Serialize for Tolerance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uniform(value) => serializer.serialize_f64(*value),
            Self::PerComponent(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ToleranceVisitor)
    }
}

/// Written by hand so that a mistake is reported where it stands, with both alternatives.
struct ToleranceVisitor;

impl<'de> Visitor<'de> for ToleranceVisitor {
    type Value = Tolerance;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number, or a list of one number per state")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tolerance, E> {
        Ok(Tolerance::Uniform(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tolerance, E> {
        Ok(Tolerance::Uniform(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tolerance, E> {
        Ok(Tolerance::Uniform(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Tolerance, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Tolerance::PerComponent(values))
    }
}

impl JsonSchema for Tolerance {
    fn schema_name() -> Cow<'static, str> {
        "Tolerance".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One tolerance for all states, or a list with one for each.",
            "anyOf": [
                { "type": "number", "exclusiveMinimum": 0 },
                { "type": "array", "items": { "type": "number", "exclusiveMinimum": 0 } },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_list_are_read_and_a_string_is_refused_with_both_alternatives() {
        let read = serde_json::from_str::<Tolerance>;
        assert_eq!(read("1e-8").unwrap(), Tolerance::Uniform(1e-8));
        assert_eq!(read("1").unwrap(), Tolerance::Uniform(1.0));
        assert_eq!(read("[1e-8, 2]").unwrap(), Tolerance::PerComponent(vec![1e-8, 2.0]));
        let message = read("\"tight\"").unwrap_err().to_string();
        assert!(message.contains("expected a number, or a list of one number per state"), "{message}");
    }
}
