//! The composed loss: gradients against central differences, units, missing values, facts.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use surprisal_core::{Diagnose, Parameters, Prediction, Probe, Role, Target};
use surprisal_objective::likelihood::BlockValues;
use surprisal_objective::penalty::Facts;
use surprisal_objective::risk::Losses;
use surprisal_objective::{
    Coupling, EnergyTerm, Kind, LikelihoodConfig, Objective, ObjectiveError, Outcome, PenaltyConfig, Progress,
    RiskConfig, Standardization,
};

type Result<T> = std::result::Result<T, ObjectiveError>;

fn likelihood(value: Value) -> LikelihoodConfig {
    serde_json::from_value(value).unwrap()
}

fn risk(value: Value) -> RiskConfig {
    serde_json::from_value(value).unwrap()
}

fn penalty(value: Value) -> PenaltyConfig {
    serde_json::from_value(value).unwrap()
}

fn matrix(n: usize, d: usize, seed: f64) -> Tensor {
    let values: Vec<f64> = (0..n * d).map(|i| 1.3 * (seed + 2.17 * i as f64).sin()).collect();
    Tensor::from_vec(values, (n, d), &Device::Cpu).unwrap()
}

fn prediction(outcome: &Outcome, n: usize, n_frames: usize) -> Prediction {
    let (layout, members) = (outcome.layout(), outcome.members());
    let outputs = (layout.outputs > 0).then(|| matrix(n, members * layout.outputs, 1.1));
    Prediction {
        energy: (n_frames > 0).then(|| matrix(n_frames, 1, 0.7).squeeze(1).unwrap()),
        ..Prediction::new(matrix(n, members * layout.location, 0.3), outputs)
    }
}

fn target(n: usize, d: usize, group: Vec<u32>, energy: Option<Vec<f64>>) -> Target {
    let n_groups = group.iter().max().map_or(0, |g| *g as usize + 1);
    let energy = energy.map(|e| Tensor::new(e, &Device::Cpu).unwrap());
    Target { value: matrix(n, d, 2.9), observed: None, group, n_groups, energy, attributes: vec![], weight: vec![] }
}

fn model() -> Parameters {
    let mut model = Parameters::new();
    model.add_values("w", Role::Weight, vec![0.5, -0.7, 1.1], &[3], DType::F64, &Device::Cpu).unwrap();
    model.add_values("b", Role::Bias, vec![0.4], &[1], DType::F64, &Device::Cpu).unwrap();
    model
}

/// `tensor` with `step` added to its element number `i`.
fn moved(tensor: &Tensor, i: usize, step: f64) -> Result<Tensor> {
    let mut values = tensor.flatten_all()?.to_vec1::<f64>()?;
    values[i] += step;
    Ok(Tensor::from_vec(values, tensor.shape(), &Device::Cpu)?)
}

/// Standardised values moved to where the family's observations lie; NaN stays.
fn supported(family: &LikelihoodConfig, target: Target) -> Result<Target> {
    let family = family.get();
    let takes = |y: f64| family.check_target(y).is_ok();
    let dim = target.value.dim(1)?;
    let mut values = target.value.flatten_all()?.to_vec1::<f64>()?;
    for (i, y) in values.iter_mut().enumerate().filter(|(_, y)| !y.is_nan()) {
        *y = match family.kind() {
            Kind::Label if family.coupling().is_some() => f64::from(u8::from(i % dim == (i / dim) % dim)),
            Kind::Label => f64::from(u8::from(*y > 0.2)),
            Kind::Count => (5.0 * y.abs()).round(),
            Kind::Angle => *y,
            Kind::Real if takes(-1.0) => *y,
            Kind::Real if takes(5.0) => 0.1 + y.abs(),
            Kind::Real => 1.0 / (1.0 + y.exp()),
        };
    }
    Ok(Target { value: Tensor::from_vec(values, target.value.dims(), &Device::Cpu)?, ..target })
}

/// The scale and shift that the family's targets may have.
fn units(family: &LikelihoodConfig, scale: Vec<f64>, shift: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
    let n = scale.len();
    match family.get().standardization() {
        Standardization::ShiftAndScale => (scale, shift),
        Standardization::Scale => (scale, vec![0.0; n]),
        Standardization::None => (vec![1.0; n], vec![0.0; n]),
    }
}

/// Fourth-order central difference of `f` at 0.
fn difference(f: impl Fn(f64) -> Result<f64>) -> Result<f64> {
    let h = 1e-4;
    Ok((f(-2.0 * h)? - 8.0 * f(-h)? + 8.0 * f(h)? - f(2.0 * h)?) / (12.0 * h))
}

