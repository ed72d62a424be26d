//! Standard errors and 95 % intervals of the parameters that mean something: those of equations, the
//! coefficients of a linear model, the constants of the likelihood (Laplace's approximation).
//!
//! What is trained is unconstrained: r with θ = θ(r). Around the weights kept, r is taken as normal with
//! the inverse of the observed information (module `information`) as its covariance. An interval
//! [θ(r − 1.96 s), θ(r + 1.96 s)] stays within the bounds of θ; its standard error is |θ′(r)| s. With
//! priors it is the interval of the posterior's normal approximation; other penalties count as priors too.
//!
//! It says what the data and the model say together. It knows nothing of a wrong model, of other
//! minima, or of how the loss bends farther away.

mod config;
mod covariance;
mod information;
mod symmetric;

use surprisal_core::Parameter;

use self::covariance::{Errors, Kind};
use crate::fit::Fit;
use crate::full_batch::FullBatch;
use crate::step::LAST;
use crate::{Predictor, TrainError};

pub use config::{IntervalsConfig, Method, Nuisance};

/// Coverage of every interval.
pub const LEVEL: f64 = 0.95;
/// Φ⁻¹(0.975).
const QUANTILE: f64 = 1.959_963_984_540_054;
/// What is done without being asked takes no more than two gradients for each of so many numbers.
const UNASKED: usize = 25;
/// Weights that can be marginalised; the work grows with the cube.
const MOST_WEIGHTS: usize = 1000;
/// Standard errors between the weights kept and the minimum, above which a note is due.
const FAR: f64 = 0.3;
/// Asymmetry of the information above which a note is due.
const ROUGH: f64 = 0.05;

/// Intervals of everything that means something.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Intervals {
    /// In the order of the parameters; empty where there are none.
    pub entries: Vec<Interval>,
    /// What a reader must know to trust them, in sentences.
    pub notes: Vec<String>,
}

/// The intervals of one named parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Interval {
    /// As the user knows it.
    pub name: String,
    /// In its own units, one or one per training group, `[n]`.
    pub values: Vec<f64>,
    /// In its own units, `[n]`; NaN where it is not determined.
    pub standard_error: Vec<f64>,
    /// `[n]`; NaN likewise.
    pub lower: Vec<f64>,
    /// `[n]`; NaN likewise.
    pub upper: Vec<f64>,
}

/// A parameter that means something.
struct Named {
    name: String,
    /// Where its entries are in the vector of all parameters.
    at: std::ops::Range<usize>,
}

/// What is to be done.
struct Task {
    named: Vec<Named>,
    /// Coordinates of the named parameters, and of what is marginalised.
    of: Vec<usize>,
    marginal: Vec<usize>,
    n_fixed: usize,
}

