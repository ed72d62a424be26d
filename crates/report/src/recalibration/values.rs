//! Recalibration of predicted numbers.

use surprisal_objective::calibration::GroupBootstrap;
use surprisal_objective::calibration::coverage::{LEVELS, covers, winkler};
use surprisal_objective::calibration::pit;
use surprisal_objective::calibration::recalibration::{Conformal, Dispersed, Factor, Isotonic};
use surprisal_objective::calibration::reliability::reached;
use surprisal_objective::likelihood::Marginal;

use super::{FITTED_ON, Independence, Judged, Method, Predictions, Recalibrated, Recalibration};
use crate::metrics::{LEVEL, N_RESAMPLES};
use crate::run_data::SplitData;

pub(super) fn fit(seed: u64, valid: &Predictions<'_>, tests: &[Predictions<'_>]) -> Option<Recalibration> {
    let transform = valid.split.pit_of_each(seed);
    if !transform.iter().any(|u| u.is_finite()) {
        return None;
    }
    let bootstrap = GroupBootstrap::new(&valid.split.group, N_RESAMPLES, seed);
    let factor = valid.stretched_nll.as_ref().and_then(|nll| Factor::fit(nll, &bootstrap, LEVEL));
    let spread = valid.dispersed.and_then(|d| Factor::fit(|factor| dispersed_nll(d, factor), &bootstrap, LEVEL));
    let isotonic = Isotonic::fit(&transform);
    let (constant, normalized) = (Conformal::fit(&magnitude(valid.split)), Conformal::fit(&score(valid.split)));
    let splits = tests
        .iter()
        .map(|test| {
            let mut methods = vec![];
            if let (Some(factor), Some(nll)) = (factor, &test.stretched_nll) {
                methods.push((Method::SigmaScaling, stretched(test, factor.value, nll(factor.value))));
            }
            if let (Some(factor), Some(dispersed)) = (spread, test.dispersed) {
                methods.push((Method::DispersionScaling, scaled(test, dispersed, factor.value, seed)));
            }
            methods.push((Method::Isotonic, mapped(test, &isotonic, seed)));
            let ones = vec![1.0; test.split.sigma.len()];
            methods.push((Method::Conformal, conformal(test.split, &constant, &magnitude(test.split), &ones)));
            let widths = &test.split.sigma;
            methods.push((Method::ConformalNormalized, conformal(test.split, &normalized, &score(test.split), widths)));
            Recalibrated { name: test.split.name.clone(), methods }
        })
        .collect();
    let factors = [(Method::SigmaScaling, factor), (Method::DispersionScaling, spread)];
    let factors = factors.into_iter().filter_map(|(method, factor)| Some((method, factor?))).collect();
    Some(Recalibration { fitted_on: FITTED_ON.into(), factors, splits })
}

fn magnitude(split: &SplitData) -> Vec<f64> {
    split.error().iter().map(|e| e.abs()).collect()
}

fn score(split: &SplitData) -> Vec<f64> {
    split.error().iter().zip(&split.sigma).map(|(e, s)| e.abs() / s).collect()
}

/// Judges each component that was observed and predicted; the others are NaN.
fn judge(test: &Predictions<'_>, nll: Option<Vec<f64>>, one: impl Fn(usize, f64, &dyn Marginal) -> One) -> Judged {
    let n = test.split.target.len();
    let empty = || vec![vec![f64::NAN; n]; LEVELS.len()];
    let (mut levels, mut covered, mut scores) = (vec![f64::NAN; n], empty(), empty());
    for (i, (&y, marginal)) in test.split.target.iter().zip(test.marginals).enumerate() {
        let Some(marginal) = marginal.as_deref().filter(|_| y.is_finite()) else { continue };
        let judged = one(i, y, marginal);
        levels[i] = judged.reached;
        for (l, level) in LEVELS.into_iter().enumerate() {
            covered[l][i] = f64::from(u8::from(judged.covered[l]));
            scores[l][i] = winkler(level, judged.interval[l].0, judged.interval[l].1, y);
        }
    }
    Judged::Intervals { nll, reached: levels, covered, winkler: scores }
}

/// One component judged.
struct One {
    reached: f64,
    covered: [bool; LEVELS.len()],
    interval: [(f64, f64); LEVELS.len()],
}