fn check(what: &str, gradient: &Tensor, along: impl Fn(usize, f64) -> Result<f64>) -> Result<()> {
    for (i, found) in gradient.flatten_all()?.to_vec1::<f64>()?.into_iter().enumerate() {
        let expected = difference(|step| along(i, step))?;
        assert!(
            (found - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "{what}[{i}]: {found}, difference {expected}"
        );
    }
    Ok(())
}

/// Every gradient of an evaluation against differences of its loss.
fn check_gradients(objective: &Objective, prediction: &Prediction, target: &Target) -> Result<()> {
    let model = model();
    let evaluation = objective.evaluate(prediction, target, &model, Progress::default())?;
    let total: f64 = evaluation.terms.iter().map(|(_, value)| value).sum();
    assert!((total - evaluation.loss).abs() < 1e-13 * (1.0 + total.abs()));
    let loss = |p: &Prediction| objective.evaluate(p, target, &model, Progress::default()).map(|e| e.loss);
    check("location", &evaluation.cotangent.location, |i, step| {
        loss(&Prediction { location: moved(&prediction.location, i, step)?, ..prediction.clone() })
    })?;
    if let (Some(gradient), Some(outputs)) = (&evaluation.cotangent.outputs, &prediction.outputs) {
        check("outputs", gradient, |i, step| {
            loss(&Prediction { outputs: Some(moved(outputs, i, step)?), ..prediction.clone() })
        })?;
    }
    let asked = objective.probes();
    for (k, gradient) in evaluation.cotangent.probes.iter().enumerate().filter(|(k, _)| asked[*k] != Probe::Inputs) {
        check("probe", &gradient.location, |i, step| {
            let mut probes = prediction.probes.clone();
            probes[k].location = moved(&probes[k].location, i, step)?;
            loss(&Prediction { probes, ..prediction.clone() })
        })?;
    }
    if let (Some(gradient), Some(energy)) = (&evaluation.cotangent.energy, &prediction.energy) {
        check("energy", gradient, |i, step| {
            loss(&Prediction { energy: Some(moved(energy, i, step)?), ..prediction.clone() })
        })?;
    }
    let trained = |parameters: &Parameters, gradients: &[Tensor]| -> Result<()> {
        assert_eq!(parameters.len(), gradients.len());
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            let start = parameter.var.as_detached_tensor().copy()?;
            check(&parameter.name, gradient, |i, step| {
                parameter.var.set(&moved(&start, i, step)?)?;
                let value = loss(prediction);
                parameter.var.set(&start)?;
                value
            })?;
        }
        Ok(())
    };
    trained(objective.parameters(), &evaluation.own_gradient)?;
    if let Some(gradients) = &evaluation.model_gradient {
        trained(&model, gradients)?;
    }
    Ok(())
}

#[test]
fn gradients_of_a_force_objective_are_central_differences() -> Result<()> {
    let nig = json!({"normal_inverse_gamma": {"regularizer": 0.3, "alpha": "constant", "beta": 0.8}});
    for risk_config in [
        json!({"mean": {}}),
        json!({"cvar": {"fraction": 0.45}}),
        json!({"cvar": {"fraction": 0.3, "threshold": "trained"}}),
    ] {
        let outcome = Outcome::new(likelihood(nig.clone()), 3, Coupling::Joint, vec![0.7; 3], vec![0.0; 3])?;
        let energy =
            EnergyTerm { likelihood: likelihood(json!({"student_t": {"scale": "constant", "df": 4}})), weight: 0.2 };
        let penalties = vec![
            penalty(json!({"net_force": {"weight": 0.4}})),
            penalty(json!({"l2": {"weight": 0.1}})),
            penalty(json!({"l1": {"weight": 0.1}})),
        ];
        let objective = Objective::new(outcome, risk(risk_config), penalties, Some(energy))?;
        let target = target(7, 3, vec![0, 0, 0, 1, 1, 2, 2], Some(vec![0.4, f64::NAN, -1.0]));
        let prediction = prediction(objective.outcome(), 7, 3);
        check_gradients(&objective, &prediction, &target)?;
        let evaluation = objective.evaluate(&prediction, &target, &model(), Progress::default())?;
        let names: Vec<&str> = evaluation.terms.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["risk", "regularizer", "net_force", "l2", "energy"]);
        assert_eq!(evaluation.cotangent.energy.map(|e| e.to_vec1::<f64>()).transpose()?.map(|e| e[1]), Some(0.0));
    }
    Ok(())
}

#[test]
fn gradients_of_every_likelihood_with_every_source_are_central_differences() -> Result<()> {
    for name in LikelihoodConfig::NAMES {
        let family = likelihood(json!({ *name: {} }));
        let specs = family.get().parameters(2);
        for source in [json!("network"), json!("constant"), json!(3.7)] {
            let settings: serde_json::Map<String, Value> =
                specs.iter().map(|s| (s.name.to_string(), source.clone())).collect();
            let config = likelihood(json!({ *name: settings }));
            let (scale, shift) = units(&family, vec![0.5, 3.0], vec![1.0, -2.0]);
            let outcome = Outcome::new(config, 2, Coupling::Componentwise, scale, shift)?;
            let objective = Objective::new(outcome, risk(json!({"mean": {}})), vec![], None)?;
            let mut target = supported(&family, target(4, 2, vec![0, 1, 2, 3], None))?;
            let prediction = prediction(objective.outcome(), 4, 0);
            check_gradients(&objective, &prediction, &target)?;
            if family.get().coupling() == Some(Coupling::Joint) {
                continue;
            }
            // a missing component, an empty sample, and NaN in their places
            target.value =
                Tensor::new(&[[0.1, f64::NAN], [0.3, 0.4], [f64::NAN, f64::NAN], [0.5, -0.2]], &Device::Cpu)?;
            target = supported(&family, target)?;
            target.observed = Some(Tensor::new(&[[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]], &Device::Cpu)?);
            check_gradients(&objective, &prediction, &target)?;
            let evaluation = objective.evaluate(&prediction, &target, &model(), Progress::default())?;
            assert!(evaluation.nll[2].is_nan() && evaluation.nll.iter().filter(|v| v.is_nan()).count() == 1);
            let cotangent = evaluation.cotangent.location.to_vec2::<f64>()?;
            // the second component of the first sample and all of the third
            let unseen = cotangent[0][cotangent[0].len() / 2..].iter().chain(&cotangent[2]);
            assert!(unseen.into_iter().all(|c| *c == 0.0), "{name}: {cotangent:?}");
        }
    }
    Ok(())
}

