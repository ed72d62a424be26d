//! A fit with all that belongs to it, ready to be run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use candle_core::{Device, Tensor};
use surprisal_atoms::force_model::ForceOutput;
use surprisal_atoms::{BuildForceModel, PainnConfig};
use surprisal_core::records::{Row, Splits, Structure, Trajectory};
use surprisal_core::{Parameter, Precision, rng};
use surprisal_objective::likelihood::Gaussian;
use surprisal_objective::penalty::Facts;
use surprisal_objective::risk::Mean;
use surprisal_objective::{
    Coupling, EnergyTerm, LikelihoodConfig, Objective, Outcome, PenaltyConfig, RiskConfig, Source, Standardization,
};
use surprisal_ode::{Activation, FieldConfig, MlpField, SolverConfig, Tsit5};
use surprisal_train::optimizer::AdamW;
use surprisal_train::predictor::ensemble::Ensemble;
use surprisal_train::predictor::force::{ForcePredictor, ForceScaling, FrameGroup};
use surprisal_train::predictor::latent_ode::{LatentOde, LatentOdeConfig, LatentScaling};
use surprisal_train::predictor::mlp::{self, Mlp, MlpConfig, TableGroup};
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor, SeriesData, SeriesScaling};
use surprisal_train::predictor::standardize::Standardizer;
use surprisal_train::schedule::Constant;
use surprisal_train::settings::Keep;
use surprisal_train::{Fit, OptimizerConfig, Predictor, ScheduleConfig, Train};

use crate::records;

/// What a fit borrows.
pub(crate) struct Setup<P: Predictor> {
    pub(crate) predictor: P,
    pub(crate) objective: Objective,
    pub(crate) splits: Splits<P::Group>,
    pub(crate) settings: Train,
    pub(crate) optimizer: OptimizerConfig,
    pub(crate) schedule: ScheduleConfig,
    pub(crate) interrupted: AtomicBool,
}

impl<P: Predictor> Setup<P> {
    fn new(predictor: P, objective: Objective, splits: Splits<P::Group>) -> Self {
        let settings = Train {
            epochs: 5,
            batch_size: Some(4),
            shard_size: None,
            ema_decay: 0.0,
            clip_norm: None,
            evaluate_every: 1,
            curve_groups: 100,
            patience: None,
            keep: Keep::Best,
            checkpoint_seconds: 1e9,
            checkpoint_steps: None,
        };
        let schedule = ScheduleConfig::Constant(Constant { warmup_steps: 0 });
        Self {
            predictor,
            objective,
            splits,
            settings,
            optimizer: adamw(0.01),
            schedule,
            interrupted: AtomicBool::new(false),
        }
    }

    /// The fit, with checkpoints in `checkpoints`.
    pub(crate) fn fit<'a>(&'a self, checkpoints: &'a Path) -> Fit<'a, P> {
        Fit {
            predictor: &self.predictor,
            objective: &self.objective,
            splits: &self.splits,
            settings: &self.settings,
            optimizer: self.optimizer.get(),
            schedule: self.schedule.get(),
            seed: 5,
            checkpoints,
            interrupted: &self.interrupted,
        }
    }

    /// The predictor's tensors, then the objective's.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.fit(Path::new(".")).parameters()
    }

    /// Moves every parameter by a normal draw, so that nothing sits at a special value.
    pub(crate) fn shake(self, spread: f64) -> Self {
        for (i, p) in self.parameters().iter().enumerate() {
            let mut draws = rng::stream(3, "shake", i as u64);
            let noise: Vec<f64> = (0..p.var.elem_count()).map(|_| spread * rng::standard_normal(&mut draws)).collect();
            let noise = Tensor::from_vec(noise, p.var.shape(), &Device::Cpu).unwrap();
            p.var.set(&(p.var.as_detached_tensor() + noise).unwrap()).unwrap();
        }
        self
    }
}

