//! Standard problems as written equations: every suitable solver against scipy's states (1e-12 and
//! tighter) and forward sensitivities (`scripts/reference/ode.py`).

use surprisal_ode::{Bdf, ContinuousAdjoint, Esdirk3, Esdirk34, Leapfrog, Problem, Rk4, Solver, System, Tsit5};

use crate::equations::compile;
use crate::reference::{Reference, distance};

struct Case {
    name: &'static str,
    equations: &'static str,
    columns: &'static [&'static str],
    json: &'static str,
}

macro_rules! case {
    ($name:literal, $columns:expr, $equations:literal) => {
        Case {
            name: $name,
            equations: $equations,
            columns: &$columns,
            json: include_str!(concat!("../reference/", $name, ".json")),
        }
    };
}

const SMOOTH: [Case; 7] = [
    case!(
        "lotka_volterra",
        ["x", "y"],
        r#"{ "states": { "x": { "rhs": "a*x - b*x*y" }, "y": { "rhs": "-c*y + d*x*y" } },
             "parameters": { "a": { "init": 1 }, "b": { "init": 1 }, "c": { "init": 1 }, "d": { "init": 1 } } }"#
    ),
    case!(
        "damped_pendulum",
        ["angle", "omega"],
        r#"{ "states": { "angle": { "rhs": "omega" }, "omega": { "rhs": "-damping*omega - stiffness*sin(angle)" } },
             "parameters": { "damping": { "init": 1 }, "stiffness": { "init": 1 } } }"#
    ),
    case!(
        "pendulum",
        ["q", "p"],
        r#"{ "states": { "q": { "rhs": "p" }, "p": { "rhs": "-g*sin(q)" } }, "parameters": { "g": { "init": 1 } } }"#
    ),
    case!(
        "lorenz",
        ["x", "y", "z"],
        r#"{ "states": { "x": { "rhs": "sigma*(y - x)" }, "y": { "rhs": "x*(rho - z) - y" }, "z": { "rhs": "x*y - beta*z" } },
             "parameters": { "sigma": { "init": 1 }, "rho": { "init": 1 }, "beta": { "init": 1 } } }"#
    ),
    case!(
        "sir",
        ["s", "i", "r"],
        r#"{ "states": { "s": { "rhs": "-new" }, "i": { "rhs": "new - recovery*i" }, "r": { "rhs": "recovery*i" } },
             "definitions": { "new": "infection*s*i" },
             "parameters": { "infection": { "init": 1 }, "recovery": { "init": 1 } } }"#
    ),
    case!(
        "michaelis_menten",
        ["s", "e", "c", "p"],
        r#"{ "states": { "s": { "rhs": "release - bind" }, "e": { "rhs": "release + turn - bind" },
                         "c": { "rhs": "bind - release - turn" }, "p": { "rhs": "turn" } },
             "definitions": { "bind": "kf*s*e", "release": "kr*c", "turn": "kcat*c" },
             "parameters": { "kf": { "init": 1 }, "kr": { "init": 1 }, "kcat": { "init": 1 } } }"#
    ),
    case!(
        "swing",
        ["angle", "w"],
        r#"{ "states": { "angle": { "rhs": "w" }, "w": { "rhs": "(power - amplitude*sin(angle) - damping*w)/inertia" } },
             "parameters": { "inertia": { "init": 1 }, "damping": { "init": 1 }, "power": { "init": 1 }, "amplitude": { "init": 1 } } }"#
    ),
];

const STIFF: [Case; 3] = [
    case!(
        "robertson",
        ["a", "b", "c"],
        r#"{ "states": { "a": { "rhs": "-k1*a + k3*b*c" }, "b": { "rhs": "k1*a - k2*b^2 - k3*b*c", "scale": 1e-4 },
                         "c": { "rhs": "k2*b^2" } },
             "parameters": { "k1": { "init": 1 }, "k2": { "init": 1 }, "k3": { "init": 1 } } }"#
    ),
    case!(
        "van_der_pol",
        ["x", "v"],
        r#"{ "states": { "x": { "rhs": "v" }, "v": { "rhs": "mu*(1 - x^2)*v - x" } }, "parameters": { "mu": { "init": 1 } } }"#
    ),
    case!(
        "van_der_pol_jumps",
        ["x", "v"],
        r#"{ "states": { "x": { "rhs": "v" }, "v": { "rhs": "mu*(1 - x^2)*v - x" } }, "parameters": { "mu": { "init": 1 } } }"#
    ),
];