/// The NLL in data units is the density of the data-unit marginals, whatever the standardisation.
#[test]
fn nll_is_in_the_data_own_units() -> Result<()> {
    for name in LikelihoodConfig::NAMES {
        let family = likelihood(json!({ *name: {} }));
        if family.get().coupling() == Some(Coupling::Joint) || !matches!(family.get().kind(), Kind::Real | Kind::Angle)
        {
            continue;
        }
        let (scale, shift) = units(&family, vec![0.05, 30.0], vec![1.0, -2.0]);
        let outcome = Outcome::new(family.clone(), 2, Coupling::Componentwise, scale, shift)?;
        let (prediction, target) = (prediction(&outcome, 5, 0), target(5, 2, vec![0, 1, 2, 3, 4], None));
        let target = supported(&family, target)?;
        let data = outcome.data_units(&prediction)?;
        let observed = outcome.target_in_data_units(&target)?;
        let nll = outcome.nll(&prediction, &target)?.to_vec1::<f64>()?;
        for (sample, nll) in nll.into_iter().enumerate() {
            let from_cdf: f64 = (0..2)
                .map(|component| {
                    let columns = outcome.columns();
                    let mut marginals = columns.marginals(&outcome.sample(&data, &columns, sample));
                    let marginal = marginals.swap_remove(component).expect("numbers");
                    let y = marginal.represent(observed[2 * sample + component]);
                    let h = 1e-4 * marginal.quantile(0.8).max(1e-3).abs().min(1.0) * outcome.target_scale()[component];
                    let h = h.min(0.01 * (y - marginal.quantile(0.5)).abs().max(1e-3));
                    let density = (marginal.cdf(y + h) - marginal.cdf(y - h)) / (2.0 * h);
                    -density.ln()
                })
                .sum();
            assert!((nll - from_cdf).abs() < 1e-5 * (1.0 + nll.abs()), "{name} {sample}: {nll} {from_cdf}");
        }
    }
    Ok(())
}

#[test]
fn scores_have_units_and_leave_missing_components_out() -> Result<()> {
    let outcome = Outcome::new(
        likelihood(json!({"gaussian": {"scale": 2.0}})),
        2,
        Coupling::Componentwise,
        vec![0.5, 4.0],
        vec![0.0, 1.0],
    )?;
    assert_eq!(outcome.layout().outputs, 0);
    let objective = Objective::new(outcome, risk(json!({"mean": {}})), vec![], None)?;
    let cpu = &Device::Cpu;
    let prediction = Prediction::new(Tensor::new(&[[1.0, 1.0], [1.0, 1.0]], cpu)?, None);
    let target = Target {
        value: Tensor::new(&[[3.0, 0.5], [3.0, f64::NAN]], cpu)?,
        observed: Some(Tensor::new(&[[1.0, 1.0], [1.0, 0.0]], cpu)?),
        group: vec![0, 1],
        n_groups: 2,
        energy: None,
        attributes: vec![],
        weight: vec![],
    };
    let scores = objective.score(&prediction, &target)?;
    assert_eq!(scores.squared_error, [(1.0 + 4.0) / 2.0, 1.0]);
    let one = |squared: f64| 0.5 * (std::f64::consts::TAU * 4.0).ln() + squared / 8.0;
    assert!((scores.nll[0] - one(1.0) - one(4.0)).abs() < 1e-14);
    assert!((scores.nll[1] - one(1.0)).abs() < 1e-14);
    let values = objective.outcome().target_in_data_units(&target)?;
    assert_eq!(values[..3], [1.5, 3.0, 1.5]);
    assert!(values[3].is_nan());
    Ok(())
}

#[test]
fn a_gaussian_of_fixed_scale_has_the_gradient_of_the_squared_error() -> Result<()> {
    let sigma = 0.7;
    let outcome = Outcome::new(
        likelihood(json!({"gaussian": {"scale": sigma}})),
        1,
        Coupling::Componentwise,
        vec![1.0],
        vec![0.0],
    )?;
    let objective = Objective::new(outcome, risk(json!({"mean": {}})), vec![], None)?;
    let (prediction, target) = (prediction(objective.outcome(), 6, 0), target(6, 1, (0..6).collect(), None));
    let evaluation = objective.evaluate(&prediction, &target, &model(), Progress::default())?;
    let of_mse = ((&prediction.location - &target.value)? * (2.0 / 6.0))?;
    let expected = (of_mse / (2.0 * sigma * sigma))?.flatten_all()?.to_vec1::<f64>()?;
    for (found, expected) in evaluation.cotangent.location.flatten_all()?.to_vec1::<f64>()?.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-15);
    }
    Ok(())
}