fn stretched(test: &Predictions<'_>, factor: f64, nll: Vec<f64>) -> Judged {
    judge(test, Some(nll), |i, y, marginal| {
        let center = test.split.mean[i];
        let u = marginal.cdf(center + (y - center) / factor);
        let end = |p: f64| center + factor * (marginal.quantile(p) - center);
        One {
            reached: reached(u),
            covered: LEVELS.map(|level| covers(level, u, u)),
            interval: LEVELS.map(|level| (end(0.5 * (1.0 - level)), end(0.5 * (1.0 + level)))),
        }
    })
}

/// What could be evaluated once can be evaluated again.
fn dispersed_nll(dispersed: &Dispersed<'_>, factor: f64) -> Vec<f64> {
    dispersed.nll(factor).unwrap_or_default()
}

fn scaled(test: &Predictions<'_>, dispersed: &Dispersed<'_>, factor: f64, seed: u64) -> Judged {
    let marginals = dispersed.marginals(factor);
    let ends = |f: &dyn Fn(&dyn Marginal, f64) -> f64| -> Vec<f64> {
        let of = |(y, marginal): (&f64, &Option<Box<dyn Marginal>>)| match marginal.as_deref().filter(|_| y.is_finite())
        {
            Some(marginal) => f(marginal, marginal.represent(*y)),
            None => f64::NAN,
        };
        test.split.target.iter().zip(&marginals).map(of).collect()
    };
    let (below, cdf) = (ends(&|m, y| m.cdf_below(y)), ends(&|m, y| m.cdf(y)));
    let transform = pit::pit(&below, &cdf, seed);
    let predicted = Predictions { marginals: &marginals, stretched_nll: None, ..*test };
    judge(&predicted, Some(dispersed_nll(dispersed, factor)), |i, _, marginal| One {
        reached: reached(transform[i]),
        covered: LEVELS.map(|level| covers(level, below[i], cdf[i])),
        interval: LEVELS.map(|level| (marginal.quantile(0.5 * (1.0 - level)), marginal.quantile(0.5 * (1.0 + level)))),
    })
}

/// NLL of each sample after the map; `None` where the components' own densities do not make up theirs.
fn mapped_nll(test: &Predictions<'_>, map: &Isotonic) -> Option<Vec<f64>> {
    if test.independent == Independence::Coupled {
        return None;
    }
    let components = test.split.cdf_below.iter().zip(&test.split.cdf);
    let gain: Vec<f64> = components.map(|(&below, &cdf)| map.log_density(below, cdf)).collect();
    // components that were not observed are NaN and have no density
    let of_sample = |(nll, gain): (&f64, &[f64])| nll - gain.iter().filter(|g| !g.is_nan()).sum::<f64>();
    Some(test.split.nll.iter().zip(gain.chunks_exact(test.split.dim.max(1))).map(of_sample).collect())
}

fn mapped(test: &Predictions<'_>, map: &Isotonic, seed: u64) -> Judged {
    let transform = test.split.pit_of_each(seed);
    let probability = LEVELS.map(|level| (map.inverse(0.5 * (1.0 - level)), map.inverse(0.5 * (1.0 + level))));
    judge(test, mapped_nll(test, map), |i, _, marginal| {
        let (below, cdf) = (map.apply(test.split.cdf_below[i]), map.apply(test.split.cdf[i]));
        One {
            reached: reached(map.apply(transform[i])),
            covered: LEVELS.map(|level| covers(level, below, cdf)),
            interval: probability.map(|(lower, upper)| (end(marginal, lower), end(marginal, upper))),
        }
    })
}

/// A quantile where probabilities of 0 and 1 are allowed.
fn end(marginal: &dyn Marginal, p: f64) -> f64 {
    if p <= 0.0 {
        f64::NEG_INFINITY
    } else if p >= 1.0 {
        f64::INFINITY
    } else {
        marginal.quantile(p)
    }
}

fn conformal(split: &SplitData, fitted: &Conformal, score: &[f64], width: &[f64]) -> Judged {
    let quantile = LEVELS.map(|level| fitted.quantile(level));
    let error = split.error();
    let column = |f: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        let value = |l: usize, i: usize| if error[i].is_nan() { f64::NAN } else { f(l, i) };
        (0..LEVELS.len()).map(|l| (0..error.len()).map(|i| value(l, i)).collect()).collect()
    };
    Judged::Intervals {
        nll: None,
        reached: score.iter().map(|&r| fitted.reached(r)).collect(),
        covered: column(&|l, i| f64::from(u8::from(score[i] <= quantile[l]))),
        winkler: column(&|l, i| winkler(LEVELS[l], -quantile[l] * width[i], quantile[l] * width[i], error[i])),
    }
}
