//! Standard errors and 95 % intervals of the parameters that mean something: those of equations, the
//! coefficients of a linear model, the constants of the likelihood (Laplace's approximation).
//!
//! What is trained is unconstrained: r with θ = θ(r). Around the weights kept, r is taken as normal with
//! the inverse of the observed information (module `information`) as its covariance. An interval
//! [θ(r − 1.96 s), θ(r + 1.96 s)] stays within the bounds of θ; its standard error is |θ′(r)| s. With
//! priors it is the interval of the posterior's normal approximation; other penalties count as priors too.
//!
//! It says what the data and the model say together. It knows nothing of a wrong model, of other
//! minima, or of how the loss bends farther away; the last the profile of the likelihood knows (module
//! `profile`).

mod config;
mod covariance;
mod gauss_newton;
mod information;
mod notes;
mod profile;
mod refit;
mod spread;
mod symmetric;
mod task;

use self::covariance::Errors;
use self::information::Information;
use self::profile::walk;
use self::refit::Likelihood;
use self::symmetric::Symmetric;
use self::task::{Curvature, Named, Task};
use crate::fit::Fit;
use crate::full_batch::FullBatch;
use crate::step::LAST;
use crate::{Predictor, TrainError};

pub use config::{IntervalsConfig, Method, Nuisance};
pub use profile::{POINTS, THRESHOLD};
pub use spread::Directions;

/// Coverage of every interval.
pub const LEVEL: f64 = 0.95;
/// Φ⁻¹(0.975).
const QUANTILE: f64 = 1.959_963_984_540_054;

/// Nats between the weights kept and the best fit above which a note is due.
const MOVED: f64 = 0.05;
/// Eigenvalue of the scaled information that a change of variables takes as the smallest.
const FLOOR: f64 = 1e-4;

/// Intervals of everything that means something.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Intervals {
    /// In the order of the parameters; empty where there are none.
    pub entries: Vec<Interval>,
    /// What a reader must know to trust them, in sentences.
    pub notes: Vec<String>,
    /// How all that is trained may vary; empty where there is no information.
    pub directions: Directions,
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
    /// `[n]`, or empty where nobody asked.
    pub profiles: Vec<Profile>,
}

/// The profile of the likelihood of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Lower end of the interval, in the number's own units; −∞ where the data set none.
    pub lower: f64,
    /// Upper end; ∞ likewise.
    pub upper: f64,
    /// Up to [`POINTS`] points, ascending: the number, how far the maximum of the log-likelihood over all
    /// others lies below the maximum, nats, and how far it would by the second derivative alone (NaN
    /// where that says nothing).
    pub points: Vec<[f64; 3]>,
}

