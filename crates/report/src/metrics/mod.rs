//! `metrics.json`: every measure of every split, with units and 95 % intervals.
//!
//! NLL is joint over the components of a sample, `nll_per_component` is that divided by their
//! number. RMSE, MAE, CRPS, coverage, Winkler score, miscalibration area, ENCE (15 bins, fewer for
//! small splits) and ZMS are over components; Spearman's correlation and AUSE are over samples, with
//! the root mean square over components of error and σ. Labels have the measures of classifiers
//! instead. Intervals come from 1,000 resamples of whole groups, in which every measure is computed
//! anew; those of measures of distance (miscalibration area, ENCE, ECE, MCE, Kolmogorov–Smirnov) are
//! freed from the bias that noise gives them.

mod coefficients;
mod fairness;
mod labels;
mod learned;
mod onset;
mod ood;
mod parameters;
mod recalibrated;
mod section;
mod values;

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::GroupBootstrap;
use surprisal_objective::likelihood::Kind;

use crate::energy;
use crate::run_data::{RunData, SplitData};
use crate::solution;
use section::Section;

pub use onset::verdict_sentence;

/// Resamples behind every interval.
pub(crate) const N_RESAMPLES: usize = 1000;
/// Level of every interval.
pub(crate) const LEVEL: f64 = 0.95;

/// The metrics of a run, as written to `metrics.json`.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    value: Value,
}

impl Metrics {
    /// Measures a run; `timing` is taken over as it is.
    pub fn of(run: &RunData, timing: Value) -> Self {
        let mut notes = run.notes.clone();
        notes.extend(run.solution.interval_notes.iter().cloned());
        let checks = run.solution.gradient_checks.as_ref();
        notes.extend(checks.into_iter().flat_map(|checks| &checks.warnings).map(|text| format!("warning: {text}")));
        let mut splits = Map::new();
        for split in &run.splits {
            let resampled = Resampled::of(split, run.seed);
            let n_groups = resampled.bootstrap.n_groups();
            if n_groups == 1 {
                let name = &split.name;
                notes.push(format!("`{name}` is one group, which cannot be resampled: its measures have no intervals"));
            }
            let mut section = Section::new(&split.name, &mut notes);
            match run.kind {
                Kind::Real | Kind::Count | Kind::Angle => values::measure(split, run.seed, &resampled, &mut section),
                Kind::Label => labels::measure(split, &resampled, &mut section),
            }
            let observed = split.nll.iter().filter(|nll| !nll.is_nan());
            section.multiple("log_likelihood", "nll", log_likelihood(split), -(observed.count() as f64));
            section.plain("n_samples", json!(split.n_samples()));
            section.plain("n_groups", json!(n_groups));
            let mut out = section.finish();
            if let Some(energy) = energy::measures(&split.energies, run.seed, N_RESAMPLES, LEVEL) {
                out.insert("energy".into(), energy);
            }
            if let Some(recalibrated) = run.recalibration.as_ref().and_then(|r| r.of(&split.name)) {
                let value = recalibrated::measure(recalibrated, split, &resampled, &mut notes);
                out.insert("recalibrated".into(), value);
            }
            let learned = learned::measure(&split.learned);
            if !learned.is_empty() {
                out.insert("learned".into(), Value::Object(learned));
            }
            let fairness = fairness::measure(split, run.kind, &run.table, &resampled, &mut notes);
            if !fairness.is_null() {
                out.insert("fairness".into(), fairness);
            }
            splits.insert(split.name.clone(), Value::Object(out));
        }
        let mut value = json!({
            "name": run.name,
            "seed": run.seed,
            "model": run.model,
            "likelihood": run.likelihood,
            "kind": run.kind,
            "reference_split": run.reference().map(|r| r.name.as_str()),
            "units": units(run),
            "intervals": { "level": LEVEL, "resamples": N_RESAMPLES },
            "splits": splits,
            "ood": ood::measure(run, &mut notes),
            "onset": onset::onset(run),
            "timing": timing,
        });
        if !run.solution.optimality.is_empty() {
            value["optimality"] = solution::optimality(&run.solution);
        }
        if let Some(checks) = checks {
            value["gradient_check"] = json!({
                checks.key.as_str(): [checks.configured, checks.refined],
                "limit": checks.limit,
                "start": checks.start,
                "end": checks.end,
            });
        }
        if !run.table.constants.is_empty() {
            value["parameters"] = coefficients::constants(&run.table);
        }
        if !run.table.coefficients.is_empty() {
            value["coefficients"] = coefficients::coefficients(&run.table, &run.solution.input_names);
        }
        parameters::add(&mut value, &run.solution);
        if let Some(recalibration) = &run.recalibration {
            value["recalibration"] = recalibrated::fitted(recalibration);
        }
        if !notes.is_empty() {
            value["notes"] = json!(notes);
        }
        Self { value }
    }

