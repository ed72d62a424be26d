//! The tables of the page.

use std::fmt::Write;

use serde_json::Value;
use surprisal_objective::calibration::coverage::LEVELS;
use surprisal_objective::likelihood::Kind;

use crate::figure::escape;
use crate::number::significant;
use crate::recalibration::Method;
use crate::{Metrics, RunData};

/// One row of a table: where the number is, label, unit, what is good.
pub(crate) struct Row {
    path: &'static [&'static str],
    label: &'static str,
    unit: Unit,
    good: &'static str,
}

#[derive(Clone, Copy)]
enum Unit {
    Nat,
    Data,
    One,
}

const fn row(path: &'static [&'static str], label: &'static str, unit: Unit, good: &'static str) -> Row {
    Row { path, label, unit, good }
}

const VALUES: [Row; 20] = [
    row(&["nll"], "NLL per sample", Unit::Nat, "lower"),
    row(&["nll_per_component"], "NLL per component", Unit::Nat, "lower"),
    row(&["rmse"], "RMSE", Unit::Data, "lower"),
    row(&["mae"], "MAE", Unit::Data, "lower"),
    row(&["crps"], "CRPS", Unit::Data, "lower"),
    row(&["sharpness"], "Sharpness (RMS σ)", Unit::Data, "near RMSE"),
    row(&["zms"], "ZMS (mean z²)", Unit::One, "1"),
    row(&["miscalibration_area"], "Miscalibration area", Unit::One, "0"),
    row(&["ence"], "ENCE", Unit::One, "0"),
    row(&["pit_ks"], "PIT, distance from uniform", Unit::One, "0"),
    row(&["pit_ks_p"], "PIT uniformity, p", Unit::One, "> 0.05"),
    row(&["spearman"], "Spearman(error, σ)", Unit::One, "higher"),
    row(&["ause"], "AUSE", Unit::One, "0"),
    row(&["coverage", "0.5"], "Coverage at 50 %", Unit::One, "0.5"),
    row(&["coverage", "0.8"], "Coverage at 80 %", Unit::One, "0.8"),
    row(&["coverage", "0.9"], "Coverage at 90 %", Unit::One, "0.9"),
    row(&["coverage", "0.95"], "Coverage at 95 %", Unit::One, "0.95"),
    row(&["winkler", "0.5"], "Winkler score at 50 %", Unit::Data, "lower"),
    row(&["winkler", "0.9"], "Winkler score at 90 %", Unit::Data, "lower"),
    row(&["winkler", "0.95"], "Winkler score at 95 %", Unit::Data, "lower"),
];

const LABELS: [Row; 20] = [
    row(&["nll"], "NLL per sample", Unit::Nat, "lower"),
    row(&["log_loss"], "Log-loss per forecast", Unit::Nat, "lower"),
    row(&["accuracy"], "Accuracy", Unit::One, "higher"),
    row(&["balanced_accuracy"], "Balanced accuracy", Unit::One, "higher"),
    row(&["auroc"], "AUROC of the class", Unit::One, "higher"),
    row(&["brier"], "Brier score", Unit::One, "lower"),
    row(&["brier_decomposition", "reliability"], "… reliability", Unit::One, "0"),
    row(&["brier_decomposition", "resolution"], "… − resolution", Unit::One, "higher"),
    row(&["brier_decomposition", "uncertainty"], "… + uncertainty", Unit::One, "given"),
    row(&["brier_decomposition", "within_bin_variance"], "… + within-bin variance", Unit::One, ""),
    row(&["brier_decomposition", "within_bin_covariance"], "… − within-bin covariance", Unit::One, ""),
    row(&["ece"], "ECE, bins of equal width", Unit::One, "0"),
    row(&["ece_equal_mass"], "ECE, bins of equal mass", Unit::One, "0"),
    row(&["mce"], "MCE, bins of equal mass", Unit::One, "0"),
    row(&["set_coverage", "0.8"], "Sets of classes at 80 %: coverage", Unit::One, "0.8"),
    row(&["set_size", "0.8"], "… classes in them", Unit::One, "lower"),
    row(&["set_coverage", "0.9"], "Sets of classes at 90 %: coverage", Unit::One, "0.9"),
    row(&["set_size", "0.9"], "… classes in them", Unit::One, "lower"),
    row(&["set_coverage", "0.95"], "Sets of classes at 95 %: coverage", Unit::One, "0.95"),
    row(&["set_size", "0.95"], "… classes in them", Unit::One, "lower"),
];

