//! The friction of a Hamiltonian field, in the data's units, with its interval.

use surprisal_core::records::Trajectory;
use surprisal_core::rng::{standard_normal, stream};
use surprisal_train::Predictor;
use surprisal_train::predictor::Interpretable;

use crate::intervals::{HESSIAN, intervals, minimized, of};
use crate::setup::{Loss, constant_gaussian, differential_equation};

/// Of p = m dq/dt and dp/dt = −k q − c dq/dt.
const MASS: f64 = 2.0;
const FRICTION: f64 = 0.6;

/// Oscillators with small noise, q in some unit of length and p in that of mass times velocity.
fn damped(n: u32) -> Vec<Trajectory> {
    let mut noise = stream(3, "friction", 0);
    let (gamma, omega) = (0.5 * FRICTION / MASS, 1.1);
    (0..n)
        .map(|k| {
            let times: Vec<f64> = (0..14).map(|i| 0.4 * f64::from(i)).collect();
            let mut at = |t: f64| {
                let (size, angle) = (5.0 * (1.0 + 0.1 * f64::from(k)) * (-gamma * t).exp(), omega * t + f64::from(k));
                let (q, velocity) = (size * angle.cos(), -size * (gamma * angle.cos() + omega * angle.sin()));
                vec![q + 0.02 * standard_normal(&mut noise), MASS * velocity + 0.02 * standard_normal(&mut noise)]
            };
            Trajectory {
                id: k.to_string(),
                observed: times.iter().map(|&t| at(t)).collect(),
                inputs: vec![vec![]; times.len()],
                lines: (2..2 + times.len()).collect(),
                n_given: 0,
                times,
            }
        })
        .collect()
}

#[test]
fn friction_has_its_value_and_its_interval_under_the_name_of_its_position() {
    let config = serde_json::from_str(
        r#"{ "field": { "hamiltonian": { "hidden": [8], "dissipation": true } },
             "solver": { "tsit5": { "rtol": 1e-7, "atol": 1e-8 } } }"#,
    )
    .unwrap();
    let loss = Loss::mean(constant_gaussian());
    let setup = minimized(differential_equation(&config, &["q", "p"], &[], &damped(8), &loss, 1));
    let known = setup.predictor.interpretable();
    assert_eq!(known, [Interpretable { tensor: "log_friction.0".into(), name: "friction.q".into() }]);
    let named = setup.predictor.named_values().unwrap();
    assert_eq!((named.len(), named[0].name.as_str()), (1, "friction.q"));
    let found = intervals(&setup, &HESSIAN);
    let friction = of(&found, "friction.q");
    let (value, error) = (friction.values[0], friction.standard_error[0]);
    assert_eq!(named[0].values, friction.values);
    assert!((value - FRICTION).abs() < 0.02 && error > 1e-4 && error < 0.02, "{value} ± {error}");
    assert!(friction.lower[0] < value && value < friction.upper[0] && friction.lower[0] > 0.0, "{friction:?}");
}
