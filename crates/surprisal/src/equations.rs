//! Mistakes in equations, shown where they stand in the configuration.

use std::ops::Range;

use surprisal_core::Diagnose;
use surprisal_expr::ExprError;
use surprisal_ode::EquationError;
use surprisal_ode::equations::EquationFault;
use surprisal_train::TrainError;
use toml_edit::{Document, Item, Value};

use crate::failure::Failure;
use crate::origin::{Origin, line_and_column};

/// A failure of the model's construction; one that lies in an equation points at it.
pub(crate) fn located(origin: &Origin, error: TrainError) -> Failure {
    match error {
        TrainError::Equations(error) => in_equation(origin, &error),
        other => other.into(),
    }
}

fn in_equation(origin: &Origin, error: &EquationError) -> Failure {
    let mut keys: Vec<&str> = match error.keys[0].as_str() {
        "inputs" => vec!["data", "csv_series", "inputs"],
        _ => ["model", "ode"].into_iter().chain(error.keys.iter().map(String::as_str)).collect(),
    };
    let EquationFault::Expression(expression) = &error.fault else {
        // where the key itself is not written, the table that lacks it
        while keys.len() > 2 && !overridden(origin, &keys) && value_span(&origin.text, &keys, None).is_none() {
            keys.pop();
        }
        return Failure::user(format!("{}: {error}", origin.locate(&keys)), error.hint().unwrap_or_default());
    };
    in_expression(origin, &keys, error.element, expression)
}

/// A mistake in the expression that is the value of a key, or one element of it.
pub(crate) fn in_expression(origin: &Origin, keys: &[&str], element: Option<usize>, fault: &ExprError) -> Failure {
    let hint = fault.hint().unwrap_or_default();
    let span = value_span(&origin.text, keys, element).filter(|_| !overridden(origin, keys));
    // quotation marks and line breaks stand around the expression, escapes may stand in it
    let within = span.and_then(|span| origin.text[span.clone()].find(&fault.text).map(|at| span.start + at));
    let Some(start) = within.filter(|_| !fault.text.is_empty()) else {
        return Failure::user(format!("{}: {}\n{}", origin.locate(keys), fault.fault, fault.caret("  ")), hint);
    };
    let (line, column) = line_and_column(&origin.text, start + fault.span.start);
    let source = origin.text.lines().nth(line - 1).unwrap_or_default();
    let width = fault.text[fault.span.clone()].lines().next().map_or(1, |l| l.chars().count().max(1));
    let blank = " ".repeat(line.to_string().len());
    Failure::user(
        format!(
            "{}:{line}:{column}: {}\n {line} | {source}\n {blank} | {}{}",
            origin.file,
            fault.fault,
            " ".repeat(column - 1),
            "^".repeat(width)
        ),
        hint,
    )
}

/// Whether the key was set at the command line.
fn overridden(origin: &Origin, keys: &[&str]) -> bool {
    let dotted = keys.join(".");
    origin.overrides.iter().any(|a| a.split('=').next().is_some_and(|key| key.trim() == dotted))
}

/// Where the value of a key is written, or one element of it.
fn value_span(text: &str, keys: &[&str], element: Option<usize>) -> Option<Range<usize>> {
    let document = Document::parse(text).ok()?;
    span_below(document.as_item(), keys, element)
}

fn span_below(item: &Item, keys: &[&str], element: Option<usize>) -> Option<Range<usize>> {
    match (keys.split_first(), item, element) {
        // a table among several of one name
        (Some((key, rest)), Item::ArrayOfTables(tables), _) => {
            span_below(&Item::Table(tables.get(key.parse().ok()?)?.clone()), rest, element)
        }
        (Some((key, rest)), ..) => span_below(item.get(key)?, rest, element),
        (None, Item::Value(Value::Array(values)), Some(i)) => values.get(i)?.span(),
        (None, Item::Value(value), _) => value.span(),
        (None, ..) => item.span().or(Some(0..0)),
    }
}