    /// The whole value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A number of a split, such as `("iid", "rmse")`; `None` where there is none.
    pub fn number(&self, split: &str, metric: &str) -> Option<f64> {
        self.value["splits"][split][metric].as_f64()
    }

    /// The interval of a metric of a split.
    pub fn interval(&self, split: &str, metric: &str) -> Option<(f64, f64)> {
        let interval = &self.value["splits"][split]["intervals"][metric];
        Some((interval[0].as_f64()?, interval[1].as_f64()?))
    }
}

/// Σ log p over the samples of which something was observed, nats.
fn log_likelihood(split: &SplitData) -> f64 {
    -split.nll.iter().filter(|nll| !nll.is_nan()).sum::<f64>()
}

fn units(run: &RunData) -> Value {
    let data = if run.unit.is_empty() { "data" } else { &run.unit };
    let mut units = Map::new();
    for name in ["nll", "nll_per_component", "log_loss", "log_likelihood"] {
        units.insert(name.into(), json!("nat"));
    }
    for name in ["rmse", "mae", "crps", "winkler", "sharpness"] {
        units.insert(name.into(), json!(data));
    }
    if run.splits.iter().any(|split| !split.energies.is_empty()) {
        units.insert(
            "energy".into(),
            json!({"rmse": "eV", "mae": "eV", "rmse_per_atom": "eV", "mae_per_atom": "eV", "bias_per_atom": "eV"}),
        );
    }
    Value::Object(units)
}

/// The samples of a split of which something was observed, and resamples of their groups.
struct Resampled {
    bootstrap: GroupBootstrap,
    /// The samples that are resampled, increasing.
    samples: Vec<usize>,
    /// Place of each sample of the split in `samples`.
    place: Vec<Option<usize>>,
    dim: usize,
}

impl Resampled {
    fn of(split: &SplitData, seed: u64) -> Self {
        let rows: Vec<&[f64]> = split.target.chunks_exact(split.dim.max(1)).collect();
        let observed = |&i: &usize| rows[i].iter().any(|y| y.is_finite());
        let samples: Vec<usize> = (0..rows.len()).filter(observed).collect();
        let mut place = vec![None; rows.len()];
        samples.iter().enumerate().for_each(|(at, &sample)| place[sample] = Some(at));
        let group: Vec<u64> = samples.iter().map(|&i| split.group[i]).collect();
        Self { bootstrap: GroupBootstrap::new(&group, N_RESAMPLES, seed), samples, place, dim: split.dim }
    }

    /// The number that resamples give to the group of a sample; `None` where nothing was observed.
    fn group(&self, sample: usize) -> Option<usize> {
        self.place[sample].map(|at| self.bootstrap.group()[at])
    }

    /// Values of components, `[n·d]`, that are numbers, each with its group.
    fn known(&self, components: &[f64]) -> (Vec<f64>, Vec<usize>) {
        let number = |(i, &v): (usize, &f64)| Some((v, self.group(i / self.dim)?)).filter(|(v, _)| !v.is_nan());
        components.iter().enumerate().filter_map(number).unzip()
    }

    /// Resampled means over the observed components of columns `[n·d]`; `observed` says which.
    fn component_means(&self, columns: &[&[f64]], observed: &[bool]) -> Vec<Vec<f64>> {
        let sums = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            let row = |&i: &usize| (i * self.dim..(i + 1) * self.dim).filter(|&c| observed[c]).map(value).sum();
            self.samples.iter().map(row).collect()
        };
        let mut per_sample: Vec<Vec<f64>> = columns.iter().map(|column| sums(&|c| column[c])).collect();
        per_sample.push(sums(&|_| 1.0));
        let columns: Vec<&[f64]> = per_sample.iter().map(Vec::as_slice).collect();
        let mut means = self.bootstrap.means(&columns);
        let count = means.pop().unwrap_or_default();
        for mean in &mut means {
            mean.iter_mut().zip(&count).for_each(|(sum, n)| *sum /= n);
        }
        means
    }

    /// Values of samples, `[n]`, of those that are resampled.
    fn sampled(&self, samples: &[f64]) -> Vec<f64> {
        self.samples.iter().map(|&i| samples[i]).collect()
    }
}