const ENERGIES: [Row; 4] = [
    row(&["rmse"], "Energy RMSE <i>eV</i>", Unit::One, "lower"),
    row(&["rmse_per_atom"], "Energy RMSE <i>eV/atom</i>", Unit::One, "lower"),
    row(&["mae_per_atom"], "Energy MAE <i>eV/atom</i>", Unit::One, "lower"),
    row(&["bias_per_atom"], "Energy bias <i>eV/atom</i>", Unit::One, "0"),
];

/// The measures that make sense for the kind of target.
pub(crate) fn rows(kind: Kind) -> &'static [Row] {
    match kind {
        Kind::Real | Kind::Count | Kind::Angle => &VALUES,
        Kind::Label => &LABELS,
    }
}

impl Row {
    /// Label, with the unit of the data where it has that.
    pub(crate) fn heading(&self, data_unit: &str) -> String {
        let unit = match self.unit {
            Unit::Nat => " <i>nat</i>".to_owned(),
            Unit::Data if !data_unit.is_empty() => format!(" <i>{}</i>", escape(data_unit)),
            Unit::Data | Unit::One => String::new(),
        };
        format!("<th>{}{unit}</th><td class=\"good\">{}</td>", self.label, self.good.replace('>', "&gt;"))
    }

    /// Name of the measure.
    pub(crate) fn name(&self) -> &'static str {
        self.path[0]
    }

    /// The number and its interval in an object that has `intervals` beside its numbers.
    pub(crate) fn cell(&self, section: &Value) -> String {
        let find = |from: &Value| self.path.iter().fold(from.clone(), |value, name| value[name].clone());
        cell(find(section).as_f64(), &find(&section["intervals"]))
    }
}

/// A number with its interval in small print.
pub(super) fn cell(value: Option<f64>, interval: &Value) -> String {
    let value = value.map_or("–".into(), |v| significant(v, 3));
    let interval = interval[0].as_f64().zip(interval[1].as_f64()).map_or(String::new(), |(low, high)| {
        format!("<small>{} to {}</small>", significant(low, 3), significant(high, 3))
    });
    format!("{value}{interval}")
}

