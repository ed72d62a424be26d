//! [`surprisal_train::Fit::loss_and_gradient`] against central differences, in float64: every predictor with every
//! kind of objective, every parameter tensor, the objective's own included.

use std::path::Path;

use candle_core::{Device, Tensor};
use surprisal_atoms::force_model::ForceOutput;
use surprisal_core::Parameter;
use surprisal_objective::likelihood::{Laplace, NormalInverseGamma, Regularizer, StudentT};
use surprisal_objective::penalty::{L2, NetForce};
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{EnergyTerm, LikelihoodConfig, PenaltyConfig, Progress, RiskConfig, Source};
use surprisal_train::predictor::mlp::Activation;
use surprisal_train::{Predictor, shard};

use crate::records;
use crate::setup::{Loss, Setup, constant_gaussian, force_ensemble, forces, series, table, table_ensemble};

/// Entries looked at per tensor, evenly spaced.
const ENTRIES: usize = 3;

/// Compares every tensor with fourth-order differences, relative to its largest entry.
pub(crate) fn check<P: Predictor>(name: &str, setup: &Setup<P>, tolerance: f64) {
    let fit = setup.fit(Path::new("."));
    let groups: Vec<&P::Group> = setup.splits.train.iter().collect();
    let (evaluation, gradient) = fit.loss_and_gradient(&groups, 0).unwrap();
    let dim = setup.objective.outcome().layout().dim;
    let target = shard::target(&setup.predictor, dim, &groups).unwrap();
    // the loss by the other way through the predictor: without a tape, in one shard
    let loss = || {
        let prediction = if setup.objective.probes().is_empty() {
            shard::evaluate(&setup.predictor, &groups, groups.len()).unwrap()
        } else {
            // what penalties ask is answered on the way to a gradient alone
            shard::predict(&setup.predictor, &groups, groups.len()).unwrap().prediction
        };
        let own = setup.predictor.own_term().unwrap().map_or(0.0, |term| term.value);
        let model = setup.predictor.parameters();
        setup.objective.evaluate(&prediction, &target, model, Progress::default()).unwrap().loss + own
    };
    assert!(
        (loss() - evaluation.loss).abs() < 1e-12 * (1.0 + evaluation.loss.abs()),
        "{name}: predict and evaluate agree"
    );
    let total: f64 = evaluation.terms.iter().map(|(_, value)| value).sum();
    assert!((total - evaluation.loss).abs() < 1e-12 * (1.0 + total.abs()), "{name}: the terms are the loss");

    compare(name, &fit.parameters(), &gradient, &loss, tolerance);
}

/// The same for what training sees after so many epochs.
pub(crate) fn check_in_training<P: Predictor>(name: &str, setup: &Setup<P>, epoch: usize, tolerance: f64) {
    let fit = setup.fit(Path::new("."));
    let groups: Vec<&P::Group> = setup.splits.train.iter().collect();
    let (evaluation, gradient) = fit.loss_and_gradient(&groups, epoch).unwrap();
    let total: f64 = evaluation.terms.iter().map(|(_, value)| value).sum();
    assert!((total - evaluation.loss).abs() < 1e-12 * (1.0 + total.abs()), "{name}: the terms are the loss");
    let loss = || fit.loss_and_gradient(&groups, epoch).unwrap().0.loss;
    compare(name, &fit.parameters(), &gradient, &loss, tolerance);
}

/// A gradient against differences of the loss, relative to the largest entry of each tensor.
pub(crate) fn compare(
    name: &str,
    parameters: &[Parameter],
    gradient: &[Tensor],
    loss: &dyn Fn() -> f64,
    tolerance: f64,
) {
    assert_eq!(parameters.len(), gradient.len(), "{name}");
    let mut n_alive = 0;
    for (parameter, gradient) in parameters.iter().zip(gradient) {
        assert_eq!(parameter.var.dims(), gradient.dims(), "{name}: {}", parameter.name);
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        n_alive += usize::from(largest > 0.0);
        // a loss may know nothing of a tensor, but for rounding
        let scale = if largest > 1e-14 * (1.0 + loss().abs()) { largest } else { 1.0 };
        let n = gradient.len();
        for i in (0..n.min(ENTRIES)).map(|k| k * (n - 1) / (ENTRIES - 1).max(1)) {
            let difference = difference(parameter, i, loss);
            let error = (gradient[i] - difference).abs() / scale;
            assert!(
                error < tolerance,
                "{name}: ∂/∂{}[{i}] = {}, differences {difference}, {error:e}",
                parameter.name,
                gradient[i]
            );
        }
    }
    assert!(n_alive + 2 >= parameters.len(), "{name}: only {n_alive} of {} tensors have a gradient", parameters.len());
}

