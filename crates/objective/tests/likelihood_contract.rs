//! What every likelihood of the registry must satisfy, on whatever it is a distribution of.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{Device, Result, Tensor, Var};
use serde_json::json;
use surprisal_core::rng;
use surprisal_objective::likelihood::{BlockValues, Coupling, Kind, Likelihood, LikelihoodConfig, Natural, Progress};

fn families() -> impl Iterator<Item = (&'static str, LikelihoodConfig)> {
    LikelihoodConfig::NAMES.iter().map(|name| (*name, serde_json::from_value(json!({ *name: {} })).unwrap()))
}

fn tensor(values: &[f64], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)
}

/// Where a family's observations lie.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Support {
    Line,
    Positive,
    Unit,
    Counts,
    Labels,
    Circle,
}

/// Found by asking which values it takes.
fn support(likelihood: &dyn Likelihood) -> Support {
    let takes = |y: f64| likelihood.check_target(y).is_ok();
    assert!(!takes(f64::NAN) && !takes(f64::INFINITY));
    match likelihood.kind() {
        Kind::Angle => Support::Circle,
        Kind::Label => Support::Labels,
        Kind::Count => Support::Counts,
        Kind::Real if takes(-1.3) => Support::Line,
        Kind::Real if takes(5.5) => Support::Positive,
        Kind::Real => Support::Unit,
    }
}

/// Observed blocks of one sample: those of every size the family has.
fn observations(likelihood: &dyn Likelihood) -> Vec<Vec<f64>> {
    let single: &[f64] = match support(likelihood) {
        Support::Line => &[1.3, -0.4, 0.0],
        Support::Positive => &[0.02, 1.3, 6.0],
        Support::Unit => &[0.03, 0.5, 0.97],
        Support::Counts => &[0.0, 1.0, 7.0],
        Support::Labels => &[0.0, 1.0],
        Support::Circle => &[1.3, -3.1, 0.0],
    };
    if likelihood.coupling() == Some(Coupling::Joint) {
        return match support(likelihood) {
            Support::Labels => vec![vec![0.0, 1.0, 0.0], vec![1.0, 0.0]],
            _ => vec![vec![0.4, -0.7], vec![0.4, -0.7, 0.2]],
        };
    }
    let mut all: Vec<Vec<f64>> = single.iter().map(|y| vec![*y]).collect();
    if likelihood.has_joint_form(3) {
        all.push(vec![0.4, -0.7, 0.2]);
    }
    all
}

/// Unconstrained numbers of a block: those of the location, then those of the other parameters.
struct Raw {
    n_location: usize,
    widths: Vec<usize>,
}

impl Raw {
    fn of(likelihood: &dyn Likelihood, block_dim: usize) -> Self {
        let widths = likelihood.parameters(block_dim).iter().map(|s| s.width).collect();
        Self { n_location: likelihood.location_width(block_dim), widths }
    }

    fn len(&self) -> usize {
        self.n_location + self.widths.iter().sum::<usize>()
    }

    /// `n` copies of the block that `raw` describes.
    fn natural(&self, likelihood: &dyn Likelihood, raw: &Tensor, block_dim: usize) -> Result<Natural> {
        let n = raw.dim(0)?;
        let location = raw.narrow(1, 0, self.n_location)?.reshape((n, 1, self.n_location))?;
        let mut column = self.n_location;
        let mut parameters = vec![];
        for spec in likelihood.parameters(block_dim) {
            let value = spec.link.apply(&raw.narrow(1, column, spec.width)?.contiguous()?)?;
            column += spec.width;
            parameters.push(if spec.width == 1 { value } else { value.reshape((n, 1, spec.width))? });
        }
        Ok(Natural { location, parameters, block_dim })
    }

    /// Reported location and parameters in their domains.
    fn values(&self, likelihood: &dyn Likelihood, raw: &[f64], block_dim: usize) -> (Vec<f64>, Vec<f64>) {
        let specs = likelihood.parameters(block_dim);
        let columns = specs.iter().flat_map(|s| std::iter::repeat_n(s, s.width));
        let parameters = columns.zip(&raw[self.n_location..]).map(|(spec, raw)| spec.link.value(*raw)).collect();
        (likelihood.location(&raw[..self.n_location]), parameters)
    }
}