#[test]
fn forces_that_cancel_cost_nothing() -> Result<()> {
    let outcome =
        Outcome::new(likelihood(json!({"gaussian": {"scale": 1.0}})), 3, Coupling::Joint, vec![2.0; 3], vec![0.0; 3])?;
    let objective =
        Objective::new(outcome, risk(json!({"mean": {}})), vec![penalty(json!({"net_force": {"weight": 3.0}}))], None)?;
    let cpu = &Device::Cpu;
    let target = target(3, 3, vec![0, 0, 1], None);
    let term = |location: &[[f64; 3]; 3]| -> Result<f64> {
        let prediction = Prediction::new(Tensor::new(location, cpu)?, None);
        Ok(objective.evaluate(&prediction, &target, &model(), Progress::default())?.terms[1].1)
    };
    assert_eq!(term(&[[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0], [0.0; 3]])?, 0.0);
    // (1² + 2²)/2 atoms in the first frame, 2²/1 atom in the second, mean over two frames
    assert!((term(&[[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])? - 3.0 * (2.5 + 4.0) / 2.0).abs() < 1e-14);
    Ok(())
}

#[test]
fn an_ensemble_is_scored_as_a_mixture_and_its_gradients_are_those_of_its_members() -> Result<()> {
    for config in [json!({"gaussian": {}}), json!({"normal_inverse_gamma": {}}), json!({"categorical": {}})] {
        let family = likelihood(config);
        let (scale, shift) = units(&family, vec![0.5, 3.0], vec![1.0, -2.0]);
        let alone = Outcome::new(family.clone(), 2, Coupling::Componentwise, scale, shift)?;
        let outcome = alone.clone().with_members(3);
        let mut target = supported(&family, target(4, 2, vec![0, 1, 2, 3], None))?;
        let prediction = prediction(&outcome, 4, 0);
        if family.get().coupling().is_none() {
            target.observed = Some(Tensor::new(&[[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 1.0]], &Device::Cpu)?);
        }
        let objective = Objective::new(outcome.clone(), risk(json!({"mean": {}})), vec![], None)?;
        check_gradients(&objective, &prediction, &target)?;
        let members = prediction.members(3)?;
        let singly = members.iter().map(|m| alone.nll(m, &target)?.to_vec1::<f64>().map_err(Into::into));
        let singly = singly.collect::<Result<Vec<_>>>()?;
        let mixture = outcome.nll(&prediction, &target)?.to_vec1::<f64>()?;
        for (sample, nll) in mixture.iter().enumerate() {
            let density = singly.iter().map(|nll| (-nll[sample]).exp()).sum::<f64>() / 3.0;
            assert!((nll + density.ln()).abs() < 1e-12, "{nll} {}", -density.ln());
        }
        // the report's distributions are the same mixture
        let (data, columns) = (outcome.data_units(&prediction)?, outcome.columns());
        for sample in 0..4 {
            let marginals = columns.marginals(&outcome.sample(&data, &columns, sample));
            for (component, marginal) in marginals.iter().enumerate() {
                let marginal = marginal.as_ref().expect("numbers");
                let parts = members.iter().map(|m| {
                    let (data, columns) = (alone.data_units(m)?, alone.columns());
                    let mut parts = columns.marginals(&alone.sample(&data, &columns, sample));
                    Ok(parts.swap_remove(component).expect("numbers").cdf(0.4))
                });
                let mean = parts.collect::<Result<Vec<f64>>>()?.iter().sum::<f64>() / 3.0;
                assert!((marginal.cdf(0.4) - mean).abs() < 1e-14);
            }
        }
    }
    Ok(())
}

/// A batch of 12 labels with two attributes of levels that alternate.
fn fairness(penalties: Value, energy_seed: f64) -> Result<(Objective, Prediction, Target)> {
    let outcome = Outcome::new(likelihood(json!({"bernoulli": {}})), 1, Coupling::Componentwise, vec![1.0], vec![0.0])?;
    let facts = Facts { inputs: vec!["a".into(), "b".into()], attributes: vec!["sex".into()], ..Facts::default() };
    let penalties = serde_json::from_value(penalties).unwrap();
    let objective = Objective::with_facts(outcome, risk(json!({"mean": {}})), penalties, None, facts)?;
    let n = 12;
    let mut prediction = Prediction::new(matrix(n, 1, energy_seed), None);
    prediction.probes =
        (0..objective.probes().len()).map(|k| Prediction::new(matrix(n, 1, 2.0 + k as f64), None)).collect();
    let labels: Vec<f64> = (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect();
    let target = Target {
        value: Tensor::from_vec(labels, (n, 1), &Device::Cpu)?,
        attributes: vec![(0..n as u32).map(|i| i % 2).collect()],
        ..target(n, 1, (0..n as u32).collect(), None)
    };
    Ok((objective, prediction, target))
}

#[test]
fn penalties_on_predictions_have_exact_gradients_and_vanish_where_they_should() -> Result<()> {
    for (penalty, monotonic) in [
        (json!({"demographic_parity": {"attribute": "sex", "weight": 2.0}}), false),
        (json!({"demographic_parity": {"attribute": "sex", "compare": "distribution", "weight": 2.0}}), false),
        (json!({"equalized_odds": {"attribute": "sex", "weight": 2.0}}), false),
        (json!({"equalized_odds": {"attribute": "sex", "compare": "distribution", "weight": 2.0}}), false),
        (json!({"bounds": {"lower": 0.4, "upper": 0.6, "weight": 2.0}}), false),
        (json!({"monotonic": {"input": "b", "weight": 2.0}}), true),
        (json!({"monotonic": {"input": "a", "direction": "decreasing", "weight": 2.0}}), true),
    ] {
        let (objective, mut prediction, target) = fairness(json!([penalty]), 0.3)?;
        check_gradients(&objective, &prediction, &target)?;
        let value =
            |p: &Prediction| objective.evaluate(p, &target, &model(), Progress::default()).map(|e| e.terms[1].1);
        assert!(value(&prediction)? > 1e-4, "{penalty}");
        // the same prediction for everyone, at every input
        prediction.location = prediction.location.zeros_like()?;
        prediction.probes.iter_mut().for_each(|p| p.location = p.location.zeros_like().unwrap());
        assert!(value(&prediction)?.abs() < 1e-15, "{penalty}");
        assert_eq!(monotonic, !prediction.probes.is_empty());
    }
    Ok(())
}

#[test]
fn parity_of_the_mean_is_the_squared_difference_of_the_group_means() -> Result<()> {
    let (objective, prediction, target) =
        fairness(json!([{"demographic_parity": {"attribute": "sex", "weight": 1.0}}]), 0.3)?;
    let found = objective.evaluate(&prediction, &target, &model(), Progress::default())?.terms[1].1;
    let p: Vec<f64> =
        prediction.location.flatten_all()?.to_vec1::<f64>()?.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
    let mean = |level: usize| p.iter().skip(level).step_by(2).sum::<f64>() / 6.0;
    assert!((found - (mean(0) - mean(1)).powi(2)).abs() < 1e-14);
    Ok(())
}

#[test]
fn penalties_say_what_the_data_lacks() {
    for (penalty, words) in [
        (json!({"demographic_parity": {"attribute": "sexx", "weight": 1.0}}), "did you mean `sex`"),
        (json!({"monotonic": {"input": "c", "weight": 1.0}}), "`c` is none"),
        (json!({"monotonic": {"input": "a", "step": 0.0, "weight": 1.0}}), "positive `step`"),
        (json!({"bounds": {"weight": 1.0}}), "`lower`, `upper` or both"),
        (json!({"bounds": {"lower": 2.0, "upper": 1.0, "weight": 1.0}}), "found 2 and 1"),
        (json!({"net_force": {"weight": 1.0}}), "forces of atoms"),
    ] {
        let error = fairness(json!([penalty]), 0.3).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains(words), "{penalty}: {error}");
    }
}

/// Weights reach the samples of their rows, also through an ensemble, and need a column.
#[test]
fn a_weighted_risk_counts_rows_by_their_weight() -> Result<()> {
    let facts = Facts { weighted: true, ..Facts::default() };
    for members in [1, 2] {
        let outcome =
            Outcome::new(likelihood(json!({"laplace": {}})), 1, Coupling::Componentwise, vec![1.0], vec![0.0])?;
        let outcome = outcome.with_members(members);
        let prediction = prediction(&outcome, 3, 0);
        let objective = Objective::with_facts(outcome, risk(json!({"weighted": {}})), vec![], None, facts.clone())?;
        let target = Target { weight: vec![2.0, 0.0, 1.0], ..target(3, 1, vec![0, 1, 2], None) };
        check_gradients(&objective, &prediction, &target)?;
        let evaluation = objective.evaluate(&prediction, &target, &model(), Progress::default())?;
        if members == 1 {
            let nll = &evaluation.nll;
            assert!((evaluation.loss - (2.0 * nll[0] + nll[2]) / 3.0).abs() < 1e-14);
        }
    }
    let outcome = Outcome::new(likelihood(json!({"laplace": {}})), 1, Coupling::Componentwise, vec![1.0], vec![0.0])?;
    let error = Objective::new(outcome, risk(json!({"weighted": {}})), vec![], None).unwrap_err();
    assert!(error.hint().is_some_and(|hint| hint.contains("data.csv.weight")), "{error}");
    Ok(())
}

/// The loss cannot fall below the entropy of the smoothed target, and reaches it at one gap of logits.
#[test]
fn smoothed_labels_have_a_floor() -> Result<()> {
    for (k, floor, gap) in [(2usize, 0.198515, 2.944439), (10, 0.500288, 4.510860), (1000, 1.014848, 9.105091)] {
        let family = likelihood(json!({"categorical": {"label_smoothing": 0.1}}));
        let outcome = Outcome::new(family, k, Coupling::Componentwise, vec![1.0; k], vec![0.0; k])?;
        let objective = Objective::new(outcome, risk(json!({"mean": {}})), vec![], None)?;
        let one_hot: Vec<f64> = (0..k).map(|i| f64::from(u8::from(i == 1))).collect();
        let loss = |gap: f64| {
            let logits: Vec<f64> = one_hot.iter().map(|y| gap * y).collect();
            let target =
                Target { value: Tensor::from_slice(&one_hot, (1, k), &Device::Cpu)?, ..target(1, k, vec![0], None) };
            let prediction = Prediction::new(Tensor::from_vec(logits, (1, k), &Device::Cpu)?, None);
            objective.evaluate(&prediction, &target, &model(), Progress::default()).map(|e| e.loss)
        };
        // 0.9 + 0.1/K against 0.1/K
        let exact = ((0.9 + 0.1 / k as f64) / (0.1 / k as f64)).ln();
        assert!((exact - gap).abs() < 1e-5, "{exact}");
        assert!((loss(exact)? - floor).abs() < 1e-6, "{}", loss(exact)?);
        assert!(loss(exact + 0.1)? > floor && loss(exact - 0.1)? > floor);
        if k == 2 {
            let binary = likelihood(json!({"bernoulli": {"label_smoothing": 0.1}}));
            let outcome = Outcome::new(binary, 1, Coupling::Componentwise, vec![1.0], vec![0.0])?;
            let objective = Objective::new(outcome, risk(json!({"mean": {}})), vec![], None)?;
            let target =
                Target { value: Tensor::ones((1, 1), DType::F64, &Device::Cpu)?, ..target(1, 1, vec![0], None) };
            let prediction = Prediction::new(Tensor::full(exact, (1, 1), &Device::Cpu)?, None);
            let loss = objective.evaluate(&prediction, &target, &model(), Progress::default())?.loss;
            assert!((loss - floor).abs() < 1e-6);
        }
    }
    Ok(())
}

/// Where 5 % of the values are at 10, the location of a fixed-scale Gaussian moves towards them.
#[test]
fn cvar_is_more_sensitive_to_outliers_than_the_mean() -> Result<()> {
    // 95 normal quantiles and 5 outliers, as the example of the documentation
    let n = 100;
    let block = BlockValues { location: &[0.0], parameters: &[1.0], block_dim: 1 };
    let normal = likelihood(json!({"gaussian": {}})).get().marginal(&block, 0);
    let values: Vec<f64> =
        (0..n).map(|i| if i < 95 { normal.quantile((i as f64 + 0.5) / 95.0) } else { 10.0 }).collect();
    let target = Target {
        value: Tensor::from_vec(values, (n, 1), &Device::Cpu)?,
        observed: None,
        group: (0..n as u32).collect(),
        n_groups: n,
        energy: None,
        attributes: vec![],
        weight: vec![],
    };
    let location = |fraction: f64| -> Result<f64> {
        let outcome = Outcome::new(
            likelihood(json!({"gaussian": {"scale": 1.0}})),
            1,
            Coupling::Componentwise,
            vec![1.0],
            vec![0.0],
        )?;
        let objective = Objective::new(outcome, risk(json!({"cvar": {"fraction": fraction}})), vec![], None)?;
        // the risk is convex in the location: bisect on its derivative
        let (mut low, mut high) = (-1.0, 9.0);
        for _ in 0..40 {
            let middle = 0.5 * (low + high);
            let prediction = Prediction::new(Tensor::full(middle, (n, 1), &Device::Cpu)?, None);
            let slope = objective
                .evaluate(&prediction, &target, &model(), Progress::default())?
                .cotangent
                .location
                .sum_all()?
                .to_scalar::<f64>()?;
            if slope > 0.0 { high = middle } else { low = middle }
        }
        Ok(0.5 * (low + high))
    };
    let found = [location(1.0)?, location(0.2)?, location(0.1)?];
    assert!((found[0] - 0.5).abs() < 1e-6, "{found:?}");
    assert!((1.0..2.0).contains(&found[1]) && (3.5..4.5).contains(&found[2]), "{found:?}");
    Ok(())
}

#[test]
fn the_trained_threshold_reaches_the_sorted_form() -> Result<()> {
    let losses = Tensor::new(&[0.3, -1.0, 2.5, 0.7, 0.7, 4.0, -0.2], &Device::Cpu)?;
    let sorted = risk(json!({"cvar": {"fraction": 0.4}}));
    let trained = risk(json!({"cvar": {"fraction": 0.4, "threshold": "trained"}}));
    let own = trained.get().parameters()?;
    let tau = own.iter().next().map(|p| p.var.clone()).unwrap();
    for i in 0..4000 {
        let gradient = trained
            .get()
            .value(&Losses { values: &losses, weight: None }, &own)?
            .backward()?
            .get(&tau)
            .unwrap()
            .clone();
        tau.set(&(tau.as_detached_tensor() - (gradient * (0.5 / f64::from(10 + i)))?)?)?;
    }
    let found = trained.get().value(&Losses { values: &losses, weight: None }, &own)?.to_scalar::<f64>()?;
    let expected =
        sorted.get().value(&Losses { values: &losses, weight: None }, &Parameters::new())?.to_scalar::<f64>()?;
    assert!(found >= expected - 1e-12 && found - expected < 1e-3, "{found} {expected}");
    Ok(())
}

#[test]
fn a_proximal_step_changes_weights_only() -> Result<()> {
    let outcome = Outcome::new(likelihood(json!({"gaussian": {}})), 1, Coupling::Componentwise, vec![1.0], vec![0.0])?;
    let objective =
        Objective::new(outcome, risk(json!({"mean": {}})), vec![penalty(json!({"l1": {"weight": 2.0}}))], None)?;
    let model = model();
    let steps = [Tensor::new(&[0.1, 0.4, 0.1], &Device::Cpu)?, Tensor::new(&[0.1], &Device::Cpu)?];
    assert_eq!(objective.proximal_term(&model)?, Some(("l1", 2.0 * (0.5 + 0.7 + 1.1))));
    objective.proximal(&model, &steps)?;
    let values: Vec<Vec<f64>> = model.snapshot()?.iter().map(Tensor::to_vec1).collect::<candle_core::Result<_>>()?;
    assert!((values[0][0] - 0.3).abs() < 1e-15 && values[0][1] == 0.0 && (values[0][2] - 0.9).abs() < 1e-15);
    assert_eq!(values[1], [0.4]);
    Ok(())
}

#[test]
fn every_risk_and_penalty_has_a_smallest_experiment() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for (family, names) in [("risk", RiskConfig::NAMES), ("penalty", PenaltyConfig::NAMES)] {
        for name in names {
            let file = root.join(format!("{family}/{name}.toml"));
            let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
            assert!(text.contains(name), "{}", file.display());
        }
    }
}