/// The parts of an objective but for its units.
#[derive(Clone)]
pub(crate) struct Loss {
    pub(crate) likelihood: LikelihoodConfig,
    pub(crate) risk: RiskConfig,
    pub(crate) penalties: Vec<PenaltyConfig>,
    pub(crate) energy: Option<EnergyTerm>,
}

impl Loss {
    /// The mean of a likelihood and nothing else.
    pub(crate) fn mean(likelihood: LikelihoodConfig) -> Self {
        Self { likelihood, risk: RiskConfig::Mean(Mean {}), penalties: vec![], energy: None }
    }

    fn objective(&self, coupling: Coupling, shift: Vec<f64>, scale: Vec<f64>) -> Objective {
        self.objective_of(1, coupling, shift, scale)
    }

    fn objective_of(&self, models: usize, coupling: Coupling, shift: Vec<f64>, scale: Vec<f64>) -> Objective {
        self.objective_with(models, coupling, shift, scale, Facts::default())
    }

    fn objective_with(
        &self,
        models: usize,
        coupling: Coupling,
        shift: Vec<f64>,
        scale: Vec<f64>,
        facts: Facts,
    ) -> Objective {
        let outcome = Outcome::new(self.likelihood.clone(), shift.len(), coupling, scale, shift).unwrap();
        let outcome = outcome.of_ensemble(models).unwrap();
        Objective::with_facts(outcome, self.risk.clone(), self.penalties.clone(), self.energy.clone(), facts).unwrap()
    }
}

/// A normal with one trained scale per block.
pub(crate) fn constant_gaussian() -> LikelihoodConfig {
    LikelihoodConfig::Gaussian(Gaussian { scale: Source::Constant, ..Gaussian::default() })
}

/// AdamW with its usual numbers and a little decay.
pub(crate) fn adamw(learning_rate: f64) -> OptimizerConfig {
    OptimizerConfig::AdamW(AdamW { learning_rate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 })
}

/// The first three quarters of the records for training, the rest for validation.
fn split<R: Clone>(records: &[R]) -> Splits<R> {
    let (train, valid) = records.split_at(records.len() * 3 / 4);
    Splits { train: train.to_vec(), valid: valid.to_vec(), test: vec![] }
}

/// A perceptron on standardised rows.
pub(crate) fn table(rows: &[Row], hidden: &[usize], activation: mlp::Activation, loss: &Loss, seed: u64) -> Setup<Mlp> {
    dropout_table(rows, hidden, activation, (0.0, 1), loss, seed)
}

/// The same with this dropout and so many draws of it at prediction.
pub(crate) fn dropout_table(
    rows: &[Row],
    hidden: &[usize],
    activation: mlp::Activation,
    (dropout, mc_samples): (f64, usize),
    loss: &Loss,
    seed: u64,
) -> Setup<Mlp> {
    let (splits, inputs, targets) = standardized(rows);
    let objective = loss.objective(Coupling::Componentwise, targets.shift.clone(), targets.scale.clone());
    let objective = objective.evaluated_with(mc_samples);
    let config = MlpConfig { hidden: hidden.to_vec(), activation, dtype: Precision::Float64, dropout, mc_samples };
    let predictor = Mlp::new(&config, rows[0].inputs.len(), objective.outcome().layout(), seed, &Device::Cpu).unwrap();
    let splits = splits.try_map(|row| Ok::<_, ()>(TableGroup::new(row, &inputs, &targets))).unwrap();
    Setup::new(predictor, objective, splits)
}

