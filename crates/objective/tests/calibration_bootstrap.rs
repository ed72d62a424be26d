//! Resampled measures: equal to the plain ones on the data written out, quick, and covering.

#![allow(clippy::unwrap_used)]

use std::time::Instant;

use surprisal_core::rng;
use surprisal_objective::calibration::bootstrap::{distance_interval, percentile_interval};
use surprisal_objective::calibration::classification::{self, Binning};
use surprisal_objective::calibration::{GroupBootstrap, auroc, ence, pit, rank, reliability, sparsification};

struct Data {
    error: Vec<f64>,
    sigma: Vec<f64>,
    pit: Vec<f64>,
    outcome: Vec<f64>,
    group: Vec<u64>,
}

/// Groups of one to four observations; some σ and transforms are equal.
fn data(n: usize, seed: u64) -> Data {
    let mut stream = rng::stream(seed, "data", 0);
    let mut data = Data { error: vec![], sigma: vec![], pit: vec![], outcome: vec![], group: vec![] };
    for i in 0..n {
        let sigma = ((0.4 * rng::standard_normal(&mut stream)).exp() * 20.0).ceil() / 20.0;
        data.sigma.push(sigma);
        data.error.push(1.2 * sigma * rng::standard_normal(&mut stream));
        let u = (rng::uniform(&mut stream) * 100.0).floor() / 100.0;
        data.outcome.push(f64::from(u8::from(rng::uniform(&mut stream) < u * u)));
        data.pit.push(u);
        data.group.push((i * i % 7 + 3 * i) as u64 / 6);
    }
    data
}

#[test]
fn a_resample_gives_what_the_written_out_data_gives() {
    let data = data(300, 1);
    let bootstrap = GroupBootstrap::new(&data.group, 20, 2);
    let group = bootstrap.group();
    let magnitude: Vec<f64> = data.error.iter().map(|e| e.abs()).collect();
    let reached: Vec<f64> = data.pit.iter().map(|&u| reliability::reached(u)).collect();
    let happened: Vec<bool> = data.outcome.iter().map(|&o| o == 1.0).collect();
    let ence = ence::Presorted::new(&data.error, &data.sigma, group, 7);
    let ause = sparsification::Presorted::new(&data.error, &data.sigma, group);
    let mut spearman = rank::Presorted::new(&magnitude, &data.sigma, group);
    let mut area = reliability::Presorted::new(&reached, group);
    let ks = pit::Presorted::new(&data.pit, group);
    let auroc = auroc::Presorted::new(&data.pit, &happened, group);
    let binned = [Binning::EqualWidth, Binning::EqualMass]
        .map(|b| classification::Presorted::new(&data.pit, &data.outcome, group, 9, b));
    let drawn = bootstrap.each(|draw| {
        let bins = binned.each_ref().map(|b| b.bins(draw));
        (
            draw.to_vec(),
            vec![
                ence.of(draw),
                ause.of(draw),
                spearman.of(draw),
                area.of(draw),
                ks.of(draw),
                auroc.of(draw),
                classification::expected_calibration_error(&bins[0]),
                classification::expected_calibration_error(&bins[1]),
                classification::murphy(&bins[1]).resolution,
            ],
        )
    });
    for (draw, found) in drawn {
        let written_out: Vec<usize> =
            (0..300).flat_map(|i| std::iter::repeat_n(i, usize::from(draw[group[i]]))).collect();
        let pick = |values: &[f64]| -> Vec<f64> { written_out.iter().map(|&i| values[i]).collect() };
        let (error, sigma, u, o) = (pick(&data.error), pick(&data.sigma), pick(&data.pit), pick(&data.outcome));
        let class =
            |wanted: f64| -> Vec<f64> { u.iter().zip(&o).filter(|(_, o)| **o == wanted).map(|(u, _)| *u).collect() };
        let bins = [Binning::EqualWidth, Binning::EqualMass].map(|b| classification::bins(&u, &o, 9, b));
        let expected = [
            ence::ence(&error, &sigma, 7),
            sparsification::ause(&error, &sigma),
            rank::spearman(&pick(&magnitude), &sigma),
            reliability::miscalibration_area(&u),
            pit::uniformity(&u).distance,
            auroc::auroc(&class(0.0), &class(1.0)),
            classification::expected_calibration_error(&bins[0]),
            classification::expected_calibration_error(&bins[1]),
            classification::murphy(&bins[1]).resolution,
        ];
        for (i, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < 1e-12, "measure {i}: {a} {b}");
        }
    }
}

