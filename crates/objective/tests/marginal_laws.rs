//! Laws that every predictive distribution obeys, at parameters drawn over many decades.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use surprisal_core::rng;
use surprisal_objective::likelihood::{
    BernoulliMarginal, BetaMarginal, GammaMarginal, GaussianMixtureMarginal, LaplaceMarginal, LogNormalMarginal,
    Marginal, NegativeBinomialMarginal, NormalMarginal, PoissonMarginal, RadialLaplaceMarginal, StudentTMarginal,
    VonMisesMarginal,
};

const N_FAMILIES: u64 = 12;
const NAMES: [&str; N_FAMILIES as usize] = [
    "poisson",
    "negative_binomial",
    "bernoulli",
    "beta",
    "gamma",
    "log_normal",
    "von_mises",
    "gaussian_mixture",
    "student_t",
    "normal",
    "laplace",
    "radial_laplace",
];

/// Uniform numbers of a seeded stream.
fn uniforms(index: u64) -> impl FnMut() -> f64 {
    let mut stream = rng::stream(5, "marginal laws", index);
    move || rng::uniform(&mut stream)
}

fn is_discrete(family: u64) -> bool {
    family <= 2
}

/// A distribution of the family with parameters between 10^−reach and 10^reach of their middle.
fn draw(family: u64, reach: f64, u: &mut dyn FnMut() -> f64) -> (Box<dyn Marginal>, String) {
    let mut decades = |middle: f64, most: f64| middle * 10f64.powf(reach.min(most) * (2.0 * u() - 1.0));
    let (a, b, c) = (decades(1.0, 6.0), decades(1.0, 6.0), decades(1.0, 3.0));
    let probability = 1.0 / (1.0 + a * a);
    let loc = 3.0 * (b - 1.0) / (b + 1.0);
    let description = format!("{} of a = {a:e}, b = {b:e}, c = {c:e}", NAMES[family as usize]);
    let marginal: Box<dyn Marginal> = match family {
        0 => Box::new(PoissonMarginal { rate: a }),
        1 => Box::new(NegativeBinomialMarginal { mean: a, dispersion: c * b.min(1.0) }),
        2 => Box::new(BernoulliMarginal { probability }),
        3 => Box::new(BetaMarginal { mean: probability.clamp(1e-12, 1.0 - 1e-12), precision: b.max(1e-2) }),
        4 => Box::new(GammaMarginal { mean: a, shape: b.max(1e-2) }),
        5 => Box::new(LogNormalMarginal { loc, scale: c.min(30.0) }),
        6 => Box::new(VonMisesMarginal { loc, concentration: a }),
        7 => Box::new(GaussianMixtureMarginal {
            weights: vec![probability, 1.0 - probability],
            locs: vec![loc, -loc],
            scales: vec![c, 1.0 / c],
        }),
        8 => Box::new(StudentTMarginal { loc, scale: c, df: 3.0 * b.max(0.1) }),
        9 => Box::new(NormalMarginal { loc, scale: c }),
        10 => Box::new(LaplaceMarginal { loc, scale: c }),
        _ => Box::new(RadialLaplaceMarginal { loc, scale: c }),
    };
    (marginal, description)
}

