//! What metrics and figures need of a run, as plain numbers.
//!
//! A *sample* has `dim` components; arrays marked `[n·d]` are row-major `[n_samples, dim]`, in the
//! data's own units.

use surprisal_objective::calibration::OnsetReport;
use surprisal_objective::likelihood::{Kind, Marginal};

use crate::recalibration::Recalibration;
use crate::solution::Solution;
use crate::tabular::Tabular;

/// A run.
#[derive(Debug, Clone)]
pub struct RunData {
    /// The run's name.
    pub name: String,
    /// Its seed.
    pub seed: u64,
    /// Name of the model.
    pub model: String,
    /// Name of the likelihood.
    pub likelihood: String,
    /// What the target is.
    pub kind: Kind,
    /// Unit of the target; empty where unknown.
    pub unit: String,
    /// What the time of trajectories is called, with its unit.
    pub time_label: String,
    /// Names of the target's components.
    pub target_names: Vec<String>,
    /// Evaluated parts of the data, in the order of the run file.
    pub splits: Vec<SplitData>,
    /// What was measured during training.
    pub curves: Curves,
    /// When calibration was lost; `None` where the run stored no per-sample validation curves.
    pub onset: Option<OnsetReport>,
    /// Uncertainties repaired on held-out data; `None` where there is none.
    pub recalibration: Option<Recalibration>,
    /// What is known of a table beside its predictions.
    pub table: Tabular,
    /// What a reader should know about missing numbers.
    pub notes: Vec<String>,
    /// How good the solution is, and the path it lies on.
    pub solution: Solution,
}

impl RunData {
    /// The part of the data that shifted parts are compared with: `iid`, else `test`, `valid`,
    /// else the first.
    pub fn reference(&self) -> Option<&SplitData> {
        let named = |name: &str| self.splits.iter().find(|s| s.name == name);
        named("iid").or_else(|| named("test")).or_else(|| named("valid")).or_else(|| self.splits.first())
    }

    /// The named tests other than the reference.
    pub fn shifted(&self) -> impl Iterator<Item = &SplitData> {
        let reference = self.reference().map(|s| s.name.as_str());
        self.splits
            .iter()
            .filter(move |s| !["train", "valid"].contains(&s.name.as_str()) && Some(s.name.as_str()) != reference)
    }

    /// The splits that recalibration is applied to: all but `train` and `valid`.
    pub fn tests(&self) -> impl Iterator<Item = &SplitData> {
        self.splits.iter().filter(|s| !["train", "valid"].contains(&s.name.as_str()))
    }

    /// `quantity (unit)`, or the quantity alone where the unit is unknown.
    pub fn with_unit(&self, quantity: &str) -> String {
        if self.unit.is_empty() { quantity.to_owned() } else { format!("{quantity} ({})", self.unit) }
    }
}

/// Curves over the evaluations of a training run.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    /// Epoch of each evaluation.
    pub epoch: Vec<f64>,
    /// One entry per split that was evaluated.
    pub splits: Vec<SplitCurves>,
    /// Evaluation whose parameters were kept.
    pub selected: Option<usize>,
}

/// The curves of one split, one number per evaluation.
#[derive(Debug, Clone)]
pub struct SplitCurves {
    /// The split.
    pub name: String,
    /// Mean NLL, nats per sample.
    pub nll: Vec<f64>,
    /// Mean squared error, squared data units.
    pub mse: Vec<f64>,
    /// Mean z², where it was recorded.
    pub zms: Option<Vec<f64>>,
    /// Density of the probability integral transform in equal bins of [0, 1], one histogram per
    /// evaluation; empty where it was not recorded.
    pub pit: Vec<Vec<f64>>,
}

