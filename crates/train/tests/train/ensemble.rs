//! An ensemble trained jointly is its members trained alone.

use candle_core::Tensor;
use surprisal_atoms::force_model::ForceOutput;
use surprisal_core::{Parameter, Prediction, rng};
use surprisal_objective::likelihood::NormalInverseGamma;
use surprisal_objective::penalty::{L1, L2};
use surprisal_objective::risk::{Cvar, Threshold};
use surprisal_objective::{EnergyTerm, LikelihoodConfig, PenaltyConfig, RiskConfig, Source};
use surprisal_train::settings::Keep;
use surprisal_train::{Predictor, shard};
use tempfile::TempDir;

use crate::records;
use crate::setup::{Loss, Setup, constant_gaussian, force_ensemble, forces, table, table_ensemble};

const MEMBERS: usize = 3;

/// Runs to the end; a name and the values of every parameter.
fn trained<P: Predictor>(mut setup: Setup<P>, clip_norm: Option<f64>) -> (Setup<P>, Vec<(String, Vec<f64>)>) {
    setup.settings.keep = Keep::Last;
    setup.settings.clip_norm = clip_norm;
    setup.settings.ema_decay = 0.8;
    let directory = TempDir::new().unwrap();
    let fit = setup.fit(directory.path());
    fit.run(fit.start().unwrap(), &mut crate::fit::Curve::default()).unwrap();
    let values = |p: &Parameter| p.var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let parameters = setup.parameters().iter().map(|p| (p.name.clone(), values(p))).collect();
    (setup, parameters)
}

/// Trains the ensemble and each member alone, and compares every parameter; rows keep every bit, sums
/// over the atoms of a frame are rounded in another order.
fn same_as_alone<P: Predictor, Q: Predictor>(
    name: &str,
    tolerance: f64,
    clip_norm: Option<f64>,
    ensemble: impl Fn(u64) -> Setup<P>,
    alone: impl Fn(u64) -> Setup<Q>,
) {
    let (_, together) = trained(ensemble(11), clip_norm);
    let mut n_compared = 0;
    for k in 0..MEMBERS {
        let (_, single) = trained(alone(rng::member_seed(11, k)), clip_norm);
        for (parameter, values) in &single {
            let wanted = format!("member.{k}.{parameter}");
            let (_, found) = together.iter().find(|(name, _)| *name == wanted).unwrap_or_else(|| panic!("{wanted}"));
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= tolerance * (1.0 + b.abs());
            let same = found.len() == values.len() && found.iter().zip(values).all(near);
            assert!(same, "{name}: {wanted}: {found:?} {values:?}");
            n_compared += 1;
        }
    }
    assert_eq!(n_compared, together.len(), "{name}: nothing beside the members");
}

fn losses() -> Vec<(&'static str, Loss)> {
    let nig = LikelihoodConfig::NormalInverseGamma(NormalInverseGamma {
        regularizer: 0.05,
        regularizer_form: Default::default(),
        nu: Source::Network,
        alpha: Source::Network,
        beta: Source::Constant,
    });
    let cvar = |threshold| RiskConfig::Cvar(Cvar { fraction: 0.4, threshold });
    let penalties = vec![PenaltyConfig::L2(L2 { weight: 0.02 }), PenaltyConfig::L1(L1::Weight(0.01))];
    vec![
        ("mean", Loss::mean(constant_gaussian())),
        ("nig with its regulariser", Loss::mean(nig)),
        ("sorted cvar", Loss { risk: cvar(Threshold::Batch), ..Loss::mean(constant_gaussian()) }),
        ("trained cvar", Loss { risk: cvar(Threshold::Trained), ..Loss::mean(constant_gaussian()) }),
        ("penalties", Loss { penalties, ..Loss::mean(constant_gaussian()) }),
    ]
}