impl<P: Predictor> Fit<'_, P> {
    /// Name and size of what [`Fit::intervals`] will have intervals of; empty where it will not.
    pub fn interval_names(&self, config: &IntervalsConfig) -> Result<Vec<(String, usize)>, TrainError> {
        let task = self.task(config)?;
        Ok(task.into_iter().flat_map(|t| t.named).map(|named| (named.name, named.at.len())).collect())
    }

    /// Names and sizes of what will have profiles.
    pub fn profile_names(&self, config: &IntervalsConfig) -> Result<Vec<(String, usize)>, TrainError> {
        let Some(task) = self.task(config)? else { return Ok(vec![]) };
        let named = task.profiled.iter().map(|&k| &task.named[k]);
        Ok(named.map(|named| (named.name.clone(), named.at.len())).collect())
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
                let notes = vec![format!("no intervals of parameters: {reason}")];
                return Ok(Intervals { notes, ..Intervals::default() });
            }
        };
        let information = match task.curvature {
            Curvature::Observed => information::observed(problem, x, n_samples, &task.of, &task.marginal)?,
            Curvature::GaussNewton => self.gauss_newton(problem, x, n_samples, &task.of, &task.marginal)?,
        };
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
                profiles: vec![],
            });
        }
        let mut notes = notes::notes(task, &errors, information.asymmetry);
        if !task.profiled.is_empty() {
            let mut likelihood = Likelihood::new(problem, n_samples, &task.marginal, x);
            self.profiles(task, &mut entries, &mut notes, (&errors, &information), x, &mut likelihood)?;
        }
        let directions = Directions::new(&information, task, x.len());
        Ok(Intervals { entries, notes, directions })
    }

    /// Profiles of the parameters that should have them.
    fn profiles(
        &self,
        task: &Task,
        entries: &mut [Interval],
        notes: &mut Vec<String>,
        (errors, information): (&Errors, &Information),
        x: &[f64],
        likelihood: &mut Likelihood<'_>,
    ) -> Result<(), TrainError> {
        let parameters = self.parameters();
        let here = FullBatch::new(self, &parameters);
        let all: Vec<usize> = (0..task.of.len()).collect();
        let best = likelihood.minimize(x.to_vec(), &whitened(information, task, &all, x.len()))?;
        let kept = likelihood.nll(x)?;
        if kept - best.nll > MOVED {
            notes.push(format!(
                "profiles are counted from the best fit nearby, whose log-likelihood is {:.3} above that of the weights kept",
                kept - best.nll
            ));
        }
        let (mut lowest, mut unfinished) = (0.0f64, false);
        for &k in &task.profiled {
            let named = &task.named[k];
            for (entry, i) in named.at.clone().enumerate() {
                let place = task.of.iter().position(|&of| of == i).unwrap_or_default();
                let others: Vec<usize> = all.iter().copied().filter(|&j| j != place).collect();
                let directions = whitened(information, task, &others, x.len());
                let error = errors.standard[place];
                let walked = walk(likelihood, &best, i, error, &directions)?;
                unfinished |= !walked.converged;
                let own = |x: &[f64]| -> Result<f64, TrainError> {
                    here.set(x)?;
                    Ok(self.natural(std::slice::from_ref(named), x)?[0][entry])
                };
                let mut points = vec![];
                for place in &walked.places {
                    lowest = lowest.min(place.drop);
                    let steps = (place.x[i] - best.x[i]) / error;
                    points.push([own(&place.x)?, place.drop, 0.5 * steps * steps]);
                }
                let mut ends = [f64::NAN; 2];
                let rises = points.last().map(|p| p[0]) >= points.first().map(|p| p[0]);
                for (end, (found, open)) in ends.iter_mut().zip(walked.ends.iter().zip([-1.0, 1.0])) {
                    *end = match found {
                        Some(fitted) => own(&fitted.x)?,
                        None if rises => open * f64::INFINITY,
                        None => -open * f64::INFINITY,
                    };
                }
                points.sort_by(|a, b| a[0].total_cmp(&b[0]));
                let profile = Profile { lower: ends[0].min(ends[1]), upper: ends[0].max(ends[1]), points };
                entries[k].profiles.push(profile);
            }
        }
        if lowest < -MOVED {
            notes.push(format!(
                "a profile found a better fit than the one kept, by {:.3} in the log-likelihood: intervals are around a \
                 minimum that is not the lowest",
                -lowest
            ));
        }
        if unfinished {
            notes.push("some fits along a profile did not come to an end: there the interval may be too short".into());
        }
        Ok(())
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
}

/// Displacements of everything that is trained, `[n_x]` each, along which the information about the
/// coordinates `which` of the named parameters is near 1.
fn whitened(information: &Information, task: &Task, which: &[usize], n_x: usize) -> Vec<Vec<f64>> {
    let matrix = Symmetric::new(which.len(), |i, j| information.matrix.at(which[i], which[j]));
    let directions = covariance::whitening(&matrix, FLOOR);
    let embed = |direction: Vec<f64>| {
        let mut all = vec![0.0; n_x];
        which.iter().zip(direction).for_each(|(&k, d)| all[task.of[k]] = d);
        all
    };
    directions.into_iter().map(embed).collect()
}
