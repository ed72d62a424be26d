//! `report.html`: one page that needs nothing else, readable on screen (light and dark) and on paper.

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

const STYLE: &str = include_str!("../assets/report.css");

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
    html.push_str(&table(run, metrics));
    if let Some(sentence) = optimality_sentence(run) {
        let _ = writeln!(html, "<p class=\"note\">{}</p>", escape(&sentence));
    }
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

/// One row of the table: key, label, unit, what is good.
const ROWS: [(&str, &str, Unit, &str); 12] = [
    ("nll", "NLL per sample", Unit::Nat, "lower"),
    ("nll_per_component", "NLL per component", Unit::Nat, "lower"),
    ("rmse", "RMSE", Unit::Data, "lower"),
    ("mae", "MAE", Unit::Data, "lower"),
    ("crps", "CRPS", Unit::Data, "lower"),
    ("sharpness", "Sharpness (RMS σ)", Unit::Data, "near RMSE"),
    ("zms", "ZMS (mean z²)", Unit::One, "1"),
    ("miscalibration_area", "Miscalibration area", Unit::One, "0"),
    ("ence", "ENCE", Unit::One, "0"),
    ("pit_ks_p", "PIT uniformity, p", Unit::One, "> 0.05"),
    ("spearman", "Spearman(error, σ)", Unit::One, "higher"),
    ("ause", "AUSE", Unit::One, "0"),
];

#[derive(Clone, Copy)]
enum Unit {
    Nat,
    Data,
    One,
}

/// A measure of one split and its interval.
type Cell = (Option<f64>, Option<(f64, f64)>);

fn table(run: &RunData, metrics: &Metrics) -> String {
    if run.splits.is_empty() {
        return "<p>The run has no predictions yet.</p>\n".into();
    }
    let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr><th>Measure</th><th>Good</th>");
    for split in &run.splits {
        let entry = &metrics.value()["splits"][&split.name];
        let _ = write!(
            html,
            "<th>{}<small>{} samples<br>{} groups</small></th>",
            escape(&split.name),
            entry["n_samples"],
            entry["n_groups"]
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let mut row = |label: &str, good: &str, cell: &dyn Fn(&str) -> Cell| {
        let _ = write!(html, "<tr><th>{label}</th><td class=\"good\">{good}</td>");
        for split in &run.splits {
            let (value, interval) = cell(&split.name);
            let value = value.map_or("–".into(), |v| significant(v, 3));
            let interval = interval.map_or(String::new(), |(low, high)| {
                format!("<small>{} to {}</small>", significant(low, 3), significant(high, 3))
            });
            let _ = write!(html, "<td>{value}{interval}</td>");
        }
        html.push_str("</tr>\n");
    };
    for (key, label, unit, good) in ROWS {
        let unit = match unit {
            Unit::Nat => " <i>nat</i>".to_owned(),
            Unit::Data if !run.unit.is_empty() => format!(" <i>{}</i>", escape(&run.unit)),
            Unit::Data | Unit::One => String::new(),
        };
        let good = good.replace('>', "&gt;");
        row(&format!("{label}{unit}"), &good, &|split| (metrics.number(split, key), metrics.interval(split, key)));
    }
    for level in surprisal_objective::calibration::coverage::LEVELS {
        let key = level.to_string();
        row(&format!("Coverage at {} %", level * 100.0), &key, &|split| {
            let split = &metrics.value()["splits"][split];
            let interval = &split["intervals"]["coverage"][&key];
            (split["coverage"][&key].as_f64(), interval[0].as_f64().zip(interval[1].as_f64()))
        });
    }
    if run.shifted().next().is_some() {
        row("AUROC of the uncertainty", "higher", &|split| {
            let entry = &metrics.value()["ood"][split];
            (entry["epistemic_auroc"].as_f64().or_else(|| entry["total_auroc"].as_f64()), None)
        });
    }
    html.push_str("</tbody>\n</table></div>\n");
    html.push_str("<p class=\"note\">Small print: 95 % intervals from 1,000 resamples of whole groups.");
    if let Some(reference) = run.reference().filter(|_| run.shifted().next().is_some()) {
        let _ = write!(html, " AUROC is against <b>{}</b>.", escape(&reference.name));
    }
    for note in metrics.value()["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = write!(html, "<br>{}", escape(note));
    }
    html.push_str("</p>\n");
    html
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