impl Case {
    fn system(&self) -> System {
        compile(self.equations, self.columns, &[])
    }

    fn reference(&self) -> Reference {
        serde_json::from_str(self.json).unwrap()
    }

    /// Relative errors of the states and of the gradient of ½ Σ (y − 0.1)² with respect to y₀ and
    /// to the parameters, the latter along relative changes so that they may be compared.
    fn errors(&self, solver: &dyn Solver) -> [f64; 3] {
        let (system, expected) = (self.system(), self.reference());
        let (field, theta) = (system.field(), &expected.parameters);
        let problems = [Problem { y0: expected.y0.clone(), times: expected.times.clone() }];
        let batch = solver.solve_many(field, theta, &problems);
        let states = &batch.trajectories[0].as_ref().unwrap_or_else(|e| panic!("{}: {e}", self.name)).states;
        let residual = states.iter().map(|y| y - 0.1).collect();
        let gradient = batch.pullback(field, theta, &[residual]);
        let relative = |g: &[f64]| g.iter().zip(theta).map(|(g, p)| g * p).collect::<Vec<_>>();
        [
            distance(states, &expected.states),
            distance(&gradient.y0[0], &expected.gradient.y0),
            distance(&relative(&gradient.parameters), &relative(&expected.gradient.parameters)),
        ]
    }

    fn check(&self, what: &str, solver: &dyn Solver, states: f64, gradient: f64) {
        let [of_states, of_y0, of_parameters] = self.errors(solver);
        assert!(of_states < states, "{} by {what}: states differ by {of_states:e}", self.name);
        let worst = of_y0.max(of_parameters);
        assert!(worst < gradient, "{} by {what}: gradients differ by {of_y0:e} and {of_parameters:e}", self.name);
    }
}

fn esdirk3(rtol: f64, atol: f64) -> Esdirk3 {
    Esdirk3 { max_steps: 100_000, ..Esdirk3::new(rtol, atol) }
}

#[test]
fn smooth_problems_by_every_solver() {
    for case in &SMOOTH {
        case.check("tsit5", &Tsit5::new(1e-10, 1e-12), 1e-9, 2e-9);
        case.check("esdirk3", &esdirk3(1e-9, 1e-11), 2e-7, 5e-7);
        case.check("bdf", &Bdf::new(1e-9, 1e-11), 2e-7, 1e-6);
        case.check("esdirk34", &Esdirk34::new(1e-9, 1e-11), 5e-7, 3e-6);
        case.check("rk4", &Rk4 { step: 1e-3 }, 2e-9, 1e-8);
    }
}

#[test]
fn smooth_problems_by_the_continuous_adjoint() {
    for case in &SMOOTH {
        let solver = Tsit5::new(1e-10, 1e-12);
        case.check("adjoint", &ContinuousAdjoint { rtol: 1e-10 }.with(&solver), 1e-9, 2e-8);
    }
}

/// The error of the gradient follows the adjoint's own tolerance.
#[test]
fn a_loose_adjoint_is_a_loose_gradient_and_nothing_else() {
    let solver = Tsit5::new(1e-10, 1e-12);
    let [of_states, of_y0, of_parameters] = SMOOTH[0].errors(&ContinuousAdjoint { rtol: 1e-3 }.with(&solver));
    assert!(of_states < 1e-9 && of_y0.max(of_parameters) > 1e-7 && of_y0.max(of_parameters) < 1e-1);
}