#[test]
fn members_are_the_models_trained_alone() {
    let rows = records::rows(21, 1);
    for (name, loss) in losses() {
        for clip_norm in [None, Some(0.5)] {
            same_as_alone(
                name,
                0.0,
                clip_norm,
                |seed| table_ensemble(&rows, MEMBERS, &loss, seed),
                |seed| table(&rows, &[4], surprisal_train::predictor::mlp::Activation::Tanh, &loss, seed),
            );
        }
    }
}

#[test]
fn force_models_with_energies() {
    let frames = records::molecules(8, 1);
    let energy = Some(EnergyTerm { likelihood: constant_gaussian(), weight: 0.4 });
    let loss = Loss { energy, ..Loss::mean(constant_gaussian()) };
    same_as_alone(
        "force models",
        1e-11,
        None,
        |seed| force_ensemble(&frames, MEMBERS, ForceOutput::Gradient, &loss, seed),
        |seed| forces(&frames, ForceOutput::Gradient, &loss, seed),
    );
}

#[test]
fn one_member_is_the_model_itself() {
    let rows = records::rows(21, 1);
    let loss = Loss::mean(constant_gaussian());
    let (_, one) = trained(table_ensemble(&rows, 1, &loss, 11), Some(0.5));
    let (_, alone) =
        trained(table(&rows, &[4], surprisal_train::predictor::mlp::Activation::Tanh, &loss, 11), Some(0.5));
    assert_eq!(one, alone);
}

/// −ln of the mean of the members' densities, and the mean energy.
#[test]
fn predictions_are_mixtures() {
    let frames = records::molecules(8, 1);
    let energy = Some(EnergyTerm { likelihood: constant_gaussian(), weight: 0.4 });
    let loss = Loss { energy, ..Loss::mean(constant_gaussian()) };
    let setup = force_ensemble(&frames, MEMBERS, ForceOutput::Gradient, &loss, 5).shake(0.1);
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let target = shard::target(&setup.predictor, 3, &groups).unwrap();
    let whole = shard::evaluate(&setup.predictor, &groups, 2).unwrap();
    let nll = setup.objective.score(&whole, &target).unwrap().nll;
    let singles: Vec<Prediction> =
        setup.predictor.members().iter().map(|m| shard::evaluate(m, &groups, 2).unwrap()).collect();
    // the constant scales were shaken apart
    let scales: Vec<f64> = (0..MEMBERS)
        .map(|k| {
            let own = setup.objective.parameters().get(&format!("member.{k}.likelihood.scale")).unwrap();
            let raw = own.var.to_vec1::<f64>().unwrap()[0];
            (15.0 * (raw / 15.0).tanh()).exp()
        })
        .collect();
    let rows = |t: &Tensor| t.to_vec2::<f64>().unwrap();
    let (observed, unit) = (rows(&target.value), setup.objective.outcome().target_scale()[0]);
    for (i, nll) in nll.iter().enumerate() {
        let density = |(prediction, scale): (&Prediction, &f64)| {
            let location = &rows(&prediction.location)[i];
            let square: f64 = location.iter().zip(&observed[i]).map(|(f, y)| (f - y).powi(2)).sum();
            (-0.5 * square / (scale * scale)).exp() / (std::f64::consts::TAU * (scale * unit).powi(2)).powf(1.5)
        };
        let mean = singles.iter().zip(&scales).map(density).sum::<f64>() / MEMBERS as f64;
        assert!((nll + mean.ln()).abs() < 1e-10 * (1.0 + nll.abs()), "{nll} {}", -mean.ln());
    }
    let energies = |p: &Prediction| p.mean_energy().unwrap().unwrap().to_vec1::<f64>().unwrap();
    for (i, mean) in energies(&whole).into_iter().enumerate() {
        let alone = singles.iter().map(|p| energies(p)[i]).sum::<f64>() / MEMBERS as f64;
        assert!((mean - alone).abs() < 1e-13 * (1.0 + alone.abs()));
    }
}