#[test]
fn every_number_is_finite_and_the_cdf_climbs_from_zero_to_one() {
    const LEVELS: [f64; 9] = [1e-300, 1e-9, 0.02, 0.3, 0.5, 0.7, 0.98, 1.0 - 1e-9, 1.0 - 1e-15];
    for family in 0..N_FAMILIES {
        let mut u = uniforms(family);
        for _ in 0..150 {
            let (marginal, what) = draw(family, 6.0, &mut u);
            let mut previous = (f64::NEG_INFINITY, 0.0);
            for p in LEVELS {
                let y = marginal.quantile(p);
                assert!(y >= previous.0, "{what}: quantile {p} is {y:e}, below {:e}", previous.0);
                let (cdf, below) = (marginal.cdf(y), marginal.cdf_below(y));
                assert!(cdf >= previous.1 - 1e-13 && cdf <= 1.0 && below <= cdf, "{what}: CDF {below} {cdf} at {y}");
                assert!(is_discrete(family) || below == cdf, "{what}");
                let crps = marginal.crps(y);
                // only a t distribution without a mean has an infinite score
                assert!(crps >= 0.0 && (crps.is_finite() || marginal.mean().is_nan()), "{what}: CRPS {crps} at {y}");
                previous = (y, cdf);
            }
            let center = marginal.center();
            assert!(center.is_finite(), "{what}: centre {center}");
            assert!(!(marginal.variance() <= 0.0), "{what}: variance {}", marginal.variance());
        }
    }
}

/// CRPS = 2∫(1[y ≤ q(p)] − p)(q(p) − y) dp (the quantile score), by the midpoint rule on p = the
/// smoothstep of s, whose derivative takes the ends of the distribution in.
#[test]
fn the_crps_is_the_mean_quantile_score() {
    const N: usize = 4000;
    for family in (0..N_FAMILIES).filter(|family| NAMES[*family as usize] != "von_mises") {
        let mut u = uniforms(100 + family);
        for _ in 0..4 {
            let (marginal, what) = draw(family, 0.5, &mut u);
            if NAMES[family as usize] == "student_t" && !(marginal.variance().is_finite()) {
                continue;
            }
            for level in [0.03, 0.4, 0.9] {
                let y = marginal.quantile(level) + if is_discrete(family) { 0.25 } else { 0.0 };
                let mut integral = 0.0;
                for i in 0..N {
                    let s = (i as f64 + 0.5) / N as f64;
                    // p = 10s³ − 15s⁴ + 6s⁵
                    let p = s * s * s * (10.0 - s * (15.0 - 6.0 * s));
                    let slope = 30.0 * s * s * (1.0 - s) * (1.0 - s);
                    let q = marginal.quantile(p);
                    integral += 2.0 * (f64::from(u8::from(y <= q)) - p) * (q - y) * slope / N as f64;
                }
                let crps = marginal.crps(y);
                let tolerance = if is_discrete(family) { 2e-3 } else { 2e-4 };
                assert!(
                    (crps - integral).abs() < tolerance * (crps + marginal.variance().sqrt()),
                    "{what}: {crps} {integral} at {y}"
                );
            }
        }
    }
}

#[test]
fn draws_have_the_mean_and_the_distribution() {
    const N: usize = 4000;
    for family in 0..N_FAMILIES {
        let mut u = uniforms(200 + family);
        let (marginal, what) = draw(family, 0.3, &mut u);
        let mut draws: Vec<f64> = (0..N).map(|_| marginal.sample(&mut u)).collect();
        let mean = draws.iter().sum::<f64>() / N as f64;
        let error = (marginal.variance() / N as f64).sqrt();
        if error.is_finite() {
            assert!((mean - marginal.mean()).abs() < 4.0 * error, "{what}: mean {mean}, expected {}", marginal.mean());
        }
        // Kolmogorov's distance from the CDF on both sides of every draw; 1.95/√N is passed once in 1000
        draws.sort_by(f64::total_cmp);
        for (i, y) in draws.iter().enumerate() {
            let last = draws.partition_point(|other| other <= y) as f64 / N as f64;
            let first = draws.partition_point(|other| other < y) as f64 / N as f64;
            let distance = (last - marginal.cdf(*y)).abs().max((first - marginal.cdf_below(*y)).abs());
            assert!(distance < 1.95 / (N as f64).sqrt(), "{what}: {distance} at draw {i} of {y}");
        }
    }
}