/// Every measure of every split.
pub(super) fn metrics(run: &RunData, metrics: &Metrics) -> String {
    if run.splits.is_empty() {
        return "<p>The run has no predictions yet.</p>\n".into();
    }
    let mut html =
        String::from("<div class=\"scroll\"><table>\n<thead><tr><th>Measure</th><th class=\"good\">Good</th>");
    let sections: Vec<&Value> = run.splits.iter().map(|s| &metrics.value()["splits"][&s.name]).collect();
    for (split, section) in run.splits.iter().zip(&sections) {
        let (samples, groups) = (&section["n_samples"], &section["n_groups"]);
        let name = escape(&split.name);
        // Writing to a String cannot fail.
        let plural = if *groups == 1 { "" } else { "s" };
        let _ = write!(html, "<th>{name}<small>{samples} samples<br>{groups} group{plural}</small></th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows(run.kind) {
        let cells: Vec<String> = sections.iter().map(|section| row.cell(section)).collect();
        let _ = writeln!(html, "<tr>{}<td>{}</td></tr>", row.heading(&run.unit), cells.join("</td><td>"));
    }
    if run.splits.iter().any(|split| !split.energies.is_empty()) {
        for row in &ENERGIES {
            let cells: Vec<String> = sections.iter().map(|section| row.cell(&section["energy"])).collect();
            let _ = writeln!(html, "<tr>{}<td>{}</td></tr>", row.heading(""), cells.join("</td><td>"));
        }
    }
    if run.shifted().next().is_some() {
        let cells = run.splits.iter().map(|split| {
            let entry = &metrics.value()["ood"][&split.name];
            let key = if entry["epistemic_auroc"].is_number() { "epistemic_auroc" } else { "total_auroc" };
            cell(entry[key].as_f64(), &entry["intervals"][key])
        });
        let cells = cells.collect::<Vec<_>>().join("</td><td>");
        let label = "<th>AUROC of the uncertainty</th><td class=\"good\">higher</td>";
        let _ = writeln!(html, "<tr>{label}<td>{cells}</td></tr>");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html.push_str("<p class=\"note\">Small print: 95 % intervals from 1,000 resamples of whole groups.");
    if let Some(reference) = run.reference().filter(|_| run.shifted().next().is_some()) {
        let _ = write!(html, " AUROC of the uncertainty is against <b>{}</b>.", escape(&reference.name));
    }
    if run.kind == Kind::Label {
        html.push_str(
            " With two classes, ECE and MCE are of the second; with more, of the likeliest, and \
             <code>metrics.json</code> has each class.",
        );
    }
    for note in metrics.value()["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = write!(html, "<br>{}", escape(note));
    }
    html.push_str("</p>\n");
    html
}

/// Before and after, for every test; nothing where there was no split to fit on.
pub(super) fn recalibration(run: &RunData, metrics: &Metrics) -> String {
    let Some(recalibration) = run.recalibration.as_ref().filter(|r| !r.splits.is_empty()) else {
        return String::new();
    };
    let fitted = escape(&recalibration.fitted_on);
    let mut html = format!("<h2>Recalibration</h2>\n<p>Fitted on <b>{fitted}</b>, applied to the tests.");
    for (method, factor) in &recalibration.factors {
        let name = match method {
            Method::Temperature => "temperature",
            Method::DispersionScaling => "factor on the spread",
            _ => "factor on σ",
        };
        let [value, low, high] =
            [factor.value, factor.interval.lower, factor.interval.upper].map(|v| significant(v, 3));
        let _ = write!(html, " Fitted {name}: <b>{value}</b> ({low} to {high}).");
    }
    let _ = writeln!(
        html,
        " <b>{fitted}</b> was also used to choose the epoch, so the repair is a little optimistic; on shifted tests it \
         need not hold.</p>"
    );
    for split in &recalibration.splits {
        let before = &metrics.value()["splits"][&split.name];
        let after = &before["recalibrated"];
        let _ = write!(
            html,
            "<div class=\"scroll\"><table>\n<thead><tr><th>{}</th><th class=\"good\">Good</th><th>before</th>",
            escape(&split.name)
        );
        split.methods.iter().for_each(|(method, _)| {
            let _ = write!(html, "<th>{}</th>", method.title());
        });
        html.push_str("</tr></thead>\n<tbody>\n");
        let shown = |row: &&Row| match run.kind {
            Kind::Label => {
                ["log_loss", "brier", "ece", "ece_equal_mass", "mce", "set_coverage", "set_size"].contains(&row.name())
            }
            Kind::Real | Kind::Count | Kind::Angle => {
                ["nll", "miscalibration_area", "coverage", "winkler"].contains(&row.name())
            }
        };
        for row in rows(run.kind).iter().filter(shown) {
            let _ = write!(html, "<tr>{}<td>{}</td>", row.heading(&run.unit), row.cell(before));
            for (method, _) in &split.methods {
                let _ = write!(html, "<td>{}</td>", row.cell(&after[method.name()]));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table></div>\n");
    }
    html.push_str(match run.kind {
        Kind::Label => {
            "<p class=\"note\">Temperature scaling divides all logits. Before: sets of the likeliest classes whose stated \
             probabilities sum to the level; conformal sets hold every class that is not less likely than labels were \
             in the past, adaptive ones grow where the model is unsure.</p>\n"
        }
        Kind::Real | Kind::Count | Kind::Angle => {
            "<p class=\"note\">σ-scaling stretches every predictive distribution by one factor, dispersion scaling does so \
             within the family (shape, precision, concentration or overdispersion); isotonic regression maps the \
             probability integral transform, and its NLL is that of the map smoothed over bins and mixed with a little of \
             the identity, so that nothing has density 0 (no NLL where the components of a sample are coupled); conformal intervals are \
             those of past errors, equally wide or in units of σ, and give no density.</p>\n"
        }
    });
    html
}

const _: () = assert!(LEVELS.len() == 4, "the rows state coverage at every level");
