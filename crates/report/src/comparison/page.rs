//! The page that compares runs.

use std::fmt::Write;

use super::{Compared, Loss, best, comparable, difference};
use crate::figure::{compared, escape, font_css, inline_svg};
use crate::html::{STYLE, tables};
use crate::metrics::verdict_sentence;
use crate::number::significant;

/// The whole page.
pub(super) fn page(runs: &[Compared], figures: &[compared::Shown]) -> String {
    let title = format!("{} runs compared", runs.len());
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} · surprisal</title>\n\
         <style>\n{}\n{STYLE}</style>\n</head>\n<body>\n<main>\n<header>\n<h1>{title}</h1>\n</header>\n",
        font_css()
    );
    html.push_str(&overview(runs));
    html.push_str("<h2>Metrics</h2>\n");
    html.push_str(
        "<p class=\"note\">Bold: best beyond chance, by a paired bootstrap of whole groups on the loss of each sample \
         (the 95 % interval of the difference to every other run with the same samples excludes 0; no correction for several comparisons). \
         Measures that are no means of losses are never bold. Small print: 95 % intervals of each run alone.</p>\n",
    );
    for split in splits(runs) {
        html.push_str(&table(runs, &split));
    }
    html.push_str("<h2>Figures</h2>\n<div class=\"figures\">\n");
    for compared::Shown { title, caption, drawing, .. } in figures {
        // Writing to a String cannot fail.
        let _ = write!(
            html,
            "<figure>\n{}\n<figcaption><b>{title}.</b> {}</figcaption>\n</figure>\n",
            inline_svg(&drawing.canvas, title),
            escape(caption)
        );
    }
    html.push_str("</div>\n</main>\n</body>\n</html>\n");
    html
}

/// Splits in the order in which runs have them; tests first.
fn splits(runs: &[Compared]) -> Vec<String> {
    let mut names: Vec<String> = vec![];
    for split in runs.iter().flat_map(|r| r.run.tests()) {
        if !names.contains(&split.name) {
            names.push(split.name.clone());
        }
    }
    for name in ["valid", "train"] {
        if runs.iter().any(|r| r.split(name).is_some()) {
            names.push(name.into());
        }
    }
    names
}

fn overview(runs: &[Compared]) -> String {
    let mut html = String::from(
        "<div class=\"scroll\"><table>\n<thead><tr><th>Run</th><th>Name</th><th>Model</th><th>Likelihood</th>\
         <th>Seed</th></tr></thead>\n<tbody>\n",
    );
    for Compared { label, run, .. } in runs {
        let cells = [&run.name, &run.model, &run.likelihood].map(|text| escape(text)).join("</td><td>");
        let _ = writeln!(html, "<tr><th>{}</th><td>{cells}</td><td>{}</td></tr>", escape(label), run.seed);
    }
    html.push_str("</tbody>\n</table></div>\n<dl>");
    for Compared { label, run, .. } in runs {
        let _ = write!(html, "<dt>{}</dt><dd>{}</dd>", escape(label), escape(&verdict_sentence(run)));
    }
    html.push_str("</dl>\n");
    html
}

/// The measures of one split, a column per run.
fn table(runs: &[Compared], split: &str) -> String {
    let kind = runs[0].run.kind;
    let mut html = format!("<div class=\"scroll\"><table>\n<thead><tr><th>{}</th><th>Good</th>", escape(split));
    for run in runs {
        let samples = run.split(split).map_or("–".into(), |s| format!("{} samples", s.n_samples()));
        let _ = write!(html, "<th>{}<small>{samples}</small></th>", escape(&run.label));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in tables::rows(kind) {
        let winner = Loss::behind(row.name()).and_then(|loss| best(runs, split, loss));
        let _ = write!(html, "<tr>{}", row.heading(&runs[0].run.unit));
        for (i, run) in runs.iter().enumerate() {
            let cell = row.cell(&run.metrics.value()["splits"][split]);
            let cell = if winner == Some(i) { format!("<b>{cell}</b>") } else { cell };
            let _ = write!(html, "<td>{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str(&differences(runs, split));
    html.push_str("</tbody>\n</table></div>\n");
    html.push_str(&unlike(runs, split));
    html
}

/// A row with the NLL of each run less that of the run with the lowest.
fn differences(runs: &[Compared], split: &str) -> String {
    let nll = |run: &Compared| run.metrics.value()["splits"][split]["nll"].as_f64();
    let lowest = comparable(runs, split)
        .into_iter()
        .filter_map(|i| Some((i, nll(&runs[i])?)))
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(i, _)| i);
    let Some((reference, base)) = lowest.and_then(|i| Some((i, runs[i].split(split)?))) else { return String::new() };
    let mut html = String::from("<tr><th>NLL above the lowest <i>nat</i></th><td class=\"good\">0</td>");
    for (i, run) in runs.iter().enumerate() {
        let found = run
            .split(split)
            .filter(|_| i != reference)
            .and_then(|other| difference(run.run.kind, Loss::Nll, base, other));
        let cell = match found {
            Some((mean, interval)) => format!(
                "{}<small>{} to {}</small>",
                significant(mean, 3),
                significant(interval.lower, 3),
                significant(interval.upper, 3)
            ),
            None if i == reference => "0".into(),
            None => "–".into(),
        };
        let _ = write!(html, "<td>{cell}</td>");
    }
    html.push_str("</tr>\n");
    html
}

/// Which runs cannot be compared sample by sample.
fn unlike(runs: &[Compared], split: &str) -> String {
    let among = comparable(runs, split);
    let Some(first) = among.first().map(|&i| &runs[i]) else { return String::new() };
    let unlike =
        |(i, run): (usize, &Compared)| (run.split(split).is_some() && !among.contains(&i)).then(|| escape(&run.label));
    let others: Vec<String> = runs.iter().enumerate().filter_map(unlike).collect();
    if others.is_empty() {
        return String::new();
    }
    format!(
        "<p class=\"note\">The samples of <b>{}</b> are not those of <b>{}</b> in {}, so that their difference is not \
         tested.</p>\n",
        escape(split),
        escape(&first.label),
        others.join(", ")
    )
}