/// The predictions of one split and what they claim.
#[derive(Debug, Clone)]
pub struct SplitData {
    /// The split.
    pub name: String,
    /// Components of a sample.
    pub dim: usize,
    /// Group of each sample, `[n]`.
    pub group: Vec<u64>,
    /// Joint NLL of each sample, nats, `[n]`.
    pub nll: Vec<f64>,
    /// Observed, `[n·d]`; angles in the turn around the predicted one.
    pub target: Vec<f64>,
    /// Predicted mean (median where there is no mean), `[n·d]`.
    pub mean: Vec<f64>,
    /// Predicted standard deviation, `[n·d]`; infinite where there is none.
    pub sigma: Vec<f64>,
    /// P(Y < y), `[n·d]`.
    pub cdf_below: Vec<f64>,
    /// P(Y ≤ y), `[n·d]`.
    pub cdf: Vec<f64>,
    /// CRPS, `[n·d]`.
    pub crps: Vec<f64>,
    /// Winkler score at each of the calibration levels, `[n_levels][n·d]`.
    pub winkler: Vec<Vec<f64>>,
    /// Named uncertainties of each sample, `[n]` each: aleatoric, epistemic, … and `total`.
    pub uncertainties: Vec<(String, Vec<f64>)>,
    /// Frames that have an energy, observed and predicted.
    pub energies: Vec<FrameEnergy>,
    /// Solutions of a differential equation; empty where the model is none.
    pub trajectories: Vec<Trajectory>,
    /// The networks within its equations along these solutions.
    pub learned: Vec<LearnedTerm>,
}

/// The solution of a differential equation with what was measured of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trajectory {
    /// `[n]`.
    pub time: Vec<f64>,
    /// Measured, `[n·d]`; NaN where nothing was.
    pub observed: Vec<f64>,
    /// Ends of the central 90 % interval of measurements, `[n·d]`; NaN where nothing is predicted.
    pub interval: Vec<(f64, f64)>,
    /// Times of the solution, `[m]`.
    pub dense_time: Vec<f64>,
    /// The solution, `[m·d]`.
    pub state: Vec<f64>,
    /// Its standard deviation, `[m·d]`; empty where not known.
    pub sd: Vec<f64>,
    /// Where that is from.
    pub spread: Spread,
}

/// Why a solution is uncertain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// Its parameters are: to first order, in addition to the interval of measurements.
    #[default]
    Parameters,
    /// The members of an ensemble differ: the interval of measurements has it already.
    Members,
}

/// A network within equations along solutions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearnedTerm {
    /// The network.
    pub name: String,
    /// What its inputs are called.
    pub inputs: Vec<String>,
    /// What its outputs are called.
    pub outputs: Vec<String>,
    /// One per trajectory and model.
    pub curves: Vec<LearnedCurve>,
    /// Range of each input at the times of the measurements, along the first model's solutions.
    pub measured: Vec<Option<(f64, f64)>>,
}

/// A network along one solution.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearnedCurve {
    /// The trajectory.
    pub trajectory: usize,
    /// The member of an ensemble.
    pub model: usize,
    /// Where it goes.
    pub points: Vec<LearnedPoint>,
}

/// A network at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LearnedPoint {
    /// `[n_in]`.
    pub input: Vec<f64>,
    /// `[n_out]`.
    pub output: Vec<f64>,
    /// `[n_out]`: what each output is compared with, NaN where nothing is; empty where nothing is for any.
    pub reference: Vec<f64>,
}

impl LearnedTerm {
    /// (trajectory, model, points) of each curve.
    pub(crate) fn curves_of(&self) -> impl Iterator<Item = (usize, usize, &[LearnedPoint])> {
        self.curves.iter().map(|curve| (curve.trajectory, curve.model, curve.points.as_slice()))
    }

    /// Root mean squares of output `o`'s difference from its reference and of the reference, over all
    /// curves; `None` without a reference.
    pub(crate) fn error(&self, o: usize) -> Option<(f64, f64)> {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let pairs = points.filter_map(|point| Some((point.output[o], *point.reference.get(o)?)));
        let (mut n, mut error, mut size) = (0usize, 0.0, 0.0);
        for (u, reference) in pairs.filter(|(_, reference)| !reference.is_nan()) {
            (n, error, size) = (n + 1, error + (u - reference).powi(2), size + reference.powi(2));
        }
        (n > 0).then(|| ((error / n as f64).sqrt(), (size / n as f64).sqrt()))
    }
}

