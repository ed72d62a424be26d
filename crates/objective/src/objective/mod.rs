//! The loss of a batch and its derivative with respect to everything that is trained.
//!
//! loss = risk(NLL of the samples) + mean regulariser of the likelihood + Σ penalties + energy term.
//! The prediction's tensors become variables, one backward pass gives ∂loss/∂prediction (the
//! cotangent that the predictor pulls back), the gradients of the objective's own parameters, and
//! those of penalties on the model's parameters.
//!
//! The loss of an ensemble is the sum of its members' own losses (Lakshminarayanan, Pritzel & Blundell
//! 2017, algorithm 1): each member is trained as if it were alone, and its gradient means the same.

mod proximal;
mod variables;

use candle_core::{Device, Tensor};
use surprisal_core::{Cotangent, Parameters, Prediction, Probe, Target};

use self::variables::{Variables, gradients_of};
use crate::energy::{Energy, EnergyTerm};
use crate::likelihood::Progress;
use crate::penalty::{Facts, Kind, PenaltyConfig, Seen};
use crate::risk::{Losses, RiskConfig};
use crate::{ObjectiveError, Outcome};

/// Risk, likelihood, penalties and energy term of a run.
#[derive(Debug, Clone)]
pub struct Objective {
    /// Of predictions that are evaluated.
    outcome: Outcome,
    /// Of predictions that are trained.
    trained: Outcome,
    risk: RiskConfig,
    penalties: Vec<PenaltyConfig>,
    energy: Option<Energy>,
    facts: Facts,
    /// One set for each model.
    risk_parameters: Vec<Parameters>,
    parameters: Parameters,
}

/// What [`Objective::evaluate`] found.
#[derive(Debug, Clone)]
pub struct Evaluation {
    /// Risk plus all terms, nats; summed over the members of an ensemble.
    pub loss: f64,
    /// What the loss is the sum of: `risk`, `regularizer`, each penalty by name, `energy`.
    pub terms: Vec<(String, f64)>,
    /// NLL of each sample, true nats in the data's own units; NaN where nothing was observed.
    pub nll: Vec<f64>,
    /// ∂loss/∂prediction.
    pub cotangent: Cotangent,
    /// ∂loss/∂parameter in the order of [`Objective::parameters`].
    pub own_gradient: Vec<Tensor>,
    /// Gradient of the penalties on parameters, in the model's order; `None` without such a penalty.
    pub model_gradient: Option<Vec<Tensor>>,
}

/// Per-sample scores without gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    /// NLL, true nats in the data's own units, joint over the observed components.
    pub nll: Vec<f64>,
    /// Squared error, mean over the observed components, in squared data units.
    pub squared_error: Vec<f64>,
    /// Mean of (error/σ)² over all observed components whose predicted variance is finite: above 1
    /// where the predictions are over-confident, below 1 where they are too careful. NaN where there
    /// are none.
    pub zms: f64,
}

impl Objective {
    /// Checks the parts against each other.
    pub fn new(
        outcome: Outcome,
        risk: RiskConfig,
        penalties: Vec<PenaltyConfig>,
        energy: Option<EnergyTerm>,
    ) -> Result<Self, ObjectiveError> {
        Self::with_facts(outcome, risk, penalties, energy, Facts::default())
    }

    /// The same where penalties may ask for inputs and attributes by name.
    pub fn with_facts(
        outcome: Outcome,
        risk: RiskConfig,
        penalties: Vec<PenaltyConfig>,
        energy: Option<EnergyTerm>,
        facts: Facts,
    ) -> Result<Self, ObjectiveError> {
        if risk.get().needs_weights() && !facts.weighted {
            return Err(ObjectiveError::NoWeights { risk: risk.name() });
        }
        let facts = Facts { dim: outcome.layout().dim, ..facts };
        if let Some((setting, domain, value)) = risk.get().check_settings() {
            return Err(ObjectiveError::Setting { entry: risk.name(), setting, domain, value });
        }
        for (index, penalty) in penalties.iter().enumerate() {
            if let Some((setting, domain, value)) = penalty.get().check_settings() {
                return Err(ObjectiveError::Setting { entry: penalty.name(), setting, domain, value });
            }
            if let Kind::Prediction(on_prediction) = penalty.get().kind() {
                if let Some(need) = on_prediction.misplaced(&facts) {
                    return Err(ObjectiveError::PenaltyMisplaced { penalty: penalty.name(), index, need });
                }
                if let Some((setting, error)) = on_prediction.mistyped(&facts) {
                    let error = Box::new(error);
                    return Err(ObjectiveError::Expression { penalty: penalty.name(), index, setting, error });
                }
            }
        }
        proximal::at_most_one(&penalties)?;
        let models = outcome.models();
        let energy = energy.map(|term| Energy::new(term, outcome.target_scale()[0], models)).transpose()?;
        let risk_parameters = (0..models).map(|_| risk.get().parameters()).collect::<Result<Vec<_>, _>>()?;
        let mut of_risk = Parameters::new();
        for (model, own) in risk_parameters.iter().enumerate() {
            match models {
                1 => own.iter().for_each(|parameter| of_risk.share(parameter.clone())),
                _ => of_risk.share_member(model, own),
            }
        }
        let mut parameters = Parameters::new();
        let of_energy = energy.iter().flat_map(|e| e.outcome.parameters().iter());
        for parameter in outcome.parameters().iter().chain(of_risk.iter()).chain(of_energy) {
            parameters.share(parameter.clone());
        }
        Ok(Self { trained: outcome.clone(), outcome, risk, penalties, energy, facts, risk_parameters, parameters })
    }