#[test]
fn mistakes_are_named_with_their_remedy() -> Result<()> {
    let refused = |value: Value, dim: usize, coupling| {
        let error = Outcome::new(likelihood(value), dim, coupling, vec![1.0; dim], vec![0.0; dim]).unwrap_err();
        (error.to_string(), error.hint().unwrap_or_default())
    };
    let (message, hint) = refused(json!({"gaussian": {"scale": -1.0}}), 1, Coupling::Componentwise);
    assert_eq!(message, "likelihood `gaussian`: `scale` must be a finite number above 0, found -1");
    assert_eq!(hint, "give `scale` in the data's own units, or use \"network\" or \"constant\"");
    let (message, _) = refused(json!({"normal_inverse_gamma": {"alpha": 0.5}}), 1, Coupling::Componentwise);
    assert_eq!(message, "likelihood `normal_inverse_gamma`: `alpha` must be a finite number above 1, found 0.5");
    let (message, _) = refused(json!({"laplace": {}}), 2, Coupling::Joint);
    assert_eq!(
        message,
        "likelihood `laplace` has no density of vectors of 2 components that does not depend on the axes"
    );
    let (message, hint) = refused(json!({"normal_inverse_gamma": {"regularizer": -0.1}}), 1, Coupling::Componentwise);
    assert_eq!(message, "`normal_inverse_gamma`: `regularizer` must be a number ≥ 0, found -0.1");
    assert_eq!(hint, "set `regularizer` to a number ≥ 0");

    let outcome =
        || Outcome::new(likelihood(json!({"gaussian": {}})), 1, Coupling::Componentwise, vec![1.0], vec![0.0]);
    let error = Objective::new(outcome()?, risk(json!({"cvar": {"fraction": 1.5}})), vec![], None).unwrap_err();
    assert_eq!(error.to_string(), "`cvar`: `fraction` must be above 0 and at most 1, found 1.5");
    let penalties = vec![penalty(json!({"net_force": {"weight": 1.0}}))];
    let error = Objective::new(outcome()?, risk(json!({"mean": {}})), penalties, None).unwrap_err();
    assert_eq!(error.to_string(), "penalty `net_force` needs forces of atoms, found samples of 1 components");
    let energy = EnergyTerm { likelihood: likelihood(json!({"gaussian": {}})), weight: 1.0 };
    let error = Objective::new(outcome()?, risk(json!({"mean": {}})), vec![], Some(energy)).unwrap_err();
    assert_eq!(error.to_string(), "energy likelihood `gaussian`: `scale` = \"network\" is not available for energies");

    let joint = Outcome::new(likelihood(json!({"gaussian": {}})), 3, Coupling::Joint, vec![1.0; 3], vec![0.0; 3])?;
    let mut partly = target(1, 3, vec![0], None);
    partly.observed = Some(Tensor::new(&[[1.0, 0.0, 1.0]], &Device::Cpu)?);
    let error = joint.nll(&prediction(&joint, 1, 0), &partly).unwrap_err();
    assert_eq!(error.to_string(), "sample 0 of the batch has 2 of 3 components; a joint likelihood needs all or none");
    let mut wrong = target(1, 3, vec![0], None);
    wrong.value = Tensor::new(&[[0.0, f64::INFINITY, 0.0]], &Device::Cpu)?;
    let error = joint.check_target(&wrong).unwrap_err();
    assert_eq!(error.to_string(), "sample 0, component 1: likelihood `gaussian` needs finite values, found inf");
    Ok(())
}