/// An ensemble of perceptrons on standardised rows.
pub(crate) fn table_ensemble(rows: &[Row], members: usize, loss: &Loss, seed: u64) -> Setup<Ensemble<Mlp>> {
    let (splits, inputs, targets) = standardized(rows);
    let objective = loss.objective_of(members, Coupling::Componentwise, targets.shift.clone(), targets.scale.clone());
    let (activation, hidden) = (mlp::Activation::Tanh, vec![4]);
    let config = MlpConfig { hidden, activation, dtype: Precision::Float64, dropout: 0.0, mc_samples: 1 };
    let (n_inputs, layout) = (rows[0].inputs.len(), objective.outcome().layout());
    let predictor =
        Ensemble::new(members, seed, |seed| Mlp::new(&config, n_inputs, layout, seed, &Device::Cpu)).unwrap();
    let splits = splits.try_map(|row| Ok::<_, ()>(TableGroup::new(row, &inputs, &targets))).unwrap();
    Setup::new(predictor, objective, splits)
}

fn standardized(rows: &[Row]) -> (Splits<Row>, Standardizer, Standardizer) {
    let splits = split(rows);
    let (n_inputs, n_targets) = (rows[0].inputs.len(), rows[0].targets.len());
    let inputs = Standardizer::fit(n_inputs, splits.train.iter().map(|r| r.inputs.as_slice()));
    let targets = Standardizer::fit(n_targets, splits.train.iter().map(|r| r.targets.as_slice()));
    (splits, inputs, targets)
}

/// A small perceptron on 20 rows of [`records::rows`].
pub(crate) fn small_table(loss: &Loss, seed: u64) -> Setup<Mlp> {
    table(&records::rows(20, 1), &[4], mlp::Activation::Tanh, loss, seed)
}

/// A neural ODE on trajectories.
pub(crate) fn series(trajectories: &[Trajectory], rtol: f64, loss: &Loss, seed: u64) -> Setup<OdePredictor> {
    let field = MlpField { hidden: vec![5], activation: Activation::Tanh, time_input: false, ..MlpField::default() };
    let config = OdeConfig::network(FieldConfig::MlpField(field), SolverConfig::Tsit5(Tsit5::new(rtol, rtol)));
    differential_equation(&config, &["x", "v"], &[], trajectories, loss, seed)
}

/// Any differential equation on trajectories with these measured and input columns.
pub(crate) fn differential_equation(
    config: &OdeConfig,
    columns: &[&str],
    inputs: &[&str],
    trajectories: &[Trajectory],
    loss: &Loss,
    seed: u64,
) -> Setup<OdePredictor> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let splits = split(trajectories);
    let scaling = match loss.likelihood.get().standardization() {
        Standardization::None => SeriesScaling::fit(&splits.train).unscaled(),
        Standardization::Scale | Standardization::ShiftAndScale => SeriesScaling::fit(&splits.train),
    };
    let n = scaling.state.len();
    let others: Vec<&Trajectory> = trajectories.iter().collect();
    let (columns, inputs) = (names(columns), names(inputs));
    let facts = Facts {
        targets: columns.clone(),
        networks: config.networks.keys().cloned().collect(),
        symbols: config.names(&columns, &inputs).unwrap(),
        states: config.state_names(&columns),
        energy: config.has_energy(n),
        ..Facts::default()
    };
    let objective = loss.objective_with(1, Coupling::Componentwise, vec![0.0; n], scaling.column.clone(), facts);
    let data = SeriesData { columns: &columns, inputs: &inputs, train: &splits.train, others: &others };
    let link = OdePredictor::check(objective.outcome().layout(), loss.likelihood.get().location_link()).unwrap();
    let predictor = OdePredictor::new(config, &data, scaling, link, seed).unwrap();
    let predictor = predictor.with_probes(&objective.probes(), &columns).unwrap();
    let splits = splits.try_map(|trajectory| predictor.group(trajectory)).unwrap();
    Setup::new(predictor, objective, splits)
}