    /// The same where evaluations get so many predictions of the one model side by side, of which
    /// training sees one.
    pub fn evaluated_with(self, members: usize) -> Self {
        Self { outcome: self.trained.clone().with_members(members), ..self }
    }

    /// The likelihood with its shape and units, as predictions are evaluated.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What penalties want to know beside the predictions at the samples, in their order.
    pub fn probes(&self) -> Vec<Probe> {
        let of = |p: &PenaltyConfig| match p.get().kind() {
            Kind::Prediction(on_prediction) => on_prediction.probes(&self.facts),
            Kind::Parameter(_) | Kind::Proximal(_) => vec![],
        };
        self.penalties.iter().flat_map(of).collect()
    }

    /// Everything the objective trains itself: constant parameters and the threshold of CVaR.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Loss and gradients of a batch. `model` are the predictor's parameters, for penalties on them.
    pub fn evaluate(
        &self,
        prediction: &Prediction,
        target: &Target,
        model: &Parameters,
        progress: Progress,
    ) -> Result<Evaluation, ObjectiveError> {
        let variables = Variables::new(prediction)?;
        let prediction = variables.prediction();
        let outcome = &self.trained;
        let natural = outcome.natural(&prediction)?;
        let nll = outcome.nll_of(&natural, target)?;
        let observed = observed_samples(target)?;
        // The loss may be another function than the NLL; what is reported never is.
        let losses = outcome.surrogate_of(&natural, target, progress)?;
        let losses = losses.as_ref().unwrap_or(&nll);
        let weight = self.sample_weights(target, &observed)?;
        let of_members = |value: &dyn Fn(usize) -> Result<Tensor, ObjectiveError>| {
            let others = (1..outcome.members()).map(value);
            others.fold(value(0), |total, member| Ok((total? + member?)?))
        };
        let risk = of_members(&|member| {
            let losses = select(&outcome.rows_of(losses, member)?, &observed)?;
            let losses = Losses { values: &losses, weight: weight.as_ref() };
            // several predictions of one model share its parameters
            self.risk.get().value(&losses, &self.risk_parameters[member.min(self.risk_parameters.len() - 1)])
        })?;
        let mut terms = vec![("risk".to_string(), risk)];
        if let Some(regularizer) = outcome.regularizer_of(&natural, target)? {
            let regularizer =
                of_members(&|member| Ok(select(&outcome.rows_of(&regularizer, member)?, &observed)?.mean_all()?))?;
            terms.push(("regularizer".to_string(), regularizer));
        }
        let mut first_probe = 0;
        for penalty in &self.penalties {
            match penalty.get().kind() {
                Kind::Prediction(on_prediction) => {
                    let means = outcome.means_of(&natural)?;
                    let asked = on_prediction.probes(&self.facts);
                    let found = &prediction.probes[first_probe..first_probe + asked.len()];
                    first_probe += asked.len();
                    // of each member
                    let answers = |(probe, found): (&Probe, &Prediction)| match probe {
                        Probe::Moved { .. } => outcome.means_of(&outcome.natural(found)?),
                        Probe::Inputs | Probe::Network { .. } | Probe::Change { .. } | Probe::Along { .. } => {
                            Ok(found.members(outcome.members())?.into_iter().map(|member| member.location).collect())
                        }
                    };
                    let probes = asked.iter().zip(found).map(answers).collect::<Result<Vec<_>, ObjectiveError>>()?;
                    let value = of_members(&|member| {
                        let probes: Vec<Tensor> = probes.iter().map(|answers| answers[member].clone()).collect();
                        let (mean, target_scale) = (&means[member], outcome.target_scale());
                        let seen = Seen { mean, probes: &probes, target, target_scale, facts: &self.facts };
                        on_prediction.value(&seen)
                    })?;
                    terms.push((penalty.name().to_string(), value));
                }
                Kind::Parameter(on_parameters) => terms.push((penalty.name().to_string(), on_parameters.value(model)?)),
                Kind::Proximal(_) => {}
            }
        }
        if let Some(energy) = &self.energy {
            let predicted = prediction.energy.as_ref().ok_or(ObjectiveError::NoEnergy { side: "predictor" })?;
            // a batch may happen to hold no frame with an energy
            if let Some(value) = energy.value(predicted, target)? {
                terms.push(("energy".to_string(), value));
            }
        }
        let mut loss = Tensor::new(0f64, &Device::Cpu)?;
        for (_, term) in &terms {
            loss = (loss + term)?;
        }
        let gradients = loss.backward()?;
        let penalized = self.penalties.iter().any(|p| matches!(p.get().kind(), Kind::Parameter(_)));
        Ok(Evaluation {
            loss: loss.to_scalar()?,
            terms: terms
                .into_iter()
                .map(|(name, term)| Ok((name, term.to_scalar()?)))
                .collect::<Result<_, ObjectiveError>>()?,
            nll: reported(outcome.mixture(&nll)?.to_vec1()?, &observed),
            cotangent: variables.cotangent(&gradients)?,
            own_gradient: gradients_of(&self.parameters, &gradients)?,
            model_gradient: if penalized { Some(gradients_of(model, &gradients)?) } else { None },
        })
    }

