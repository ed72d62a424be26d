//! What has intervals, and what becomes of everything else.

use std::ops::Range;

use surprisal_core::Parameter;

use super::config::{IntervalsConfig, Method, Nuisance};
use crate::fit::Fit;
use crate::{Predictor, TrainError};

/// What is done without being asked takes no more than two gradients for each of so many numbers.
const UNASKED: usize = 25;
/// Weights that can be marginalised; the work grows with the cube.
const MOST_WEIGHTS: usize = 1000;

/// A parameter that means something.
pub(super) struct Named {
    pub(super) name: String,
    /// Where its entries are in the vector of all parameters.
    pub(super) at: Range<usize>,
}

/// How the information is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curvature {
    Observed,
    GaussNewton,
}

/// What is to be done.
pub(super) struct Task {
    pub(super) curvature: Curvature,
    pub(super) named: Vec<Named>,
    /// Coordinates of the named parameters, and of what is marginalised.
    pub(super) of: Vec<usize>,
    pub(super) marginal: Vec<usize>,
    pub(super) n_fixed: usize,
    /// Which of `named` have profiles.
    pub(super) profiled: Vec<usize>,
}

impl Task {
    /// What each coordinate of `of` is called.
    pub(super) fn labels(&self) -> Vec<String> {
        let of = |named: &Named| -> Vec<String> {
            let n = named.at.len();
            (0..n).map(|i| if n == 1 { named.name.clone() } else { format!("{}[{i}]", named.name) }).collect()
        };
        self.named.iter().flat_map(of).collect()
    }
}

impl<P: Predictor> Fit<'_, P> {
    pub(super) fn task(&self, config: &IntervalsConfig) -> Result<Option<Task>, TrainError> {
        let parameters = self.parameters();
        let mut end = 0;
        let places: Vec<(&Parameter, Range<usize>)> = parameters
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
        let unasked = match config.networks {
            _ if !has_equations || of.len() > UNASKED => Method::None,
            Some(Nuisance::Marginal) => Method::GaussNewton,
            Some(Nuisance::Fixed) | None => Method::Hessian,
        };
        let curvature = match config.method.unwrap_or(unasked) {
            Method::None => return Ok(None),
            _ if of.is_empty() => return Ok(None),
            Method::Hessian | Method::Profile => Curvature::Observed,
            Method::GaussNewton => Curvature::GaussNewton,
        };
        let profiled = profiled(config, &named)?;
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
            Nuisance::Fixed => {
                Ok(Some(Task { curvature, named, of, marginal: vec![], n_fixed: others.len(), profiled }))
            }
            Nuisance::Marginal if others.len() > MOST_WEIGHTS => Err(TrainError::Unfit {
                message: format!(
                    "`intervals.networks` is \"marginal\", but there are {} weights, more than {MOST_WEIGHTS}",
                    others.len()
                ),
                hint: "use smaller networks, or \"fixed\", which takes the weights as known".into(),
            }),
            Nuisance::Marginal => Ok(Some(Task { curvature, named, of, marginal: others, n_fixed: 0, profiled })),
        }
    }
}

/// Which of the named have profiles.
fn profiled(config: &IntervalsConfig, named: &[Named]) -> Result<Vec<usize>, TrainError> {
    let Some(asked) = &config.profiles else {
        let all = config.method == Some(Method::Profile);
        return Ok(if all { (0..named.len()).collect() } else { vec![] });
    };
    let unfit = |message: String, hint: String| TrainError::Unfit { message, hint };
    if config.method != Some(Method::Profile) {
        return Err(unfit(
            "`intervals.profiles` names parameters, but `intervals.method` is not \"profile\"".into(),
            "say `method = \"profile\"`, or remove `profiles`".into(),
        ));
    }
    let place = |name: &String| {
        named.iter().position(|n| n.name == *name).ok_or_else(|| {
            let known: Vec<&str> = named.iter().map(|n| n.name.as_str()).collect();
            unfit(
                format!("`intervals.profiles` names `{name}`, which has no interval"),
                format!("there are {}", known.join(", ")),
            )
        })
    };
    asked.iter().map(place).collect()
}
