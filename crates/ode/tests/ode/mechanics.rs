//! Hamiltonian, Lagrangian and second-order fields: products, solvers, energies, known systems, and
//! an independent code.

use serde::Deserialize;
use surprisal_core::rng;
use surprisal_ode::{
    Activation, BuildField, Esdirk3, HamiltonianField, LagrangianField, Leapfrog, Rk4, SecondOrderField, Solver, Tsit5,
    Units, VectorField, Velocities, solve,
};

use crate::{field_contract, fixed_steps, gradient, lanes, reference};

fn draw(index: u64, n: usize, scale: f64) -> Vec<f64> {
    let mut source = rng::stream(21, "mechanics", index);
    (0..n).map(|_| scale * rng::standard_normal(&mut source)).collect()
}

/// Every kind of mechanical field of `m` positions.
fn mechanical(m: usize, hidden: &[usize], activation: Activation) -> Vec<(String, Box<dyn VectorField>)> {
    let hidden = hidden.to_vec();
    // a unit of its own for every column
    let units = Units { columns: (0..2 * m).map(|i| 0.5 + 0.4 * i as f64).collect(), time: 1.7 };
    let mut fields = vec![];
    for dissipation in [false, true] {
        for separable in [false, true] {
            let config = HamiltonianField { hidden: hidden.clone(), activation, separable, dissipation };
            fields.push((format!("{config:?}"), config.build_in(&units)));
        }
        let velocities = if dissipation { Velocities::Measured } else { Velocities::Hidden };
        let units = match velocities {
            Velocities::Measured => units.clone(),
            Velocities::Hidden => Units { columns: units.columns[..m].to_vec(), time: units.time },
        };
        let config = LagrangianField { hidden: hidden.clone(), activation, dissipation, velocities };
        fields.push((format!("{config:?}"), config.build_in(&units)));
        let (time_input, velocity_input) = (dissipation, !dissipation);
        let config = SecondOrderField {
            hidden: hidden.clone(),
            activation,
            time_input,
            velocity_input,
            velocities,
            ..SecondOrderField::default()
        };
        fields.push((format!("{config:?}"), config.build_in(&units)));
    }
    fields
}

#[test]
fn products_are_those_of_the_values() {
    for activation in Activation::ALL {
        for m in 1..=3 {
            for hidden in [vec![], vec![5], vec![4, 6]] {
                for (name, field) in mechanical(m, &hidden, activation) {
                    assert_eq!(field.dim(), 2 * m, "{name}");
                    let (parameters, y) = (draw(7, field.n_parameters(), 0.4), draw(8, 2 * m, 0.7));
                    field_contract::contract_at(&name, field.as_ref(), &parameters, &y);
                }
            }
        }
    }
}

#[test]
fn eight_lanes_are_eight_evaluations() {
    for activation in Activation::ALL {
        for m in 1..=3 {
            for hidden in [vec![], vec![5], vec![9, 6]] {
                for (name, field) in mechanical(m, &hidden, activation) {
                    let parameters = draw(6, field.n_parameters(), 0.4);
                    lanes::single_evaluations(&name, field.as_ref(), &parameters, 1e-11);
                }
            }
        }
    }
}

#[test]
fn eight_lanes_are_eight_trajectories() {
    for (name, field) in mechanical(2, &[7, 5], Activation::Tanh) {
        let parameters = draw(9, field.n_parameters(), 0.4);
        let problems: Vec<surprisal_ode::Problem> = (0..13)
            .map(|p| surprisal_ode::Problem {
                y0: draw(40 + p, 4, 0.5),
                times: (0..1 + (5 * p) % 7).map(|k| 0.1 * p as f64 + 0.3 * k as f64).collect(),
            })
            .collect();
        lanes::compare(&name, field.as_ref(), &parameters, &problems, &Tsit5::new(1e-6, 1e-8));
    }
}

#[test]
fn gradients_of_adaptive_steps() {
    for (name, field) in mechanical(2, &[5], Activation::Tanh) {
        let parameters = draw(1, field.n_parameters(), 0.5);
        gradient::check(&name, field.as_ref(), &parameters, &[0.5, -0.2, 0.1, 0.4], &[0.0, 0.3, 1.0, 2.0]);
    }
}