#[test]
fn two_sets_of_groups_are_drawn_independently() {
    let (a, b) = (GroupBootstrap::new(&[0, 1], 400, 1), GroupBootstrap::new(&[5, 5, 6], 300, 2));
    let both = a.beside(&b);
    assert_eq!(both.group(), [0, 1, 2, 2, 3]);
    let draws = both.each(<[u16]>::to_vec);
    assert_eq!(draws.len(), 300);
    assert!(draws.iter().all(|d| d[0] + d[1] == 2 && d[2] + d[3] == 2));
    let product: f64 = draws.iter().map(|d| (f64::from(d[0]) - 1.0) * (f64::from(d[2]) - 1.0)).sum::<f64>() / 300.0;
    assert!(product.abs() < 0.1, "{product}");
}

/// 90 % intervals over 200 simulated data sets of 300 observations hold the true value about as often
/// as they say.
#[test]
fn intervals_cover_the_truth() {
    let trials = 200;
    // ENCE of calibrated predictions, AUSE of a useless σ (its truth from a large sample), Spearman 0,
    // area and Kolmogorov distance of calibrated and of over-confident predictions, ECE of a calibrated
    // classifier, AUROC of a normal shift.
    let mut covered = [0usize; 8];
    let normal_cdf = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    let misfit = 1.6;
    // ∫|P(|z| ≤ q(p)/1.6) − p| dp on a fine grid.
    let uniform: Vec<f64> = (0..200_000).map(|i| (f64::from(i) + 0.5) / 200_000.0).collect();
    let overconfident: Vec<f64> = {
        let mut stream = rng::stream(1, "truth", 0);
        uniform.iter().map(|_| normal_cdf(misfit * rng::standard_normal(&mut stream))).collect()
    };
    let true_area = reliability::miscalibration_area(&overconfident);
    let true_distance = pit::uniformity(&overconfident).distance;
    let true_ause = {
        let mut stream = rng::stream(2, "truth", 0);
        let error: Vec<f64> = uniform.iter().map(|_| rng::standard_normal(&mut stream)).collect();
        sparsification::ause(&error, &uniform)
    };
    for trial in 0..trials {
        let mut stream = rng::stream(31, "coverage", trial);
        let n = 300;
        let sigma: Vec<f64> = (0..n).map(|_| (0.5 * rng::standard_normal(&mut stream)).exp()).collect();
        let z: Vec<f64> = (0..n).map(|_| rng::standard_normal(&mut stream)).collect();
        let error: Vec<f64> = z.iter().zip(&sigma).map(|(z, s)| z * s).collect();
        let bootstrap = GroupBootstrap::new(&(0..n as u64).collect::<Vec<_>>(), 200, trial);
        let group = bootstrap.group();
        let holds = |truth: f64, interval: surprisal_objective::calibration::Interval| {
            usize::from(interval.lower <= truth && truth <= interval.upper)
        };
        let calibrated = ence::Presorted::new(&error, &sigma, group, 10);
        let estimate = ence::ence(&error, &sigma, 10);
        covered[0] += holds(0.0, distance_interval(&mut bootstrap.each(|d| calibrated.of(d)), estimate, 0.9));
        let useless = sparsification::Presorted::new(&z, &sigma, group);
        covered[1] += holds(true_ause, percentile_interval(&mut bootstrap.each(|d| useless.of(d)), 0.9));
        let magnitude: Vec<f64> = z.iter().map(|z| z.abs()).collect();
        let mut unrelated = rank::Presorted::new(&magnitude, &sigma, group);
        covered[2] += holds(0.0, percentile_interval(&mut bootstrap.each(|d| unrelated.of(d)), 0.9));
        for (at, misfit, truth) in [(3, 1.0, 0.0), (4, misfit, true_area)] {
            let u: Vec<f64> = z.iter().map(|z| normal_cdf(misfit * z)).collect();
            let reached: Vec<f64> = u.iter().map(|&u| reliability::reached(u)).collect();
            let mut area = reliability::Presorted::new(&reached, group);
            let estimate = reliability::miscalibration_area(&u);
            covered[at] += holds(truth, distance_interval(&mut bootstrap.each(|d| area.of(d)), estimate, 0.9));
        }
        let u: Vec<f64> = z.iter().map(|z| normal_cdf(misfit * z)).collect();
        let ks = pit::Presorted::new(&u, group);
        let estimate = pit::uniformity(&u).distance;
        covered[5] += holds(true_distance, distance_interval(&mut bootstrap.each(|d| ks.of(d)), estimate, 0.9));
        let p: Vec<f64> = z.iter().map(|&z| normal_cdf(z)).collect();
        let o: Vec<f64> = p.iter().map(|&p| f64::from(u8::from(rng::uniform(&mut stream) < p))).collect();
        let bins = classification::Presorted::new(&p, &o, group, 10, Binning::EqualWidth);
        let error = |draw: &[u16]| classification::expected_calibration_error(&bins.bins(draw));
        let estimate = error(&vec![1; n]);
        covered[6] += holds(0.0, distance_interval(&mut bootstrap.each(error), estimate, 0.9));
        let shifted: Vec<bool> = (0..n).map(|i| i % 3 == 0).collect();
        let value: Vec<f64> = z.iter().zip(&shifted).map(|(z, s)| z + if *s { 0.8 } else { 0.0 }).collect();
        let separation = auroc::Presorted::new(&value, &shifted, group);
        // P(N(0.8, 1) > N(0, 1)).
        let truth = normal_cdf(0.8 / std::f64::consts::SQRT_2);
        covered[7] += holds(truth, percentile_interval(&mut bootstrap.each(|d| separation.of(d)), 0.9));
    }
    for (measure, covered) in covered.into_iter().enumerate() {
        assert!((160..=200).contains(&covered), "measure {measure}: {covered} of {trials}");
    }
}