/// The loss (NLL plus regulariser) of one block at unconstrained numbers, and its gradient.
fn loss_at(likelihood: &dyn Likelihood, raw: &[f64], y: &[f64]) -> Result<(f64, Vec<f64>)> {
    let variable = Var::from_tensor(&tensor(raw, &[1, raw.len()])?)?;
    let natural = Raw::of(likelihood, y.len()).natural(likelihood, variable.as_tensor(), y.len())?;
    let y = tensor(y, &[1, 1, y.len()])?;
    let mut value = likelihood.nll(&natural, &y)?;
    assert_eq!(value.dims(), [1, 1]);
    if let Some(regularizer) = likelihood.regularizer(&natural, &y)? {
        value = (value + regularizer)?;
    }
    let value = value.sum_all()?;
    let gradient = value.backward()?.get(&variable).unwrap().flatten_all()?.to_vec1::<f64>()?;
    Ok((value.to_scalar()?, gradient))
}

/// e^{−nll} at many observations of one component.
fn density(likelihood: &dyn Likelihood, raw: &[f64], y: &[f64]) -> Result<Vec<f64>> {
    let shape = Raw::of(likelihood, 1);
    let rows = tensor(&raw.repeat(y.len()), &[y.len(), raw.len()])?;
    let nll = likelihood.nll(&shape.natural(likelihood, &rows, 1)?, &tensor(y, &[y.len(), 1, 1])?)?;
    Ok(nll.flatten_all()?.to_vec1::<f64>()?.into_iter().map(|nll| (-nll).exp()).collect())
}

/// Nodes and weights whose sums are integrals over the support (sums, for counts and labels).
fn nodes(support: Support) -> Vec<(f64, f64)> {
    let grid = |n: usize, end: f64| {
        let step = 2.0 * end / (n - 1) as f64;
        (0..n).map(move |i| (-end + step * i as f64, step))
    };
    match support {
        // y = sinh u, y = e^u and y = σ(u) reach far tails with a uniform grid in u, on which the
        // trapezium rule is exact up to the kinks of a density
        Support::Line => grid(20_001, 25.0).map(|(u, h)| (u.sinh(), u.cosh() * h)).collect(),
        Support::Positive => grid(20_001, 60.0).map(|(u, h)| (u.exp(), u.exp() * h)).collect(),
        Support::Unit => grid(20_001, 36.0)
            .map(|(u, h)| (1.0 / (1.0 + (-u).exp()), h / ((1.0 + (-u).exp()) * (1.0 + u.exp()))))
            .collect(),
        Support::Counts => (0..60_000).map(|k| (f64::from(k), 1.0)).collect(),
        Support::Labels => vec![(0.0, 1.0), (1.0, 1.0)],
        Support::Circle => {
            let n = 20_000;
            let step = std::f64::consts::TAU / f64::from(n);
            (0..n).map(|i| (-std::f64::consts::PI + (f64::from(i) + 0.5) * step, step)).collect()
        }
    }
}

/// Unconstrained numbers that differ from each other.
fn spread(n: usize, around: f64) -> Vec<f64> {
    (0..n).map(|i| around + 0.1 * i as f64 * if i % 2 == 0 { 1.0 } else { -1.0 }).collect()
}

fn scalar_families() -> impl Iterator<Item = (&'static str, LikelihoodConfig)> {
    families().filter(|(_, config)| config.get().coupling() != Some(Coupling::Joint))
}

