//! The table of an attribute's groups: how each is treated, and the gaps.

use std::fmt::Write;

use serde_json::Value;

use super::tables::cell;
use crate::figure::escape;
use crate::{Metrics, RunData};

/// What a row of the table shows: name in `metrics.json`, label.
const ROWS: [(&str, &str); 10] = [
    ("mean_target", "Mean target"),
    ("mean_prediction", "Mean prediction (demographic parity)"),
    ("ks", "Distribution of predictions (KS distance)"),
    ("positive_rate", "Rate of predictions above ½"),
    ("accuracy", "Accuracy"),
    ("true_positive_rate", "True positive rate"),
    ("false_positive_rate", "False positive rate"),
    ("equalized_odds", "Equalised odds (larger of the two gaps)"),
    ("mae", "Mean absolute error"),
    ("n", "Rows"),
];

/// A table for each attribute of each split; nothing where there are none.
pub(super) fn tables(run: &RunData, metrics: &Metrics) -> String {
    let mut html = String::new();
    for split in &run.splits {
        let section = &metrics.value()["splits"][&split.name]["fairness"];
        for (attribute, measured) in section.as_object().into_iter().flatten() {
            html.push_str(&table(&split.name, attribute, measured));
        }
    }
    if html.is_empty() {
        return html;
    }
    format!(
        "<h2>Groups</h2>\n{html}<p class=\"note\">A gap is the largest less the smallest of the groups. Demographic parity \
         asks for equal predictions, equalised odds for equal rates among those with the same outcome; both cannot hold \
         where the outcomes themselves differ.</p>\n"
    )
}

fn table(split: &str, attribute: &str, measured: &Value) -> String {
    let mut html = format!(
        "<div class=\"scroll\"><table>\n<thead><tr><th>{}: {}</th><th>Gap</th>",
        escape(split),
        escape(attribute)
    );
    let groups: Vec<&String> = measured["groups"].as_object().into_iter().flatten().map(|(name, _)| name).collect();
    for name in &groups {
        // Writing to a String cannot fail.
        let _ = write!(html, "<th>{}</th>", escape(name));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    let intervals = &measured["intervals"];
    for (name, label) in ROWS {
        let gap = &measured["gaps"][name];
        let known = groups.iter().any(|group| !measured["groups"][group.as_str()][name].is_null());
        if gap.is_null() && !known {
            continue;
        }
        let _ = write!(html, "<tr><th>{label}</th><td>{}</td>", cell(gap.as_f64(), &intervals["gaps"][name]));
        for group in &groups {
            let value = &measured["groups"][group.as_str()][name];
            let shown = match name {
                "n" => value.to_string(),
                _ => cell(value.as_f64(), &intervals["groups"][group.as_str()][name]),
            };
            let _ = write!(html, "<td>{shown}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}