/// The energy of one frame, eV.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameEnergy {
    /// Observed.
    pub reference: f64,
    /// Predicted.
    pub predicted: f64,
    /// Atoms of the frame.
    pub n_atoms: usize,
}

impl SplitData {
    /// An empty split that [`SplitData::push`] fills.
    pub fn new(name: impl Into<String>, dim: usize) -> Self {
        Self {
            name: name.into(),
            dim,
            group: vec![],
            nll: vec![],
            target: vec![],
            mean: vec![],
            sigma: vec![],
            cdf_below: vec![],
            cdf: vec![],
            crps: vec![],
            winkler: vec![vec![]; surprisal_objective::calibration::coverage::LEVELS.len()],
            uncertainties: vec![],
            energies: vec![],
            trajectories: vec![],
            learned: vec![],
        }
    }

    /// Adds one component and judges it by its marginal; a target that is NaN was not observed, no
    /// marginal means that the prediction itself is not a number.
    pub fn push(&mut self, y: f64, marginal: Option<&dyn Marginal>) {
        use surprisal_objective::calibration::coverage::{LEVELS, winkler};
        let judged = marginal.filter(|_| y.is_finite());
        let score = |f: &dyn Fn(&dyn Marginal) -> f64| judged.map_or(f64::NAN, f);
        let y = marginal.map_or(y, |m| m.represent(y));
        self.target.push(y);
        self.mean.push(marginal.map_or(f64::NAN, |m| m.center()));
        self.sigma.push(marginal.map_or(f64::NAN, |m| m.variance().sqrt()));
        self.cdf_below.push(score(&|m| m.cdf_below(y)));
        self.cdf.push(score(&|m| m.cdf(y)));
        self.crps.push(score(&|m| m.crps(y)));
        for (scores, level) in self.winkler.iter_mut().zip(LEVELS) {
            let (lower, upper) = (0.5 * (1.0 - level), 0.5 * (1.0 + level));
            scores.push(score(&|m| winkler(level, m.quantile(lower), m.quantile(upper), y)));
        }
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.nll.len()
    }

    /// `target − mean`, `[n·d]`; NaN where nothing was observed.
    pub fn error(&self) -> Vec<f64> {
        self.target.iter().zip(&self.mean).map(|(y, m)| y - m).collect()
    }

    /// Root mean predicted variance of each sample's components, `[n]`.
    pub fn sample_sigma(&self) -> Vec<f64> {
        self.sigma.chunks_exact(self.dim.max(1)).map(root_mean_square).collect()
    }

    /// Root-mean-square error of each sample's observed components, `[n]`.
    pub fn sample_error(&self) -> Vec<f64> {
        self.error().chunks_exact(self.dim.max(1)).map(root_mean_square).collect()
    }

    /// Probability integral transform of every observed component; randomised where discrete.
    pub fn pit(&self, seed: u64) -> Vec<f64> {
        let mut transform = self.pit_of_each(seed);
        transform.retain(|u| u.is_finite());
        transform
    }

    /// The same, NaN where nothing was observed: `[n·d]`.
    pub fn pit_of_each(&self, seed: u64) -> Vec<f64> {
        surprisal_objective::calibration::pit::pit(&self.cdf_below, &self.cdf, seed)
    }

    /// The uncertainty that should grow off the training data: epistemic where the head has one,
    /// else the total predicted standard deviation. Its name and values, `[n]`.
    pub fn knowledge(&self) -> (&str, Vec<f64>) {
        match self.uncertainties.iter().find(|(name, _)| name.contains("epistemic")) {
            Some((name, values)) => (name, values.clone()),
            None => ("total", self.sample_sigma()),
        }
    }
}

/// √ of the mean square of the values that are numbers; NaN if none is.
pub(crate) fn root_mean_square(values: &[f64]) -> f64 {
    let (sum, n) = values.iter().filter(|v| !v.is_nan()).fold((0.0, 0.0), |(sum, n), v| (sum + v * v, n + 1.0));
    (sum / n).sqrt()
}