#[test]
fn gradients_of_fixed_steps() {
    let y0 = |k: usize| vec![0.4, -0.3 + 0.1 * k as f64, 0.2, 0.1];
    for (name, field) in mechanical(2, &[4], Activation::Softplus) {
        let parameters = draw(2, field.n_parameters(), 0.5);
        for solver in [&Rk4 { step: 0.1 } as &dyn Solver, &Leapfrog { step: 0.1 }] {
            fixed_steps::check(&name, solver, field.as_ref(), &parameters, &fixed_steps::problems(3, y0), 0);
        }
    }
}

/// All solvers go to the same place.
#[test]
fn solvers_agree() {
    for (name, field) in mechanical(2, &[5], Activation::Tanh) {
        let parameters = draw(3, field.n_parameters(), 0.5);
        let problem = [surprisal_ode::Problem { y0: vec![0.5, -0.2, 0.1, 0.4], times: vec![0.0, 1.0] }];
        let end = |solver: &dyn Solver| {
            let batch = solver.solve_many(field.as_ref(), &parameters, &problem);
            batch.trajectories[0].as_ref().unwrap_or_else(|e| panic!("{name}: {e}")).states[4..].to_vec()
        };
        let exact = end(&Tsit5::new(1e-11, 1e-12));
        let esdirk: Esdirk3 = serde_json::from_str(r#"{"rtol": 1e-7, "atol": 1e-9}"#).unwrap();
        for (solver, tolerance) in
            [(&Rk4 { step: 0.01 } as &dyn Solver, 1e-8), (&Leapfrog { step: 0.002 }, 5e-3), (&esdirk, 1e-5)]
        {
            let error = reference::distance(&end(solver), &exact);
            assert!(error < tolerance, "{name}: {error:e}");
        }
    }
}

/// dE/dt = ∇E·f is 0 without friction, and below 0 with it.
#[test]
fn energy_is_kept_or_lost() {
    for (name, field) in mechanical(3, &[7], Activation::Tanh) {
        let Some(energy) = field.energy() else {
            assert!(name.contains("SecondOrder"));
            continue;
        };
        let parameters = draw(4, field.n_parameters(), 0.6);
        for k in 0..5 {
            let y = draw(10 + k, 6, 1.0);
            let (mut dy, mut tape) = (vec![0.0; 6], vec![0.0; field.tape_len()]);
            field.rhs(&parameters, 0.0, &y, &mut dy, &mut tape);
            let (mut y_bar, mut parameter_bar) = (vec![0.0; 6], vec![0.0; parameters.len()]);
            energy.pull_back(&parameters, &y, 2.0, &mut y_bar, &mut parameter_bar);
            let rate: f64 = y_bar.iter().zip(&dy).map(|(e, f)| 0.5 * e * f).sum();
            let size: f64 = y_bar.iter().zip(&dy).map(|(e, f)| (0.5 * e * f).abs()).sum();
            if name.contains("dissipation: true") {
                assert!(rate < -1e-6, "{name}: {rate}");
            } else {
                assert!(rate.abs() < 1e-13 * (1.0 + size), "{name}: {rate:e}");
            }
            let h = 1e-5;
            let value = |i: usize, h: f64| {
                let (mut parameters, mut y) = (parameters.clone(), y.clone());
                if i < 6 {
                    y[i] += h
                } else {
                    parameters[i - 6] += h
                }
                energy.value(&parameters, &y)
            };
            for (i, bar) in y_bar.iter().chain(&parameter_bar).enumerate() {
                let difference = 2.0 * (value(i, h) - value(i, -h)) / (2.0 * h);
                assert!((bar - difference).abs() < 1e-8 * (1.0 + bar.abs()), "{name} {i}: {bar} {difference}");
            }
        }
    }
}

/// A trajectory keeps the energy to the solver's error; leapfrog keeps it for long where it is separable.
#[test]
fn trajectories_keep_the_energy() {
    let field = HamiltonianField { hidden: vec![6], separable: true, ..HamiltonianField::default() }.build(2);
    let (energy, parameters) = (field.energy().unwrap(), draw(5, field.n_parameters(), 1.0));
    let times: Vec<f64> = (0..=100).map(f64::from).collect();
    let drift = |states: &[f64]| {
        let first = energy.value(&parameters, &states[..2]);
        states.chunks(2).map(|y| (energy.value(&parameters, y) - first).abs()).fold(0.0, f64::max)
    };
    let precise = solve(field.as_ref(), &parameters, &[0.3, 0.2], &times, &Tsit5::new(1e-11, 1e-12)).unwrap();
    assert!(drift(&precise.states) < 1e-8, "{}", drift(&precise.states));
    let moved = reference::distance(&precise.states[..2], &precise.states[40..42]);
    assert!(moved > 0.01, "it goes somewhere: {moved}");
    let problem = [surprisal_ode::Problem { y0: vec![0.3, 0.2], times }];
    let states = |solver: &dyn Solver| {
        let batch = solver.solve_many(field.as_ref(), &parameters, &problem);
        batch.trajectories[0].as_ref().unwrap().states.clone()
    };
    assert!(drift(&states(&Leapfrog { step: 0.02 })) < 2e-3);
}

/// A linear network of one position: Λ = ln(1 + (e − 1)e^{a + bx}), V = c + fx, and ẍ = −(½M′ẋ² + f + dẋ)/M.
#[test]
fn one_position_with_known_inertia() {
    let field = LagrangianField { hidden: vec![], dissipation: true, ..LagrangianField::default() }.build(2);
    let (b, f, a, c, d) = (0.7, -1.3, 0.2, 5.0, 0.4_f64);
    let parameters = [b, f, a, c, d.ln()];
    let (x, w) = (0.6, -1.1);
    let (mut dy, mut tape) = (vec![0.0; 2], vec![0.0; field.tape_len()]);
    field.rhs(&parameters, 0.0, &[x, w], &mut dy, &mut tape);
    let z = (1f64.exp() - 1.0) * (a + b * x).exp();
    let (lambda, slope) = (z.ln_1p(), z / (1.0 + z) * b);
    let expected = -(lambda * slope * w * w + f + d * w) / (lambda * lambda + 1e-4);
    assert!(dy[0] == w && (dy[1] - expected).abs() < 1e-14, "{dy:?} {expected}");
}

/// H = ½p·p + c·y, in any units.
#[test]
fn a_linear_network_adds_constant_speeds() {
    let field = HamiltonianField { hidden: vec![], ..HamiltonianField::default() };
    let units = Units { columns: vec![2.0, 3.0, 5.0, 7.0], time: 1.0 };
    let mut dy = vec![0.0; 4];
    let of = |dy: &mut [f64], field: &dyn VectorField| {
        field.rhs(&[1.0, 2.0, 3.0, 4.0, 9.0], 0.0, &[0.1; 4], dy, &mut vec![0.0; field.tape_len()]);
    };
    of(&mut dy, field.build(4).as_ref());
    assert_eq!(dy, [3.1, 4.1, -1.0, -2.0]);
    // s_q s_p is 10 of the first pair and 21 of the second
    of(&mut dy, field.build_in(&units).as_ref());
    let g = 10.0 / 21.0;
    assert_eq!(dy, [3.1, 4.1 * g, -1.0, -2.0 * g]);
}

/// A change of units changes nothing but the units: the same motion, in the data's units.
#[test]
fn measured_velocities_are_in_the_units_of_their_columns() {
    let config = SecondOrderField {
        hidden: vec![],
        velocity_input: true,
        velocities: Velocities::Measured,
        ..SecondOrderField::default()
    };
    // dz_v/dτ = a(z_x, r z_v)/r with r = T s_v/s_x = 3·5/2
    let field = config.build_in(&Units { columns: vec![2.0, 5.0], time: 3.0 });
    let mut dy = vec![0.0; 2];
    field.rhs(&[-0.5, 0.25, 0.125], 0.0, &[0.4, 0.2], &mut dy, &mut vec![0.0; field.tape_len()]);
    let r = 7.5;
    assert_eq!(dy, [r * 0.2, (-0.5 * 0.4 + 0.25 * (r * 0.2) + 0.125) / r]);
}

/// Friction in the data's units: what it takes from dp/dt is D dq/dt, whatever the units of the solver.
#[test]
fn friction_is_a_number_in_the_units_of_the_data() {
    let units = Units { columns: vec![2.0, 3.0, 5.0, 7.0], time: 1.7 };
    let field = |dissipation: bool| {
        HamiltonianField { hidden: vec![6], dissipation, ..HamiltonianField::default() }.build_in(&units)
    };
    let (with, without) = (field(true), field(false));
    assert!(without.quantities().is_empty());
    let (parameters, y) = (draw(3, with.n_parameters(), 0.7), draw(4, 4, 0.6));
    let rates = |field: &dyn VectorField, parameters: &[f64]| {
        let mut dy = vec![0.0; 4];
        field.rhs(parameters, 0.0, &y, &mut dy, &mut vec![0.0; field.tape_len()]);
        // in data units per data unit of time
        dy.iter().zip(&units.columns).map(|(dy, s)| dy * s / units.time).collect::<Vec<f64>>()
    };
    let (damped, free) =
        (rates(with.as_ref(), &parameters), rates(without.as_ref(), &parameters[..without.n_parameters()]));
    let blocks = with.blocks();
    for (i, quantity) in with.quantities().iter().enumerate() {
        let place = blocks.iter().position(|block| block.name == quantity.block).unwrap();
        let r = parameters[blocks[..place].iter().map(|block| block.len()).sum::<usize>()];
        assert_eq!((quantity.name, quantity.state, blocks[place].len()), ("friction", i, 1));
        let taken = free[2 + i] - damped[2 + i];
        let expected = quantity.unit * r.exp() * free[i];
        assert!((taken - expected).abs() < 1e-13 * (1.0 + expected.abs()), "{i}: {taken} against {expected}");
    }
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    hidden: Vec<usize>,
    activation: Activation,
    dissipation: bool,
    #[serde(default)]
    separable: bool,
    parameters: Vec<f64>,
    y: Vec<f64>,
    rates: Vec<f64>,
    energy: f64,
    /// v·f and its derivatives.
    cotangent: Vec<f64>,
    y_bar: Vec<f64>,
    parameter_bar: Vec<f64>,
}

/// Against `scripts/reference/mechanics.py`: Euler–Lagrange and Hamilton's equations by derivatives in
/// 50 digits of L and H alone.
#[test]
fn rates_energies_and_products_of_an_independent_code() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../reference/mechanics.json")).unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        let Case { hidden, activation, dissipation, separable, .. } = case;
        let field = match case.kind.as_str() {
            "hamiltonian" => HamiltonianField { hidden, activation, separable, dissipation }.build(case.y.len()),
            "lagrangian" => {
                LagrangianField { hidden, activation, dissipation, ..LagrangianField::default() }.build(case.y.len())
            }
            other => panic!("{other}"),
        };
        let name = format!("{} of {} states", case.kind, case.y.len());
        let close = |what: &str, ours: &[f64], theirs: &[f64]| {
            let error = reference::distance(ours, theirs);
            assert!(error < 1e-12, "{name}: {what} differ by {error:e}");
        };
        let (mut dy, mut tape) = (vec![0.0; case.y.len()], vec![0.0; field.tape_len()]);
        field.rhs(&case.parameters, 0.0, &case.y, &mut dy, &mut tape);
        close("rates", &dy, &case.rates);
        close("energies", &[field.energy().unwrap().value(&case.parameters, &case.y)], &[case.energy]);
        let (mut y_bar, mut parameter_bar) = (vec![0.0; case.y.len()], vec![0.0; case.parameters.len()]);
        field.vjp(&case.parameters, 0.0, &case.y, &tape, &case.cotangent, &mut y_bar, &mut parameter_bar);
        close("bars of states", &y_bar, &case.y_bar);
        close("bars of parameters", &parameter_bar, &case.parameter_bar);
    }
}