/// Two targets in units of their own, a nonlinear mean, two inputs; 11 samples are more than one block of lanes.
fn formulas(penalties: Value) -> Result<(Objective, Prediction, Target)> {
    let outcome =
        Outcome::new(likelihood(json!({"gamma": {}})), 2, Coupling::Componentwise, vec![0.5, 3.0], vec![0.0, 0.0])?;
    let facts = Facts {
        targets: vec!["u".into(), "v".into()],
        inputs: vec!["a b".into(), "x".into()],
        input_scale: vec![1.0, 2.0],
        input_shift: vec![0.0, -0.3],
        ..Facts::default()
    };
    let penalties = serde_json::from_value(penalties).unwrap();
    let objective = Objective::with_facts(outcome, risk(json!({"mean": {}})), penalties, None, facts)?;
    let n = 11;
    let mut prediction = prediction(objective.outcome(), n, 0);
    prediction.probes = objective.probes().iter().map(|_| Prediction::new(matrix(n, 2, 4.0), None)).collect();
    let target = supported(objective.outcome().likelihood(), target(n, 2, (0..n as u32).collect(), None))?;
    Ok((objective, prediction, target))
}

#[test]
fn a_formula_costs_its_squared_violation_with_an_exact_gradient() -> Result<()> {
    type Formula = fn(f64, f64, f64) -> f64;
    let cases: [(Value, Formula); 5] = [
        (json!({"residual": "u + v - 1", "weight": 0.7}), |u, v, _| 0.7 * (u + v - 1.0).powi(2)),
        (json!({"residual": "u^2/v - x", "scale": 4.0, "weight": 0.7}), |u, v, x| {
            0.7 * ((u * u / v - x) / 4.0).powi(2)
        }),
        (json!({"nonnegative": "u - v", "weight": 2.0}), |u, v, _| 2.0 * (v - u).max(0.0).powi(2)),
        // one target: its scale is the unit
        (json!({"nonnegative": "0.2*x - v + 3", "weight": 1.0}), |_, v, x| {
            ((v - 3.0 - 0.2 * x) / 3.0).max(0.0).powi(2)
        }),
        (json!({"residual": "log(u)", "weight": 1.0}), |u, _, _| (u.ln() / 0.5).powi(2)),
    ];
    for (settings, formula) in cases {
        let (objective, prediction, target) = formulas(json!([{ "expression": settings }]))?;
        check_gradients(&objective, &prediction, &target)?;
        let found = objective.evaluate(&prediction, &target, &model(), Progress::default())?.terms[1].clone();
        // the means by the report's way
        let data = objective.outcome().data_units(&prediction)?;
        let columns = objective.outcome().columns();
        let x = matrix(11, 2, 4.0).to_vec2::<f64>()?;
        let expected: f64 = (0..11)
            .map(|sample| {
                let marginals = columns.marginals(&objective.outcome().sample(&data, &columns, sample));
                let mean = |i: usize| marginals[i].as_ref().unwrap().mean();
                formula(mean(0), mean(1), 2.0 * x[sample][1] - 0.3) / 11.0
            })
            .sum();
        assert!((found.1 - expected).abs() < 1e-12 * (1.0 + expected), "{settings}: {} {expected}", found.1);
        assert!(found.0 == "expression" && expected > 1e-3, "{settings}: {expected}");
    }
    Ok(())
}

