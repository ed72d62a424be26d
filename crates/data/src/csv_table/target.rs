//! `target` of a table: a column, several columns, or a label that counts as 1.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};

/// What a table's rows are to predict: `"y"`, `["y1", "y2"]`, or
/// `{ column = "class", positive = "ill" }`; `{ column = "class" }` for all its classes.
#[derive(Debug, Clone, PartialEq)]
pub enum TargetColumns {
    /// One column of numbers.
    One(String),
    /// Several columns of numbers, predicted together.
    Several(Vec<String>),
    /// A column of labels: one of them against all others, or all of them.
    Label(Label),
}

/// A column of labels: one counts as 1 and all others as 0, or each is a class of its own.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The column.
    pub column: String,
    /// The label that counts as 1; without it every label is a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
}

impl TargetColumns {
    /// The columns, in order.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::One(column) => vec![column],
            Self::Several(columns) => columns.iter().map(String::as_str).collect(),
            Self::Label(label) => vec![&label.column],
        }
    }
}

impl Serialize for TargetColumns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(column) => column.serialize(serializer),
            Self::Several(columns) => columns.serialize(serializer),
            Self::Label(label) => label.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for TargetColumns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TargetVisitor)
    }
}

struct TargetVisitor;

impl<'de> Visitor<'de> for TargetVisitor {
    type Value = TargetColumns;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column, a list of columns, { column = \"…\", positive = \"…\" } or { column = \"…\" }")
    }

    fn visit_str<E: de::Error>(self, column: &str) -> Result<TargetColumns, E> {
        Ok(TargetColumns::One(column.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut columns: A) -> Result<TargetColumns, A::Error> {
        let mut names = vec![];
        while let Some(name) = columns.next_element()? {
            names.push(name);
        }
        Ok(TargetColumns::Several(names))
    }

    fn visit_map<A: MapAccess<'de>>(self, label: A) -> Result<TargetColumns, A::Error> {
        Label::deserialize(MapAccessDeserializer::new(label)).map(TargetColumns::Label)
    }
}

impl JsonSchema for TargetColumns {
    fn schema_name() -> Cow<'static, str> {
        "TargetColumns".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let label = generator.subschema_for::<Label>();
        json_schema!({
            "description": "A column, a list of columns, a label that counts as 1, or a column of classes.",
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 },
                label,
            ]
        })
    }
}
