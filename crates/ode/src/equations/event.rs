//! The tables `[model.ode.events.NAME]`.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use surprisal_core::closest;
use surprisal_expr::{Builder, Expression};

use super::config::Equations;
use super::error::EquationError;
use crate::events::{Event, Trigger};
use crate::guard::Direction;

/// Something that happens at a moment: either `at` known times or `when` a quantity passes zero.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventConfig {
    /// Times in the data's units; or an input column: wherever it has a value other than 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// An expression: it happens when this passes zero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Which passages count: "any", "rising" or "falling".
    #[serde(default)]
    pub direction: Direction,
    /// New values of states, expressions of what is just before.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub set: IndexMap<String, String>,
    /// Whether the trajectory stays where it is from then on.
    #[serde(default)]
    pub stop: bool,
}

/// Known moments.
#[derive(Debug, Clone, PartialEq)]
pub enum At {
    /// These times, of every trajectory.
    Times(Vec<f64>),
    /// Rows in which this input is recorded and not 0.
    Column(String),
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Times(times) => times.serialize(serializer),
            Self::Column(name) => serializer.serialize_str(name),
        }
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AtVisitor)
    }
}

/// Written by hand so that a mistake is reported where it stands, with all alternatives.
struct AtVisitor;

impl<'de> Visitor<'de> for AtVisitor {
    type Value = At;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of times, or the name of an input column")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<At, E> {
        Ok(At::Column(name.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<At, A::Error> {
        let mut times = vec![];
        while let Some(time) = seq.next_element::<f64>()? {
            times.push(time);
        }
        Ok(At::Times(times))
    }
}

impl JsonSchema for At {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A list of times, or the name of an input column.",
            "anyOf": [{ "type": "array", "items": { "type": "number" } }, { "type": "string" }],
        })
    }
}

impl Equations {
    /// All events, for systems of these symbols and input columns.
    pub(super) fn compiled_events(&self, builder: &Builder, inputs: &[String]) -> Result<Vec<Event>, EquationError> {
        self.events.iter().map(|(name, config)| self.event(name, config, builder, inputs)).collect()
    }

    fn event(
        &self,
        name: &str,
        config: &EventConfig,
        builder: &Builder,
        inputs: &[String],
    ) -> Result<Event, EquationError> {
        let wrong =
            |key: &str, message: String, hint: &str| Err(EquationError::setting(&["events", name, key], message, hint));
        let trigger = match (&config.at, &config.when) {
            (Some(_), Some(_)) => {
                return wrong("when", format!("event `{name}` has both `at` and `when`"), "keep one of the two");
            }
            (None, None) => {
                let message = format!("nothing says when event `{name}` happens");
                let hint = "add `at` with times or an input column, or `when` with an expression that passes zero";
                return Err(EquationError::setting(&["events", name], message, hint));
            }
            (Some(_), None) if config.direction != Direction::Any => {
                let message = "times have no direction".to_owned();
                return wrong("direction", message, "remove it; it goes with `when`");
            }
            (Some(At::Times(times)), None) => {
                if let Some(i) = times.iter().position(|time| !time.is_finite()) {
                    let message = format!("times must be finite, found {}", times[i]);
                    let error = EquationError::setting(&["events", name, "at"], message, "give numbers");
                    return Err(error.in_element(i));
                }
                Trigger::Times(times.clone())
            }
            (Some(At::Column(column)), None) => match inputs.iter().position(|input| input == column) {
                Some(input) => Trigger::Input(input),
                None => {
                    let near = closest(column, inputs.iter().map(String::as_str));
                    let hint = match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("name the column in the data: `inputs = [\"{column}\"]`"),
                    };
                    return wrong("at", format!("the data has no input column `{column}`"), &hint);
                }
            },
            (None, Some(text)) => {
                let mut builder = builder.clone();
                Expression::parse(text)
                    .and_then(|expression| builder.output(&expression))
                    .map_err(|error| EquationError::expression(&["events", name, "when"], error))?;
                Trigger::Root(builder.finish(), config.direction)
            }
        };
        if config.set.is_empty() && !config.stop {
            let message = format!("nothing happens at event `{name}`");
            let hint = "add `set` with new values of states, or `stop = true`";
            return Err(EquationError::setting(&["events", name], message, hint));
        }
        let (mut reset, mut targets) = (builder.clone(), vec![]);
        for (state, text) in &config.set {
            let Some(target) = self.states.get_index_of(state) else {
                let near = closest(state, self.states.keys().map(String::as_str));
                let hint = near.map_or("set a state".to_owned(), |near| format!("did you mean `{near}`?"));
                return Err(EquationError::setting(
                    &["events", name, "set", state],
                    format!("there is no state `{state}`"),
                    hint,
                ));
            };
            Expression::parse(text)
                .and_then(|expression| reset.output(&expression))
                .map_err(|error| EquationError::expression(&["events", name, "set", state], error))?;
            targets.push(target);
        }
        Ok(Event { trigger, reset: reset.finish(), targets, stop: config.stop })
    }
}