/// The expected score under a distribution is least for that distribution itself.
#[test]
fn the_crps_is_proper() {
    const N: usize = 500;
    for family in 0..N_FAMILIES {
        let mut u = uniforms(300 + family);
        let mut margins = 0;
        for _ in 0..12 {
            let (truth, what) = draw(family, 0.4, &mut u);
            let (other, _) = draw(family, 0.4, &mut u);
            if !truth.variance().is_finite() || other.mean().is_nan() {
                continue;
            }
            let expected = |forecast: &dyn Marginal| {
                let at = |i: usize| forecast.crps(truth.quantile((i as f64 + 0.5) / N as f64));
                (0..N).map(at).sum::<f64>() / N as f64
            };
            let (own, others) = (expected(truth.as_ref()), expected(other.as_ref()));
            // stratified draws: the error of the rule is far below 1 % of the score
            assert!(own < others + 0.01 * own, "{what}: {own}, but {others} with other parameters");
            margins += usize::from(others > 1.01 * own);
        }
        assert!(margins >= 4, "{}: no forecast differed", NAMES[family as usize]);
    }
}

#[test]
fn angles_may_be_given_in_any_turn() {
    use std::f64::consts::{PI, TAU};
    for concentration in [0.0, 0.3, 40.0, 1e6, 1e9] {
        let marginal = VonMisesMarginal { loc: 2.5, concentration };
        for y in [-0.6, 0.0, 2.5, 3.9, 5.6] {
            assert!((marginal.represent(y) - 2.5).abs() <= PI);
            for turns in [-3.0, 1.0, 100.0] {
                let turned = y + turns * TAU;
                assert!((marginal.represent(turned) - marginal.represent(y)).abs() < 1e-12);
                let reach = 1e-12 * concentration.sqrt();
                assert!((marginal.cdf(turned) - marginal.cdf(y)).abs() <= 1e-13 + reach);
                assert!((marginal.crps(turned) - marginal.crps(y)).abs() <= 1e-12);
            }
        }
        assert_eq!(marginal.represent(marginal.quantile(0.5)), 2.5);
        assert!((marginal.cdf(2.5) - 0.5).abs() < 1e-15);
        // the score at the opposite point: the mean arc is then π less the one from loc
        let (here, there) = (marginal.crps(2.5), marginal.crps(2.5 + PI));
        assert!((0.0..=PI).contains(&here) && here <= there && there <= PI, "{concentration}: {here} {there}");
    }
    // both ways to write the CRPS meet
    let [below, above] = [3e6, 3e6 * (1.0 + 1e-12)].map(|concentration| VonMisesMarginal { loc: 0.0, concentration });
    for y in [0.0, 1e-4, 1e-3, 2e-3, 1.0, PI - 1e-3, PI] {
        assert!((below.crps(y) - above.crps(y)).abs() < 1e-11, "{y}: {} {}", below.crps(y), above.crps(y));
    }
}

/// α → 0 is the Poisson distribution, without a step.
#[test]
fn the_negative_binomial_reaches_its_poisson_limit() {
    for rate in [1e-6, 0.3, 17.0, 1e6] {
        let poisson = PoissonMarginal { rate };
        for dispersion in [0.0, 1e-305, 1e-299, 1e-200, 1e-25, 1e-18] {
            let limit = NegativeBinomialMarginal { mean: rate, dispersion };
            for p in [1e-9, 0.1, 0.5, 0.999] {
                let y = poisson.quantile(p);
                assert_eq!(limit.quantile(p), y, "{rate} {dispersion:e} {p}");
                assert!(
                    (limit.cdf(y) - poisson.cdf(y)).abs() < 1e-11,
                    "{rate} {dispersion:e}: {} {}",
                    limit.cdf(y),
                    poisson.cdf(y)
                );
                let crps = poisson.crps(y);
                assert!(
                    (limit.crps(y) - crps).abs() < 1e-10 * (1.0 + crps),
                    "{rate} {dispersion:e}: {} {crps}",
                    limit.crps(y)
                );
            }
        }
    }
}
