//! What every likelihood of the registry must satisfy.

#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use candle_core::{Device, Result, Tensor, Var};
use serde_json::json;
use surprisal_objective::likelihood::{Likelihood, LikelihoodConfig, Natural};

fn families() -> impl Iterator<Item = (&'static str, LikelihoodConfig)> {
    LikelihoodConfig::NAMES.iter().map(|name| (*name, serde_json::from_value(json!({ *name: {} })).unwrap()))
}

fn tensor(values: &[f64], shape: &[usize]) -> Result<Tensor> {
    Tensor::from_slice(values, shape, &Device::Cpu)
}

/// The loss (NLL plus regulariser) of one block from location and raw parameters, as variables.
fn loss(likelihood: &dyn Likelihood, location: &Tensor, raw: &[Tensor], y: &[f64]) -> Result<Tensor> {
    let parameters = likelihood.parameters();
    let natural = Natural {
        location: location.reshape((1, 1, y.len()))?,
        parameters: parameters.iter().zip(raw).map(|(spec, raw)| spec.link.apply(raw)).collect::<Result<_>>()?,
    };
    let y = tensor(y, &[1, 1, y.len()])?;
    let nll = likelihood.nll(&natural, &y)?;
    match likelihood.regularizer(&natural, &y)? {
        Some(regularizer) => nll + regularizer,
        None => Ok(nll),
    }
}

/// The same at plain numbers (locations first), and its gradient.
fn loss_at(likelihood: &dyn Likelihood, values: &[f64], y: &[f64]) -> Result<(f64, Vec<f64>)> {
    let m = y.len();
    let location = Var::from_tensor(&tensor(&values[..m], &[m])?)?;
    let raw = values[m..].iter().map(|r| Var::from_tensor(&tensor(&[*r], &[1, 1])?)).collect::<Result<Vec<_>>>()?;
    let tensors: Vec<Tensor> = raw.iter().map(|r| r.as_tensor().clone()).collect();
    let value = loss(likelihood, &location, &tensors, y)?.sum_all()?;
    let gradients = value.backward()?;
    let mut gradient = gradients.get(&location).unwrap().to_vec1::<f64>()?;
    for raw in &raw {
        gradient.extend(gradients.get(raw).unwrap().flatten_all()?.to_vec1::<f64>()?);
    }
    Ok((value.to_scalar()?, gradient))
}

#[test]
fn gradients_are_central_differences() -> Result<()> {
    for (name, config) in families() {
        let n_parameters = config.get().parameters().len();
        for y in [vec![1.3], vec![0.4, -0.7, 0.2]] {
            for raw in [-3.0, 0.3, 2.0] {
                let mut values: Vec<f64> = (0..y.len()).map(|i| 0.2 - 0.3 * i as f64).collect();
                values.extend((0..n_parameters).map(|i| raw + 0.1 * i as f64));
                let (_, gradient) = loss_at(config.get(), &values, &y)?;
                for i in 0..values.len() {
                    let along = |step: f64| {
                        let mut moved = values.clone();
                        moved[i] += step;
                        loss_at(config.get(), &moved, &y).map(|(value, _)| value)
                    };
                    let h = 1e-3;
                    let numeric =
                        (along(-2.0 * h)? - 8.0 * along(-h)? + 8.0 * along(h)? - along(2.0 * h)?) / (12.0 * h);
                    let scale = 1.0 + numeric.abs();
                    assert!(
                        (gradient[i] - numeric).abs() < 1e-7 * scale,
                        "{name} {i}, raw {raw}: {} {numeric}",
                        gradient[i]
                    );
                }
            }
        }
    }
    Ok(())
}

