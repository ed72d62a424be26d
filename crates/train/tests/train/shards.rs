//! Results do not depend on the number of threads at all, and on the size of shards by rounding only.

use std::path::Path;

use candle_core::Tensor;
use rayon::ThreadPoolBuilder;
use surprisal_atoms::force_model::ForceOutput;
use surprisal_objective::likelihood::NormalInverseGamma;
use surprisal_objective::{LikelihoodConfig, Source};
use surprisal_train::predictor::latent_ode::{Context, LatentOdeConfig};
use surprisal_train::predictor::mlp::Activation;
use surprisal_train::{Predictor, shard};

use crate::latent_ode::{gaussian_latent, small};
use crate::records;
use crate::setup::{Loss, Setup, constant_gaussian, forces, latent_ode, series, table};

fn numbers(tensors: &[Tensor]) -> Vec<Vec<f64>> {
    tensors.iter().map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

fn loss_and_gradient<P: Predictor>(setup: &Setup<P>) -> (f64, Vec<Vec<f64>>) {
    let groups: Vec<&P::Group> = setup.splits.train.iter().collect();
    let (evaluation, gradient) = setup.fit(Path::new(".")).loss_and_gradient(&groups, 0).unwrap();
    (evaluation.loss, numbers(&gradient))
}

fn check<P>(mut setup: Setup<P>)
where
    P::Group: Send,
    P: Predictor + Send,
{
    let n = setup.splits.train.len();
    let mut reference = None;
    for size in [1, 2, 5, n, 10 * n] {
        setup.settings.shard_size = Some(size);
        let [one, four] = [1, 4].map(|n| {
            let pool = ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            // more than once: chance decides which thread finishes first
            let runs: Vec<_> = (0..3).map(|_| pool.install(|| loss_and_gradient(&setup))).collect();
            assert!(runs.iter().all(|run| *run == runs[0]));
            runs.into_iter().next().unwrap()
        });
        assert!(one == four, "shards of {size}: one thread and four differ");
        let (loss, gradient) = reference.get_or_insert(one.clone());
        assert!((*loss - one.0).abs() < 1e-12 * (1.0 + loss.abs()), "shards of {size}: {loss} {}", one.0);
        for (a, b) in gradient.iter().zip(&one.1) {
            let largest = a.iter().fold(1e-3f64, |m, g| m.max(g.abs()));
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12 * largest), "shards of {size}");
        }
    }
}

fn nig() -> Loss {
    let (nu, alpha, beta) = (Source::Network, Source::Network, Source::Network);
    let regularizer_form = Default::default();
    Loss::mean(LikelihoodConfig::NormalInverseGamma(NormalInverseGamma {
        regularizer: 0.05,
        regularizer_form,
        nu,
        alpha,
        beta,
    }))
}

#[test]
fn perceptron() {
    check(table(&records::rows(300, 2), &[16, 16], Activation::Tanh, &nig(), 1).shake(0.1));
}

/// Tolerances bound each trajectory's own steps, so a trajectory does not see who shares its shard.
#[test]
fn neural_ode() {
    let lengths: Vec<usize> = (0..28).map(|i| 2 + i % 7).collect();
    check(series(&records::oscillators(&lengths, 4), 1e-6, &Loss::mean(constant_gaussian()), 1).shake(0.2));
}

#[test]
fn latent_ode_with_drawn_states() {
    let lengths: Vec<usize> = (0..28).map(|i| 3 + i % 6).collect();
    let config = LatentOdeConfig { latent: gaussian_latent(2), ..small(Context::Observations(2)) };
    check(latent_ode(&config, &records::oscillators(&lengths, 4), &nig(), 1).shake(0.2));
}

#[test]
fn forces_of_both_kinds() {
    check(forces(&records::molecules(16, 1), ForceOutput::Gradient, &nig(), 1).shake(0.1));
    check(forces(&records::molecules(16, 1), ForceOutput::Direct, &nig(), 1).shake(0.1));
}

/// A prediction cut by the shards' sizes and joined again is itself.
#[test]
fn a_forward_pass_keeps_the_order_of_groups() {
    let setup = table(&records::rows(40, 2), &[3], Activation::Tanh, &nig(), 1);
    let groups: Vec<_> = setup.splits.train.iter().collect();
    let whole = shard::evaluate(&setup.predictor, &groups, 7).unwrap();
    let alone: Vec<Vec<f64>> = groups
        .iter()
        .map(|g| setup.predictor.evaluate(&[*g]).unwrap().location.flatten_all().unwrap().to_vec1().unwrap())
        .collect();
    let whole = whole.location.to_vec2::<f64>().unwrap();
    for (a, b) in whole.iter().flatten().zip(alone.iter().flatten()) {
        assert!((a - b).abs() < 1e-14);
    }
}