#[test]
fn gradients_are_central_differences() -> Result<()> {
    for (name, config) in families() {
        for y in observations(config.get()) {
            for around in [-3.0, 0.3, 2.0] {
                let raw = spread(Raw::of(config.get(), y.len()).len(), around);
                let (_, gradient) = loss_at(config.get(), &raw, &y)?;
                for i in 0..raw.len() {
                    let along = |step: f64| {
                        let mut moved = raw.clone();
                        moved[i] += step;
                        loss_at(config.get(), &moved, &y).map(|(value, _)| value)
                    };
                    let h = 1e-3;
                    let numeric =
                        (along(-2.0 * h)? - 8.0 * along(-h)? + 8.0 * along(h)? - along(2.0 * h)?) / (12.0 * h);
                    assert!(
                        (gradient[i] - numeric).abs() < 1e-7 * (1.0 + numeric.abs()),
                        "{name} {i} of {raw:?}, y {y:?}: {} {numeric}",
                        gradient[i]
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_value_of_the_data_is_located_where_it_is() {
    let linked: Vec<_> = families()
        .filter(|(name, family)| {
            let likelihood = family.get();
            let Some(link) = likelihood.location_link() else { return false };
            for y in match support(likelihood) {
                Support::Line | Support::Circle => [-1.3, 0.4, 2.9],
                Support::Positive | Support::Counts => [0.02, 1.3, 6.0],
                Support::Unit | Support::Labels => [0.03, 0.5, 0.97],
            } {
                let mut raw = vec![];
                link.apply(y, 1e-6, &mut raw);
                let location = likelihood.location(&raw);
                assert!(location.len() == 1 && (location[0] - y).abs() < 1e-14 * (1.0 + y.abs()), "{name}: {y}");
                // a joint family is located component by component
                assert!(likelihood.location_width(3) == 3 * link.width(), "{name}");
            }
            true
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(LikelihoodConfig::NAMES.len() - linked.len(), 2, "a mixture and classes alone: {linked:?}");
}

#[test]
fn surrogates_have_finite_gradients_and_do_not_change_the_nll() -> Result<()> {
    for options in [
        json!({"gaussian": {"beta_nll": 0.5}}),
        json!({"gaussian": {"faithful": true}}),
        json!({"gaussian": {"mean_warmup_epochs": 3}}),
    ] {
        let config: LikelihoodConfig = serde_json::from_value(options).unwrap();
        let raw = Var::from_tensor(&tensor(&[0.3, -0.8], &[1, 2])?)?;
        let natural = Raw::of(config.get(), 1).natural(config.get(), raw.as_tensor(), 1)?;
        let y = tensor(&[1.1], &[1, 1, 1])?;
        let surrogate = config.get().surrogate(&natural, &y, Progress { epoch: 0 })?.unwrap();
        let gradient = surrogate.sum_all()?.backward()?.get(&raw).unwrap().flatten_all()?.to_vec1::<f64>()?;
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }
    Ok(())
}

#[test]
fn densities_integrate_to_one_and_are_those_of_the_marginals() -> Result<()> {
    for (name, config) in scalar_families() {
        let nodes = nodes(support(config.get()));
        let (y, weight): (Vec<f64>, Vec<f64>) = nodes.into_iter().unzip();
        for around in [-0.6, 0.4] {
            let shape = Raw::of(config.get(), 1);
            // a beta density with less precision has mass nearer to 1 than numbers lie
            let around = if support(config.get()) == Support::Unit { around + 2.0 } else { around };
            let raw = spread(shape.len(), around);
            let density = density(config.get(), &raw, &y)?;
            let mass: f64 = density.iter().zip(&weight).map(|(d, w)| d * w).sum();
            // the kink of the Laplace density costs the trapezium rule step²
            assert!((mass - 1.0).abs() < 1e-5, "{name}: {mass}");

            let (location, parameters) = shape.values(config.get(), &raw, 1);
            let values = BlockValues { location: &location, parameters: &parameters, block_dim: 1 };
            let marginal = config.get().marginal(&values, 0);
            let represented: Vec<f64> = y.iter().map(|y| marginal.represent(*y)).collect();
            for p in [0.1, 0.5, 0.9] {
                let c = marginal.quantile(p);
                // half of the node at the bound, where there is one: the rule's own
                let below: f64 = (0..y.len()).filter(|&i| represented[i] <= c).map(|i| density[i] * weight[i]).sum();
                let discrete = marginal.cdf_below(c) < marginal.cdf(c);
                let slack = if discrete { 1e-9 } else { 3e-3 };
                assert!((below - marginal.cdf(c)).abs() < slack, "{name} at {c}: {below} {}", marginal.cdf(c));
            }
            let natural = shape.natural(config.get(), &tensor(&raw, &[1, raw.len()])?, 1)?;
            let mean = config.get().mean(&natural)?.flatten_all()?.to_vec1::<f64>()?;
            assert!((mean[0] - marginal.mean()).abs() < 1e-9 * (1.0 + mean[0].abs()), "{name}: {mean:?}");
        }
    }
    Ok(())
}

#[test]
fn vector_densities_integrate_to_one_and_have_their_marginals() -> Result<()> {
    for (name, config) in families().filter(|(_, c)| c.get().coupling() == Some(Coupling::Joint)) {
        if config.get().kind() == Kind::Label {
            let raw = [0.3, -1.0, 0.6];
            let mass: f64 = (0..3)
                .map(|class| {
                    let y: Vec<f64> = (0..3).map(|k| f64::from(u8::from(k == class))).collect();
                    let shape = Raw::of(config.get(), 3);
                    let natural = shape.natural(config.get(), &tensor(&raw, &[1, 3])?, 3)?;
                    let nll = config.get().nll(&natural, &tensor(&y, &[1, 1, 3])?)?;
                    Ok((-nll.flatten_all()?.to_vec1::<f64>()?[0]).exp())
                })
                .sum::<Result<f64>>()?;
            assert!((mass - 1.0).abs() < 1e-14, "{name}: {mass}");
            continue;
        }
        let shape = Raw::of(config.get(), 2);
        let raw = spread(shape.len(), 0.4);
        let (n, end) = (301, 9.0);
        let step = 2.0 * end / (n - 1) as f64;
        let node = |i: usize| {
            let u = -end + step * i as f64;
            (u.sinh(), u.cosh() * step)
        };
        let y: Vec<f64> = (0..n * n).flat_map(|i| [node(i / n).0, node(i % n).0]).collect();
        let rows = tensor(&raw.repeat(n * n), &[n * n, raw.len()])?;
        let natural = shape.natural(config.get(), &rows, 2)?;
        let nll = config.get().nll(&natural, &tensor(&y, &[n * n, 1, 2])?)?.flatten_all()?.to_vec1::<f64>()?;
        let mass = |i: usize| (-nll[i]).exp() * node(i / n).1 * node(i % n).1;
        let total: f64 = (0..n * n).map(mass).sum();
        assert!((total - 1.0).abs() < 1e-4, "{name}: {total}");
        let (location, parameters) = shape.values(config.get(), &raw, 2);
        let values = BlockValues { location: &location, parameters: &parameters, block_dim: 2 };
        for component in 0..2 {
            let marginal = config.get().marginal(&values, component);
            for p in [0.1, 0.5, 0.9] {
                let c = marginal.quantile(p);
                let inside = (0..n * n).filter(|i| y[2 * i + component] <= c);
                let below: f64 = inside.map(mass).sum();
                assert!((below - p).abs() < 0.03, "{name} {component}: {below} {p}");
            }
        }
    }
    Ok(())
}

#[test]
fn turning_densities_integrate_to_one_and_have_their_marginals() -> Result<()> {
    for (name, config) in scalar_families().filter(|(_, c)| c.get().has_joint_form(3)) {
        let specs = config.get().parameters(3);
        let parameters: Vec<f64> = specs.iter().map(|s| s.link.value(0.4)).collect();
        // P(r < R) by shells 4πr²; the marginal's P(|y₁| < c) by the share of each shell inside
        let (n, end) = (40_001, 18.0);
        let step = 2.0 * end / (n - 1) as f64;
        let r: Vec<f64> = (0..n).map(|i| (-end + step * i as f64).exp()).collect();
        let y: Vec<f64> = r.iter().flat_map(|r| [*r, 0.0, 0.0]).collect();
        let natural = Natural {
            location: Tensor::zeros((n, 1, 3), candle_core::DType::F64, &Device::Cpu)?,
            parameters: parameters.iter().map(|p| Tensor::full(*p, (n, 1), &Device::Cpu)).collect::<Result<_>>()?,
            block_dim: 3,
        };
        let nll = config.get().nll(&natural, &tensor(&y, &[n, 1, 3])?)?.flatten_all()?.to_vec1::<f64>()?;
        let shell = |i: usize| (-nll[i]).exp() * 4.0 * std::f64::consts::PI * r[i].powi(3) * step;
        let mass: f64 = (0..n).map(shell).sum();
        assert!((mass - 1.0).abs() < 1e-6, "{name}: {mass}");
        let values = BlockValues { location: &[0.0; 3], parameters: &parameters, block_dim: 3 };
        let marginal = config.get().marginal(&values, 0);
        for c in [0.3, 1.0, 4.0] {
            // the first component is uniform on a sphere: P(|y₁| < c) = min(c/r, 1)
            let inside: f64 = (0..n).map(|i| shell(i) * (c / r[i]).min(1.0)).sum();
            let expected = marginal.cdf(c) - marginal.cdf(-c);
            assert!((inside - expected).abs() < 1e-5, "{name}, {c}: {inside} {expected}");
        }
    }
    Ok(())
}

#[test]
fn extreme_raw_outputs_give_finite_losses_and_gradients() -> Result<()> {
    for (name, config) in families() {
        for y in observations(config.get()) {
            let n = Raw::of(config.get(), y.len()).len();
            // all corners where there are few, else a seeded sample of them
            let mut stream = rng::stream(3, "corners", n as u64);
            let corners: Vec<usize> = if n <= 7 {
                (0..1 << n).collect()
            } else {
                (0..200).map(|_| (rng::uniform(&mut stream) * (1u64 << n) as f64) as usize).collect()
            };
            for corner in corners {
                let raw: Vec<f64> = (0..n).map(|i| if corner >> i & 1 == 1 { 50.0 } else { -50.0 }).collect();
                let (value, gradient) = loss_at(config.get(), &raw, &y)?;
                assert!(
                    value.is_finite() && gradient.iter().all(|g| g.is_finite()),
                    "{name} {raw:?} {y:?}: {value} {gradient:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn quantiles_invert_distribution_functions_and_draws_follow_them() {
    for (name, config) in families() {
        for y in observations(config.get()) {
            let shape = Raw::of(config.get(), y.len());
            for around in [-2.0, 0.0, 1.5] {
                let raw = spread(shape.len(), around);
                let (location, parameters) = shape.values(config.get(), &raw, y.len());
                let values = BlockValues { location: &location, parameters: &parameters, block_dim: y.len() };
                let mut stream = rng::stream(5, name, 0);
                let draws: Vec<Vec<f64>> = (0..4000).map(|_| config.get().sample(&values, &mut stream)).collect();
                for component in 0..y.len() {
                    let marginal = config.get().marginal(&values, component);
                    for p in [1e-4, 0.03, 0.4, 0.5, 0.77, 0.999] {
                        let q = marginal.quantile(p);
                        if support(config.get()) == Support::Unit && q == 1.0 {
                            continue; // rounded: the number itself has no neighbour above
                        }
                        let (below, at) = (marginal.cdf_below(q), marginal.cdf(q));
                        let found = if below < at { p.clamp(below, at) } else { at };
                        assert!((found - p).abs() < 1e-11, "{name} {values:?}: {p} {below} {at}");
                    }
                    assert!(marginal.crps(marginal.quantile(0.5)) <= marginal.crps(marginal.quantile(0.99)) + 1e-12);
                    // the transform of the draws is uniform: mean ½ ± 5 standard errors
                    let transform = draws.iter().map(|d| {
                        let y = marginal.represent(d[component]);
                        0.5 * (marginal.cdf_below(y) + marginal.cdf(y))
                    });
                    let mean = transform.sum::<f64>() / draws.len() as f64;
                    assert!(
                        (mean - 0.5).abs() < 5.0 / (12.0 * draws.len() as f64).sqrt(),
                        "{name} {component}: {mean}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_joint_density_does_not_change_when_the_residual_is_turned() -> Result<()> {
    // a rotation by 0.8 about (1, 2, 2)/3 (Rodrigues), applied to prediction and observation
    let (sin, cos) = 0.8f64.sin_cos();
    let axis = [1.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0];
    let turn = |v: [f64; 3]| -> Vec<f64> {
        let along: f64 = (0..3).map(|i| axis[i] * v[i]).sum();
        (0..3)
            .map(|i| {
                let (j, k) = ((i + 1) % 3, (i + 2) % 3);
                v[i] * cos + (axis[j] * v[k] - axis[k] * v[j]) * sin + axis[i] * along * (1.0 - cos)
            })
            .collect()
    };
    for (name, config) in scalar_families().filter(|(_, c)| c.get().has_joint_form(3)) {
        let raw = vec![0.2; config.get().parameters(3).len()];
        let (location, y) = ([0.3, -1.0, 0.4], [1.0, 0.5, -0.2]);
        let (before, _) = loss_at(config.get(), &[location.to_vec(), raw.clone()].concat(), &y)?;
        let (after, _) = loss_at(config.get(), &[turn(location), raw].concat(), &turn(y))?;
        assert!((before - after).abs() < 1e-13 * (1.0 + before.abs()), "{name}: {before} {after}");
    }
    Ok(())
}

#[test]
fn a_normal_inverse_gamma_is_a_student_t_and_flat_along_one_line() -> Result<()> {
    let family = |name: &str| families().find(|(n, _)| *n == name).map(|(_, config)| config).unwrap();
    let (nig, t) = (family("normal_inverse_gamma"), family("student_t"));
    let y = tensor(&[0.4, -0.7, 0.2], &[1, 1, 3])?;
    let nll = |config: &LikelihoodConfig, parameters: &[f64]| -> Result<f64> {
        let natural = Natural {
            location: y.zeros_like()?,
            parameters: parameters.iter().map(|p| tensor(&[*p], &[1, 1])).collect::<Result<_>>()?,
            block_dim: 3,
        };
        Ok(config.get().nll(&natural, &y)?.flatten_all()?.to_vec1::<f64>()?[0])
    };
    let (alpha, beta) = (2.3, 0.9);
    let at = |nu: f64| nll(&nig, &[nu, alpha, beta * nu / (1.0 + nu)]);
    let same = nll(&t, &[(beta / alpha).sqrt(), 2.0 * alpha])?;
    for nu in [0.1, 1.0, 30.0] {
        assert!((at(nu)? - same).abs() < 1e-13, "{nu}");
    }
    Ok(())
}