/// f′ = (8(f₊₁ − f₋₁) − (f₊₂ − f₋₂))/12h + O(h⁴).
fn difference(parameter: &Parameter, i: usize, loss: &dyn Fn() -> f64) -> f64 {
    let values = parameter.var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    // small, because the sorted form of CVaR has a kink wherever two losses change places
    let h = 5e-5 * (1.0 + values[i].abs());
    let set = |values: Vec<f64>| {
        parameter.var.set(&Tensor::from_vec(values, parameter.var.shape(), &Device::Cpu).unwrap()).unwrap()
    };
    let at = |m: f64| {
        let mut moved = values.clone();
        moved[i] += m * h;
        set(moved);
        loss()
    };
    let slope = (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * h);
    set(values.clone());
    slope
}

fn nig(source: Source, regularizer_form: Regularizer) -> LikelihoodConfig {
    let (nu, alpha, beta) = (source, Source::Constant, source);
    LikelihoodConfig::NormalInverseGamma(NormalInverseGamma { regularizer: 0.05, regularizer_form, nu, alpha, beta })
}

fn with_risk(likelihood: LikelihoodConfig, fraction: f64, threshold: Threshold) -> Loss {
    Loss { risk: RiskConfig::Cvar(Cvar { fraction, threshold }), ..Loss::mean(likelihood) }
}

/// Objectives for every predictor; `source` is where parameters come from if the predictor can tell.
fn losses(source: Source) -> Vec<(&'static str, Loss)> {
    let student = LikelihoodConfig::StudentT(StudentT { scale: source, df: Source::Constant });
    let laplace = LikelihoodConfig::Laplace(Laplace { scale: source });
    let l2 = PenaltyConfig::L2(L2 { weight: 0.1 });
    vec![
        ("nig, amini", Loss::mean(nig(source, Regularizer::Amini))),
        ("nig, meinert linear", Loss::mean(nig(source, Regularizer::MeinertLinear))),
        ("nig, meinert quadratic", Loss::mean(nig(source, Regularizer::MeinertQuadratic))),
        ("gaussian", Loss::mean(constant_gaussian())),
        ("student_t", Loss::mean(student.clone())),
        ("laplace", Loss::mean(laplace)),
        ("cvar of the batch", with_risk(student.clone(), 0.3, Threshold::Batch)),
        ("cvar, trained threshold", with_risk(student, 0.3, Threshold::Trained)),
        ("l2", Loss { penalties: vec![l2], ..Loss::mean(constant_gaussian()) }),
    ]
}

#[test]
fn perceptron() {
    for (name, loss) in losses(Source::Network) {
        for activation in [Activation::Tanh, Activation::Silu] {
            let setup = table(&records::rows(12, 2), &[4, 3], activation, &loss, 1).shake(0.2);
            check(&format!("mlp {activation:?}, {name}"), &setup, 1e-6);
        }
    }
    let linear = table(&records::rows(12, 2), &[], Activation::Tanh, &Loss::mean(constant_gaussian()), 1).shake(0.2);
    check("linear", &linear, 1e-6);
    let kinks = table(&records::rows(12, 2), &[6], Activation::Relu, &Loss::mean(constant_gaussian()), 1).shake(0.2);
    check("mlp Relu", &kinks, 1e-6);
}

/// The adjoint holds the step sizes fixed and the differences do not, so the solve has to be tight.
#[test]
fn neural_ode() {
    let mut trajectories = records::oscillators(&[6, 3, 7, 2, 5], 4);
    trajectories[0].observed[2][1] = f64::NAN;
    trajectories[2].observed[4] = vec![f64::NAN; 2];
    for (name, loss) in losses(Source::Constant) {
        check(&format!("ode, {name}"), &series(&trajectories, 1e-12, &loss, 1).shake(0.2), 1e-6);
    }
}

#[test]
fn ensembles() {
    for (name, loss) in losses(Source::Network) {
        let setup = table_ensemble(&records::rows(12, 2), 3, &loss, 1).shake(0.2);
        check(&format!("ensemble, {name}"), &setup, 1e-6);
    }
    let energy = Some(EnergyTerm { likelihood: constant_gaussian(), weight: 0.4 });
    let loss = Loss { energy, ..Loss::mean(constant_gaussian()) };
    let setup = force_ensemble(&records::molecules(7, 1), 2, ForceOutput::Gradient, &loss, 1).shake(0.1);
    check("ensemble of force models", &setup, 1e-6);
}

#[test]
fn direct_forces() {
    for (name, mut loss) in losses(Source::Network) {
        loss.penalties.push(PenaltyConfig::NetForce(NetForce { weight: 0.3 }));
        check(
            &format!("direct, {name}"),
            &forces(&records::molecules(7, 1), ForceOutput::Direct, &loss, 1).shake(0.1),
            1e-6,
        );
    }
}

#[test]
fn gradient_forces() {
    let energy = EnergyTerm { likelihood: constant_gaussian(), weight: 0.4 };
    for (name, loss) in losses(Source::Network) {
        for energy in [None, Some(energy.clone())] {
            let name = format!("gradient{}, {name}", if energy.is_some() { " and energy" } else { "" });
            let loss = Loss { energy, ..loss.clone() };
            check(&name, &forces(&records::molecules(7, 1), ForceOutput::Gradient, &loss, 1).shake(0.1), 1e-6);
        }
    }
}
