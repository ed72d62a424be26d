//! The table of parameters with their intervals.

use std::fmt::Write;

use crate::RunData;
use crate::figure::escape;
use crate::number::significant;

/// Rows shown of a parameter that has a value for every trajectory.
const MOST_ROWS: usize = 20;

/// Empty where nothing has an interval.
pub(super) fn table(run: &RunData) -> String {
    let solution = &run.solution;
    if solution.intervals.is_empty() {
        return String::new();
    }
    let profiled = !solution.profiles.is_empty();
    let mut html = format!(
        "<h2>Parameters</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th>Parameter</th><th>Value</th><th>Standard error</th>\
         <th>95 % interval</th>{}</tr></thead>\n<tbody>\n",
        if profiled { "<th>95 % by profile</th>" } else { "" }
    );
    for parameter in &solution.intervals {
        let n = parameter.values.len();
        for i in 0..n.min(MOST_ROWS) {
            let name = if n == 1 { parameter.name.clone() } else { format!("{}[{i}]", parameter.name) };
            let (error, lower, upper) = (parameter.standard_error[i], parameter.lower[i], parameter.upper[i]);
            let (error, interval) = if lower.is_nan() {
                ("–".to_owned(), "not determined by the data".to_owned())
            } else {
                (significant(error, 3), format!("{} … {}", significant(lower, 4), significant(upper, 4)))
            };
            let value = significant(parameter.values[i], 5);
            // Writing to a String cannot fail.
            let _ = writeln!(
                html,
                "<tr><th>{}</th><td>{value}</td><td>{error}</td><td>{interval}</td>{}</tr>",
                escape(&name),
                if profiled { format!("<td>{}</td>", profile(run, &parameter.name, i)) } else { String::new() }
            );
        }
        if n > MOST_ROWS {
            let (name, more) = (escape(&parameter.name), n - MOST_ROWS);
            let _ = writeln!(
                html,
                "<tr><th>{name}</th><td colspan=\"{}\">and {more} more, in run.h5</td></tr>",
                if profiled { 4 } else { 3 }
            );
        }
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

/// The ends of a profile's interval.
fn profile(run: &RunData, name: &str, i: usize) -> String {
    let found = run.solution.profiles.iter().find(|p| p.name == name).and_then(|p| p.ends.get(i));
    let end = |end: f64| if end.is_infinite() { "open".to_owned() } else { significant(end, 4) };
    found.map_or_else(|| "–".to_owned(), |[lower, upper]| format!("{} … {}", end(*lower), end(*upper)))
}
