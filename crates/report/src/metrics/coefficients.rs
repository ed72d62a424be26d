//! Coefficients of a linear model by the names of its inputs, and constants of the likelihood.

use serde_json::{Map, Value, json};

use crate::tabular::{LinearOutput, Tabular};

/// The name of what does not depend on any input.
const INTERCEPT: &str = "(intercept)";

/// `{location: {standardized: {(intercept), input, …}, raw: {…}}, …}`; null where the model is not linear.
pub(super) fn coefficients(table: &Tabular, inputs: &[String]) -> Value {
    if table.coefficients.is_empty() {
        return Value::Null;
    }
    let named = |(intercept, slopes): &(f64, Vec<f64>)| -> Value {
        let slopes = inputs.iter().zip(slopes).map(|(name, slope)| (name.clone(), json!(slope)));
        Value::Object(std::iter::once((INTERCEPT.to_owned(), json!(intercept))).chain(slopes).collect())
    };
    let output = |output: &LinearOutput| {
        let mut of = Map::new();
        of.insert("standardized".into(), named(&output.standardized));
        if let Some(raw) = &output.raw {
            of.insert("raw".into(), named(raw));
        }
        (output.name.clone(), Value::Object(of))
    };
    Value::Object(table.coefficients.iter().map(output).collect())
}

/// `{dispersion: 0.44}`, a list where there are several.
pub(super) fn constants(table: &Tabular) -> Value {
    let value = |values: &[f64]| match values {
        [one] => json!(one),
        several => json!(several),
    };
    Value::Object(table.constants.iter().map(|(name, values)| (name.clone(), value(values))).collect())
}