#[test]
fn a_thousand_resamples_of_ten_thousand_observations_take_under_two_seconds() {
    let data = data(10_000, 4);
    let start = Instant::now();
    let bootstrap = GroupBootstrap::new(&data.group, 1000, 2);
    let group = bootstrap.group();
    let magnitude: Vec<f64> = data.error.iter().map(|e| e.abs()).collect();
    let reached: Vec<f64> = data.pit.iter().map(|&u| reliability::reached(u)).collect();
    let ence = ence::Presorted::new(&data.error, &data.sigma, group, 15);
    let ause = sparsification::Presorted::new(&data.error, &data.sigma, group);
    let mut spearman = rank::Presorted::new(&magnitude, &data.sigma, group);
    let mut area = reliability::Presorted::new(&reached, group);
    let ks = pit::Presorted::new(&data.pit, group);
    let mut sums = [0.0; 5];
    bootstrap.each(|d| sums[0] += ence.of(d));
    bootstrap.each(|d| sums[1] += ause.of(d));
    bootstrap.each(|d| sums[2] += spearman.of(d));
    bootstrap.each(|d| sums[3] += area.of(d));
    bootstrap.each(|d| sums[4] += ks.of(d));
    assert!(sums.iter().all(|s| s.is_finite()));
    // Well under a second on an idle machine of this kind; more is granted to a busy one.
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 6.0, "{seconds} s");
}