impl<P: Predictor> Fit<'_, P> {
    /// Name and size of what [`Fit::intervals`] will have intervals of; empty where it will not.
    pub fn interval_names(&self, config: &IntervalsConfig) -> Result<Vec<(String, usize)>, TrainError> {
        let task = self.task(config)?;
        Ok(task.into_iter().flat_map(|t| t.named).map(|named| (named.name, named.at.len())).collect())
    }

    /// Intervals at the present weights. Where the objective allows none, a note says why.
    pub fn intervals(&self, config: &IntervalsConfig) -> Result<Intervals, TrainError> {
        let Some(task) = self.task(config)? else { return Ok(Intervals::default()) };
        let parameters = self.parameters();
        let mut problem = FullBatch::new(self, &parameters).of_whole_groups();
        let x = problem.position()?;
        let found = self.found(&task, &mut problem, &x);
        problem.set(&x)?;
        found
    }

    fn found(&self, task: &Task, problem: &mut FullBatch<'_, P>, x: &[f64]) -> Result<Intervals, TrainError> {
        let n_samples = match self.likelihood_samples()? {
            Ok(n) => n as f64,
            Err(reason) => {
                return Ok(Intervals { entries: vec![], notes: vec![format!("no intervals of parameters: {reason}")] });
            }
        };
        let information = information::observed(problem, x, n_samples, &task.of, &task.marginal)?;
        let errors = covariance::errors(&information);
        let at = |steps: f64| -> Result<Vec<Vec<f64>>, TrainError> {
            let mut moved = x.to_vec();
            for (&i, s) in task.of.iter().zip(&errors.standard).filter(|(_, s)| s.is_finite()) {
                moved[i] += steps * s;
            }
            problem.set(&moved)?;
            self.natural(&task.named, &moved)
        };
        let (values, below, above) = (at(0.0)?, at(-QUANTILE)?, at(QUANTILE)?);
        // small enough for the slope, large enough for its digits
        let (near_below, near_above) = (at(-1e-4)?, at(1e-4)?);
        let mut determined = errors.standard.iter().map(|s| s.is_finite());
        let mut entries = Vec::with_capacity(task.named.len());
        for (k, named) in task.named.iter().enumerate() {
            let known: Vec<bool> = determined.by_ref().take(named.at.len()).collect();
            let pick = |f: &dyn Fn(usize) -> f64| -> Vec<f64> {
                known.iter().enumerate().map(|(i, &known)| if known { f(i) } else { f64::NAN }).collect()
            };
            entries.push(Interval {
                name: named.name.clone(),
                values: values[k].clone(),
                standard_error: pick(&|i| (near_above[k][i] - near_below[k][i]).abs() / 2e-4),
                lower: pick(&|i| below[k][i].min(above[k][i])),
                upper: pick(&|i| below[k][i].max(above[k][i])),
            });
        }
        Ok(Intervals { entries, notes: notes(task, &errors, information.asymmetry) })
    }

    /// The number of samples whose mean NLL is the training risk; or why the loss is something else.
    fn likelihood_samples(&self) -> Result<Result<usize, String>, TrainError> {
        if let Some((name, _)) = self.objective.proximal_penalty() {
            return Ok(Err(format!("the penalty `{name}` has kinks, where there is no second derivative")));
        }
        let groups: Vec<&P::Group> = self.splits.train.iter().collect();
        let (evaluation, _) = self.loss_as_they_are(&groups, LAST)?;
        let known: Vec<f64> = evaluation.nll.iter().copied().filter(|nll| !nll.is_nan()).collect();
        let mean = known.iter().sum::<f64>() / known.len() as f64;
        let risk = evaluation.terms.iter().find(|(name, _)| name == "risk").map_or(f64::NAN, |(_, value)| *value);
        if !((risk - mean).abs() <= 1e-9 * (1.0 + mean.abs())) {
            return Ok(Err(format!("the risk ({risk:.6}) is not the mean NLL of the samples ({mean:.6})")));
        }
        let other = evaluation.terms.iter().find(|(name, _)| name == "energy" || name == "regularizer");
        Ok(match other {
            Some((name, _)) => Err(format!("the loss has a term `{name}` beside the likelihood")),
            None => Ok(known.len()),
        })
    }

    /// Values of the named parameters in their own units, as they are now.
    fn natural(&self, named: &[Named], x: &[f64]) -> Result<Vec<Vec<f64>>, TrainError> {
        let of_model = self.predictor.named_values()?;
        let constants = self.objective.outcome().constants()?;
        Ok(named
            .iter()
            .map(|named| {
                let model = of_model.iter().find(|n| n.name == named.name).map(|n| n.values.clone());
                let constant = || constants.iter().find(|c| c.name == named.name || c.tensor == named.name);
                model.or_else(|| constant().map(|c| c.values.clone())).unwrap_or_else(|| x[named.at.clone()].to_vec())
            })
            .collect())
    }

    fn task(&self, config: &IntervalsConfig) -> Result<Option<Task>, TrainError> {
        let parameters = self.parameters();
        let mut end = 0;
        let places: Vec<(&Parameter, std::ops::Range<usize>)> = parameters
            .iter()
            .map(|p| {
                let start = end;
                end += p.var.elem_count();
                (p, start..end)
            })
            .collect();
        let place = |tensor: &str| places.iter().find(|(p, _)| p.name == tensor).map(|(_, at)| at.clone());
        let mut named: Vec<Named> = vec![];
        for of_model in self.predictor.interpretable() {
            named.extend(place(&of_model.tensor).map(|at| Named { name: of_model.name, at }));
        }
        let has_equations = !self.predictor.named_values()?.is_empty();
        for constant in self.objective.outcome().constants()? {
            let taken = named.iter().any(|n| n.name == constant.name);
            let name = if taken { constant.tensor.clone() } else { constant.name.to_owned() };
            named.extend(place(&constant.tensor).map(|at| Named { name, at }));
        }
        let of: Vec<usize> = named.iter().flat_map(|n| n.at.clone()).collect();
        let unasked = if has_equations && of.len() <= UNASKED { Method::Hessian } else { Method::None };
        if config.method.unwrap_or(unasked) == Method::None || of.is_empty() {
            return Ok(None);
        }
        // starts of segments are trained, and say nothing of a whole trajectory
        let scaffolds = places.iter().filter(|(p, _)| self.predictor.is_scaffold(&p.name));
        let scaffold: Vec<usize> = scaffolds.flat_map(|(_, at)| at.clone()).collect();
        let others: Vec<usize> = (0..end).filter(|i| !of.contains(i) && !scaffold.contains(i)).collect();
        let end = of.len() + others.len();
        let nuisance = match config.networks {
            Some(nuisance) => nuisance,
            None if end <= UNASKED => Nuisance::Marginal,
            None => Nuisance::Fixed,
        };
        match nuisance {
            Nuisance::Fixed => Ok(Some(Task { named, of, marginal: vec![], n_fixed: others.len() })),
            Nuisance::Marginal if others.len() > MOST_WEIGHTS => Err(TrainError::Unfit {
                message: format!(
                    "`intervals.networks` is \"marginal\", but there are {} weights, more than {MOST_WEIGHTS}",
                    others.len()
                ),
                hint: "use smaller networks, or \"fixed\", which takes the weights as known".into(),
            }),
            Nuisance::Marginal => Ok(Some(Task { named, of, marginal: others, n_fixed: 0 })),
        }
    }
}