/// An ensemble of differential equations on trajectories with these columns.
pub(crate) fn ode_ensemble(
    config: &OdeConfig,
    columns: &[String],
    trajectories: &[Trajectory],
    members: usize,
    loss: &Loss,
) -> Setup<Ensemble<OdePredictor>> {
    let splits = split(trajectories);
    let scaling = SeriesScaling::fit(&splits.train);
    let (coupling, scale) = (Coupling::Componentwise, scaling.column.clone());
    let objective = loss.objective_of(members, coupling, vec![0.0; scale.len()], scale);
    let others: Vec<&Trajectory> = trajectories.iter().collect();
    let data = SeriesData { columns, inputs: &[], train: &splits.train, others: &others };
    let link = OdePredictor::check(objective.outcome().layout(), loss.likelihood.get().location_link()).unwrap();
    let predictor =
        Ensemble::new(members, 1, |seed| OdePredictor::new(config, &data, scaling.clone(), link, seed)).unwrap();
    let splits = splits.try_map(|trajectory| predictor.members()[0].group(trajectory)).unwrap();
    Setup::new(predictor, objective, splits)
}

/// A latent ODE on trajectories, all of which it is trained on.
pub(crate) fn latent_ode(
    config: &LatentOdeConfig,
    trajectories: &[Trajectory],
    loss: &Loss,
    seed: u64,
) -> Setup<LatentOde> {
    let Setup { predictor, objective, splits, .. } = latent_ensemble(config, trajectories, 1, loss, seed);
    Setup::new(predictor.into_members().swap_remove(0), objective, splits)
}

/// An ensemble of them.
pub(crate) fn latent_ensemble(
    config: &LatentOdeConfig,
    trajectories: &[Trajectory],
    members: usize,
    loss: &Loss,
    seed: u64,
) -> Setup<Ensemble<LatentOde>> {
    let standardization = loss.likelihood.get().standardization();
    let scaling = LatentScaling::fit(trajectories, config.context, standardization).unwrap();
    let (shift, scale) = (scaling.target.shift.clone(), scaling.target.scale.clone());
    let objective = loss.objective_of(members, Coupling::Componentwise, shift, scale);
    let layout = objective.outcome().layout();
    let objective = if config.samples() > 1 { objective.evaluated_with(config.samples()) } else { objective };
    let predictor =
        Ensemble::new(members, seed, |seed| LatentOde::new(config, trajectories, scaling.clone(), layout, seed));
    let predictor = predictor.unwrap();
    let groups = trajectories.iter().map(|t| predictor.members()[0].group(t).unwrap()).collect();
    Setup::new(predictor, objective, Splits { train: groups, valid: vec![], test: vec![] })
}

/// A tiny PaiNN on molecules.
pub(crate) fn forces(structures: &[Structure], forces: ForceOutput, loss: &Loss, seed: u64) -> Setup<ForcePredictor> {
    let Setup { predictor, objective, splits, .. } = force_ensemble(structures, 1, forces, loss, seed);
    let predictor = predictor.into_members().swap_remove(0);
    Setup::new(predictor, objective, splits)
}

/// An ensemble of them.
pub(crate) fn force_ensemble(
    structures: &[Structure],
    members: usize,
    forces: ForceOutput,
    loss: &Loss,
    seed: u64,
) -> Setup<Ensemble<ForcePredictor>> {
    let splits = split(structures);
    let scaling = ForceScaling::fit(&splits.train, &BTreeMap::new());
    let objective = loss.objective_of(members, Coupling::Joint, vec![0.0; 3], vec![scaling.force; 3]);
    let config = PainnConfig {
        n_features: 4,
        n_interactions: 2,
        n_radial: 4,
        forces,
        dtype: Precision::Float64,
        ..PainnConfig::new(3.0)
    };
    let outputs = objective.outcome().layout().outputs;
    let predictor = Ensemble::new(members, seed, |seed| {
        config.build(outputs, &[1, 6, 8], seed, &Device::Cpu).map(|model| ForcePredictor { model })
    });
    let predictor = predictor.unwrap();
    let splits = splits.try_map(|s| FrameGroup::new(s, &"train.xyz".into(), 3.0, &scaling)).unwrap();
    Setup::new(predictor, objective, splits)
}