#[test]
fn a_formula_that_holds_costs_nothing() -> Result<()> {
    for settings in [
        json!({"residual": "(u + v)^2 - u^2 - 2*u*v - v^2", "weight": 1.0}),
        json!({"nonnegative": "u*v + x^2", "weight": 1.0}),
        json!({"residual": "u + v - 1", "weight": 0.0}),
    ] {
        let (objective, prediction, target) = formulas(json!([{ "expression": settings }]))?;
        let evaluation = objective.evaluate(&prediction, &target, &model(), Progress::default())?;
        assert!(evaluation.terms[1].1.abs() < 1e-20, "{settings}: {}", evaluation.terms[1].1);
        let (bare, ..) = formulas(json!([]))?;
        let without = bare.evaluate(&prediction, &target, &model(), Progress::default())?;
        let difference = (evaluation.cotangent.location - without.cotangent.location)?.abs()?;
        assert!(difference.max_all()?.to_scalar::<f64>()? < 1e-10, "{settings}");
    }
    Ok(())
}

#[test]
fn formulas_that_mean_nothing_are_refused() {
    for (settings, expected) in [
        (json!({"residual": "u + w", "weight": 1.0}), "unknown name `w`"),
        (json!({"nonnegative": "u v", "weight": 1.0}), "no operator between"),
        (json!({"weight": 1.0}), "one of the two"),
        (json!({"residual": "u", "nonnegative": "v", "weight": 1.0}), "one of the two"),
        (json!({"residual": "u", "scale": 0.0, "weight": 1.0}), "a positive number"),
        (json!({"residual": "u", "weight": -1.0}), "a number ≥ 0"),
    ] {
        let error = formulas(json!([{ "expression": settings }])).err().unwrap();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().is_some());
    }
}