#[test]
fn densities_integrate_to_one() -> Result<()> {
    for (name, config) in families() {
        let raw = vec![0.4; config.get().parameters().len()];
        let parameters: Vec<f64> = config.get().parameters().iter().zip(&raw).map(|(s, r)| s.link.value(*r)).collect();
        // y = sinh(u) reaches far tails with a uniform grid in u; the trapezium rule is then exact
        let (n, end) = (20_001, 25.0);
        let step = 2.0 * end / (n - 1) as f64;
        let u: Vec<f64> = (0..n).map(|i| -end + step * i as f64).collect();
        let y: Vec<f64> = u.iter().map(|u| u.sinh()).collect();
        let natural = Natural {
            location: Tensor::zeros((n, 1, 1), candle_core::DType::F64, &Device::Cpu)?,
            parameters: parameters.iter().map(|p| Tensor::full(*p, (n, 1), &Device::Cpu)).collect::<Result<_>>()?,
        };
        let nll = config.get().nll(&natural, &tensor(&y, &[n, 1, 1])?)?.flatten_all()?.to_vec1::<f64>()?;
        let mass: f64 = nll.iter().zip(&u).map(|(nll, u)| (-nll).exp() * u.cosh() * step).sum();
        // the kink of the Laplace density costs the trapezium rule step²
        assert!((mass - 1.0).abs() < 1e-5, "{name}: {mass}");
    }
    Ok(())
}

#[test]
fn joint_densities_integrate_to_one_and_have_their_marginals() -> Result<()> {
    for (name, config) in families() {
        let specs = config.get().parameters();
        let parameters: Vec<f64> = specs.iter().map(|s| s.link.value(0.4)).collect();
        // P(r < R) by shells 4πr²; the marginal's P(|y₁| < c) by the share of each shell inside
        let (n, end) = (40_001, 18.0);
        let step = 2.0 * end / (n - 1) as f64;
        let r: Vec<f64> = (0..n).map(|i| (-end + step * i as f64).exp()).collect();
        let y: Vec<f64> = r.iter().flat_map(|r| [*r, 0.0, 0.0]).collect();
        let natural = Natural {
            location: Tensor::zeros((n, 1, 3), candle_core::DType::F64, &Device::Cpu)?,
            parameters: parameters.iter().map(|p| Tensor::full(*p, (n, 1), &Device::Cpu)).collect::<Result<_>>()?,
        };
        let nll = config.get().nll(&natural, &tensor(&y, &[n, 1, 3])?)?.flatten_all()?.to_vec1::<f64>()?;
        let shell = |i: usize| (-nll[i]).exp() * 4.0 * std::f64::consts::PI * r[i].powi(3) * step;
        let mass: f64 = (0..n).map(shell).sum();
        assert!((mass - 1.0).abs() < 1e-6, "{name}: {mass}");
        let marginal = config.get().marginal(&[vec![0.0], parameters.clone()].concat(), 3);
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
        let n = config.get().parameters().len();
        for corner in 0..1usize << n {
            for y in [vec![0.2], vec![30.0], vec![0.0, 0.0, 0.0], vec![3.0, -8.0, 1.0]] {
                let mut values = vec![0.0; y.len()];
                values.extend((0..n).map(|i| if corner >> i & 1 == 1 { 50.0 } else { -50.0 }));
                let (value, gradient) = loss_at(config.get(), &values, &y)?;
                assert!(
                    value.is_finite() && gradient.iter().all(|g| g.is_finite()),
                    "{name} {values:?}: {value} {gradient:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn quantiles_invert_distribution_functions() {
    for (name, config) in families() {
        for raw in [-4.0, 0.0, 3.0] {
            for block_dim in [1, 3] {
                let parameters = config.get().parameters();
                let natural: Vec<f64> =
                    std::iter::once(0.7).chain(parameters.iter().map(|s| s.link.value(raw))).collect();
                let marginal = config.get().marginal(&natural, block_dim);
                for p in [1e-4, 0.03, 0.4, 0.5, 0.77, 0.999] {
                    let back = marginal.cdf(marginal.quantile(p));
                    assert!((back - p).abs() < 1e-12, "{name} {natural:?}: {p} {back}");
                }
                assert!(marginal.crps(0.7) <= marginal.crps(2.0), "{name} {natural:?}");
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
    for (name, config) in families() {
        let raw = vec![0.2; config.get().parameters().len()];
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