    /// The weight of every observed sample, where the data has weights.
    fn sample_weights(&self, target: &Target, observed: &[bool]) -> Result<Option<Tensor>, ObjectiveError> {
        if target.weight.is_empty() {
            return Ok(None);
        }
        let each = target.group.iter().map(|&g| target.weight[g as usize]);
        let kept: Vec<f64> = each.zip(observed).filter(|(_, o)| **o).map(|(w, _)| w).collect();
        Ok(Some(Tensor::new(kept, &Device::Cpu)?))
    }

    /// Per-sample NLL and squared error.
    pub fn score(&self, prediction: &Prediction, target: &Target) -> Result<Scores, ObjectiveError> {
        let nll = self.outcome.nll(prediction, target)?.to_vec1()?;
        let observed = observed_samples(target)?;
        let data = self.outcome.data_units(prediction)?;
        let judged = self.outcome.judge(&data, &self.outcome.target_in_data_units(target)?);
        let mut squared_error = Vec::with_capacity(judged.len());
        let (mut z2, mut n) = (0.0, 0usize);
        for sample in &judged {
            let squares =
                sample.error.iter().map(|e| e * e).zip(&sample.variance).filter(|(square, _)| !square.is_nan());
            squared_error.push(squares.clone().map(|(square, _)| square).sum::<f64>() / squares.clone().count() as f64);
            for (square, variance) in squares.filter(|(square, v)| v.is_finite() && (square / *v).is_finite()) {
                z2 += square / variance;
                n += 1;
            }
        }
        Ok(Scores { nll: reported(nll, &observed), squared_error, zms: z2 / n as f64 })
    }
}

/// Whether anything of each sample was observed.
fn observed_samples(target: &Target) -> Result<Vec<bool>, ObjectiveError> {
    let observed = match &target.observed {
        Some(observed) => observed.sum(1)?.to_vec1::<f64>()?.into_iter().map(|n| n > 0.0).collect(),
        None => vec![true; target.n_samples()],
    };
    if observed.contains(&true) { Ok(observed) } else { Err(ObjectiveError::NothingObserved) }
}

/// The samples of which something was observed.
fn select(samples: &Tensor, observed: &[bool]) -> candle_core::Result<Tensor> {
    if observed.iter().all(|&o| o) {
        return Ok(samples.clone());
    }
    let kept: Vec<u32> = (0..observed.len()).filter(|&i| observed[i]).map(|i| i as u32).collect();
    samples.index_select(&Tensor::new(kept, &Device::Cpu)?, 0)
}

fn reported(mut nll: Vec<f64>, observed: &[bool]) -> Vec<f64> {
    for (value, observed) in nll.iter_mut().zip(observed) {
        if !observed {
            *value = f64::NAN;
        }
    }
    nll
}