fn notes(task: &Task, errors: &Errors, asymmetry: f64) -> Vec<String> {
    let labels: Vec<String> = task
        .named
        .iter()
        .flat_map(|named| {
            let n = named.at.len();
            (0..n).map(move |i| if n == 1 { named.name.clone() } else { format!("{}[{i}]", named.name) })
        })
        .collect();
    let mut notes = vec![];
    if task.n_fixed > 0 {
        notes.push(format!(
            "intervals of parameters take the other {} trained numbers as known: they are too narrow where a network can \
             stand in for a parameter (`intervals.networks = \"marginal\"` lets them vary)",
            task.n_fixed
        ));
    }
    if !task.marginal.is_empty() {
        notes.push(format!(
            "intervals of parameters let the other {} trained numbers vary, each with a standard normal prior",
            task.marginal.len()
        ));
    }
    for undetermined in &errors.undetermined {
        let mut parts: Vec<(f64, &String)> =
            undetermined.direction.iter().copied().zip(&labels).filter(|(v, _)| v.abs() > 0.05).collect();
        parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let parts: Vec<String> = parts.iter().map(|(v, name)| format!("{v:+.2} {name}")).collect();
        let parts = parts.join(" ");
        notes.push(match undetermined.kind {
            Kind::Flat => format!(
                "the data do not determine the direction ({parts}) of the trained numbers: the parameters in it have no interval"
            ),
            Kind::Falling => format!(
                "the training loss still falls away along ({parts}): the information matrix is not positive definite, the \
                 weights kept are not at a minimum, and the parameters in it have no interval"
            ),
        });
    }
    let far = |(newton, standard): (&f64, &f64)| newton.abs() / standard;
    let farthest = errors.newton.iter().zip(&errors.standard).map(far).zip(&labels).filter(|(far, _)| *far > FAR);
    if let Some((far, name)) = farthest.max_by(|a, b| a.0.total_cmp(&b.0)) {
        notes.push(format!(
            "the fit has not converged: the minimum is about {far:.1} standard errors of `{name}` away, and intervals are \
             centred at the weights kept (train longer, or use `[optimizer.lbfgs]`)"
        ));
    }
    if asymmetry > ROUGH {
        notes.push(format!(
            "second derivatives disagree by {:.0} %, so standard errors are rough: tighten the solver's tolerances",
            100.0 * asymmetry
        ));
    }
    notes
}