#[test]
fn stiff_problems_by_every_implicit_solver() {
    for case in &STIFF[..2] {
        case.check("esdirk3", &esdirk3(1e-9, 1e-11), 1e-7, 1e-6);
        case.check("bdf", &Bdf::new(1e-9, 1e-11), 1e-7, 6e-7);
        case.check("esdirk34", &Esdirk34::new(1e-9, 1e-11), 2e-7, 5e-7);
    }
}

/// The steps are held fixed, and where a jump is depends on them: seven digits of the state leave two
/// of the gradient, and a usual tolerance none.
#[test]
fn jumps_take_their_digits_from_the_gradient() {
    let case = &STIFF[2];
    case.check("esdirk3", &esdirk3(1e-9, 1e-11), 1e-7, 2e-2);
    case.check("bdf", &Bdf::new(1e-9, 1e-11), 2e-7, 2e-2);
    case.check("esdirk34", &Esdirk34::new(1e-9, 1e-11), 2e-7, 4e-2);
    for solver in [&esdirk3(1e-5, 1e-7) as &dyn Solver, &Bdf::new(1e-5, 1e-7), &Esdirk34::new(1e-5, 1e-7)] {
        let [of_states, _, of_parameters] = case.errors(solver);
        assert!(of_states < 2e-2 && of_parameters > 0.1, "{of_states:e} {of_parameters:e}");
    }
}

/// log₂ of how much smaller the largest of the errors of states and gradients is at half the step.
fn order(case: &Case, solver: impl Fn(f64) -> Box<dyn Solver>, step: f64) -> f64 {
    let error = |step: f64| case.errors(solver(step).as_ref()).into_iter().fold(0.0, f64::max);
    (error(step) / error(0.5 * step)).log2()
}

#[test]
fn states_and_gradients_have_the_order_of_the_method() {
    let order_of_leapfrog = order(&SMOOTH[2], |step| Box::new(Leapfrog { step }), 0.02);
    assert!((1.9..2.1).contains(&order_of_leapfrog), "leapfrog: {order_of_leapfrog}");
    for case in &SMOOTH[..3] {
        let order = order(case, |step| Box::new(Rk4 { step }), 0.01);
        assert!((3.8..4.2).contains(&order), "rk4 on {}: {order}", case.name);
    }
}

/// −d ln(error) / d ln(steps) between two tolerances, of the states of a smooth problem.
fn order_by_tolerance(solver: &dyn Fn(f64) -> Box<dyn Solver>, loose: f64, tight: f64) -> f64 {
    let case = &SMOOTH[0];
    let (system, expected) = (case.system(), case.reference());
    let last = expected.times[expected.times.len() - 1];
    let problems = [Problem { y0: expected.y0.clone(), times: vec![expected.times[0], last] }];
    let of = |rtol: f64| {
        let batch = solver(rtol).solve_many(system.field(), &expected.parameters, &problems);
        let trajectory = batch.trajectories[0].as_ref().unwrap();
        let error = distance(&trajectory.states[2..], &expected.states[expected.states.len() - 2..]);
        (error, trajectory.statistics.n_accepted as f64)
    };
    let (loose, tight) = (of(loose), of(tight));
    (loose.0 / tight.0).ln() / (tight.1 / loose.1).ln()
}

#[test]
fn errors_fall_with_the_steps_as_the_orders_say() {
    let cases: [(&str, &dyn Fn(f64) -> Box<dyn Solver>, std::ops::Range<f64>); 4] = [
        ("tsit5", &|rtol| Box::new(Tsit5::new(rtol, 1e-2 * rtol)), 4.8..6.5),
        ("esdirk3", &|rtol| Box::new(esdirk3(rtol, 1e-2 * rtol)), 2.7..3.4),
        ("esdirk34", &|rtol| Box::new(Esdirk34::new(rtol, 1e-2 * rtol)), 2.7..3.5),
        // of orders 1 to 5, as it chooses
        ("bdf", &|rtol| Box::new(Bdf::new(rtol, 1e-2 * rtol)), 3.5..6.5),
    ];
    for (name, solver, range) in cases {
        let order = order_by_tolerance(solver, 1e-5, 1e-9);
        assert!(range.contains(&order), "{name}: {order}");
    }
}
