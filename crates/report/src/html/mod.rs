//! `report.html`: one page that needs nothing else, readable on screen (light and dark) and on paper.

mod fairness;
mod parameters;
pub(crate) mod tables;

use std::fmt::Write;

use serde_json::Value;

use crate::figure::{Drawing, escape, font_css, inline_svg};
use crate::metrics::verdict_sentence;
use crate::number::significant;
use crate::solution::optimality_sentence;
use crate::{Metrics, ReportInputs, RunData};

/// A figure as the page shows it.
pub(crate) struct Shown {
    pub(crate) title: &'static str,
    pub(crate) caption: String,
    pub(crate) drawing: Drawing,
}

pub(crate) const STYLE: &str = include_str!("../../assets/report.css");

/// The whole page.
pub(crate) fn page(run: &RunData, metrics: &Metrics, figures: &[Shown], inputs: &ReportInputs) -> String {
    let title = escape(&run.name);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} · surprisal</title>\n\
         <style>\n{}\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n\
         <p class=\"facts\">{}</p>\n</header>\n<p class=\"verdict\">{}</p>\n",
        font_css(),
        facts(run),
        escape(&verdict_sentence(run)),
    );
    html.push_str("<h2>Metrics</h2>\n");
    html.push_str(&tables::metrics(run, metrics));
    if let Some(sentence) = optimality_sentence(run) {
        // Writing to a String cannot fail.
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&sentence));
    }
    html.push_str(&fairness::tables(run, metrics));
    html.push_str(&tables::recalibration(run, metrics));
    html.push_str(&parameters::table(run));
    html.push_str("<h2>Figures</h2>\n<div class=\"figures\">\n");
    for figure in figures {
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<figure>\n{}\n<figcaption><b>{}.</b> {}</figcaption>\n</figure>\n",
            inline_svg(&figure.drawing.canvas, figure.title),
            escape(figure.title),
            escape(&figure.caption)
        );
    }
    html.push_str("</div>\n");
    html.push_str(&section("Configuration", &format!("<pre>{}</pre>", escape(inputs.config_toml.trim_end()))));
    html.push_str(&section("Provenance", &provenance(&inputs.provenance)));
    if !inputs.timing.is_null() {
        html.push_str(&section("Timing", &definitions(&inputs.timing)));
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn facts(run: &RunData) -> String {
    let mut facts = vec![
        format!("model <b>{}</b>", escape(&run.model)),
        format!("likelihood <b>{}</b>", escape(&run.likelihood)),
        format!("seed <b>{}</b>", run.seed),
    ];
    if let Some(epoch) = run.curves.selected.and_then(|t| run.curves.epoch.get(t)) {
        facts.push(format!("parameters of epoch <b>{epoch}</b> ({} evaluations)", run.curves.epoch.len()));
    }
    facts.join(" · ")
}

fn section(title: &str, body: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{body}\n</section>\n")
}

fn provenance(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value @ Value::Object(_)) => definitions(&value),
        _ => format!("<pre>{}</pre>", escape(text.trim_end())),
    }
}

/// An object as a list of terms; nested values as text.
fn definitions(value: &Value) -> String {
    let Some(object) = value.as_object() else { return format!("<pre>{}</pre>", escape(&value.to_string())) };
    let mut html = String::from("<dl>");
    for (key, value) in object {
        let shown = match value {
            Value::String(text) if text.contains('\n') => format!("<pre>{}</pre>", escape(text.trim_end())),
            Value::String(text) => escape(text),
            Value::Number(number) if !number.is_i64() && !number.is_u64() => {
                significant(number.as_f64().unwrap_or(f64::NAN), 4)
            }
            Value::Object(_) => definitions(value),
            other => escape(&other.to_string()),
        };
        let _ = write!(html, "<dt>{}</dt><dd>{shown}</dd>", escape(&key.replace('_', " ")));
    }
    html.push_str("</dl>");
    html
}
