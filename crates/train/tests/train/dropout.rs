//! Dropout in training and at prediction.

use std::path::Path;

use candle_core::{Device, Tensor};
use rayon::ThreadPoolBuilder;
use surprisal_objective::Progress;
use surprisal_train::predictor::mlp::{Activation, Mlp};
use surprisal_train::{Predictor, shard};

use crate::records;
use crate::setup::{Loss, Setup, constant_gaussian, dropout_table};

fn setup(mc_samples: usize) -> Setup<Mlp> {
    dropout_table(
        &records::rows(40, 2),
        &[8, 6],
        Activation::Tanh,
        (0.3, mc_samples),
        &Loss::mean(constant_gaussian()),
        1,
    )
    .shake(0.2)
}

fn numbers(tensors: &[Tensor]) -> Vec<Vec<f64>> {
    tensors.iter().map(|t| t.flatten_all().unwrap().to_vec1().unwrap()).collect()
}

/// With its masks held, a network with dropout is a function like any other.
#[test]
fn the_gradient_is_that_of_the_masked_network() {
    let setup = setup(1);
    let fit = setup.fit(Path::new("."));
    let groups: Vec<_> = setup.splits.train.iter().collect();
    setup.predictor.begin_step(17);
    let (evaluation, gradient) = fit.loss_and_gradient(&groups, 0).unwrap();
    let target = shard::target(&setup.predictor, 2, &groups).unwrap();
    let loss = || {
        let prediction = shard::predict(&setup.predictor, &groups, groups.len()).unwrap().prediction;
        let model = setup.predictor.parameters();
        setup.objective.evaluate(&prediction, &target, model, Progress::default()).unwrap().loss
    };
    assert!((loss() - evaluation.loss).abs() < 1e-12);
    let mut n_alive = 0;
    for (parameter, gradient) in fit.parameters().iter().zip(numbers(&gradient)) {
        let values = parameter.var.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let largest = gradient.iter().fold(1e-12f64, |m, g| m.max(g.abs()));
        for i in [0, gradient.len() / 2, gradient.len() - 1] {
            let h = 1e-4;
            let at = |step: f64| {
                let mut moved = values.clone();
                moved[i] += step;
                let moved = Tensor::from_vec(moved, parameter.var.shape(), &Device::Cpu).unwrap();
                parameter.var.set(&moved).unwrap();
                loss()
            };
            let difference = (8.0 * (at(h) - at(-h)) - (at(2.0 * h) - at(-2.0 * h))) / (12.0 * h);
            at(0.0);
            assert!((gradient[i] - difference).abs() < 1e-6 * largest, "{}[{i}]", parameter.name);
            n_alive += usize::from(gradient[i] != 0.0);
        }
    }
    assert!(n_alive > 12);
}

#[test]
fn every_step_has_its_own_masks_and_threads_and_shards_change_none() {
    let mut setup = setup(5);
    let groups: Vec<usize> = (0..setup.splits.train.len()).collect();
    let mut seen = vec![];
    for step in [0, 1] {
        let mut reference = None;
        for (n_threads, shard_size) in [(1, 100), (4, 100), (1, 3), (4, 3)] {
            setup.settings.shard_size = Some(shard_size);
            let pool = ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
            setup.predictor.begin_step(step);
            let (loss, evaluated) = pool.install(|| {
                let groups: Vec<_> = groups.iter().map(|&i| &setup.splits.train[i]).collect();
                let (evaluation, _) = setup.fit(Path::new(".")).loss_and_gradient(&groups, 0).unwrap();
                let evaluated = shard::evaluate(&setup.predictor, &groups, shard_size).unwrap();
                (evaluation.loss, numbers(&[evaluated.location]).concat())
            });
            let (first, values) = reference.get_or_insert((loss, evaluated.clone()));
            assert!((*first - loss).abs() < 1e-12, "{n_threads} threads, shards of {shard_size}");
            assert!(values.iter().zip(&evaluated).all(|(a, b)| (a - b).abs() < 1e-12));
        }
        seen.push(reference.unwrap());
    }
    assert_ne!(seen[0].0, seen[1].0, "another step, other masks");
    assert_eq!(seen[0].1, seen[1].1, "the masks of predictions know no step");
}

/// Rows are told apart, draws are told apart, and without draws the whole network predicts.
#[test]
fn draws_at_prediction_scatter_around_the_whole_network() {
    let (n_draws, setup, whole) = (400, setup(400), setup(1));
    let groups: Vec<_> = setup.splits.train.iter().take(3).collect();
    let draws = shard::evaluate(&setup.predictor, &groups, 2).unwrap();
    assert_eq!(draws.location.dims(), [3, 2 * n_draws]);
    let members = draws.members(n_draws).unwrap();
    let mean = |row: usize, column: usize| {
        let values = members.iter().map(|m| m.location.to_vec2::<f64>().unwrap()[row][column]);
        let values: Vec<f64> = values.collect();
        let mean = values.iter().sum::<f64>() / n_draws as f64;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n_draws as f64).sqrt())
    };
    let exact = shard::evaluate(&whole.predictor, &groups, 2).unwrap().location.to_vec2::<f64>().unwrap();
    for (row, exact) in exact.iter().enumerate() {
        for (column, exact) in exact.iter().enumerate() {
            let (mean, deviation) = mean(row, column);
            assert!(deviation > 1e-3);
            // two layers: the mean moves by the curvature of tanh too, much less than the scatter
            assert!((mean - exact).abs() < 0.5 * deviation, "{mean} {exact} {deviation}");
        }
    }
    // one layer is linear in its masks: the expectation is the whole network's output
    let one_layer = |samples| {
        dropout_table(&records::rows(8, 2), &[6], Activation::Relu, (0.3, samples), &Loss::mean(constant_gaussian()), 1)
            .shake(0.2)
    };
    let (setup, whole) = (one_layer(4000), one_layer(1));
    let groups: Vec<_> = setup.splits.train.iter().take(2).collect();
    let draws = shard::evaluate(&setup.predictor, &groups, 2).unwrap().members(4000).unwrap();
    let exact = shard::evaluate(&whole.predictor, &groups, 2).unwrap().location.to_vec2::<f64>().unwrap();
    for (row, exact) in exact.iter().enumerate() {
        let values: Vec<f64> = draws.iter().map(|m| m.location.to_vec2::<f64>().unwrap()[row][0]).collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 4000.0).sqrt();
        assert!((mean - exact[0]).abs() < 4.0 * deviation / 4000f64.sqrt(), "{mean} {}", exact[0]);
    }
}
