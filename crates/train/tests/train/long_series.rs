//! Remedies for long series: segments and the gaps between them, a growing window, slopes.

use candle_core::{Device, Tensor};
use surprisal_core::records::Trajectory;
use surprisal_objective::PenaltyConfig;
use surprisal_objective::penalty::Invariant;
use surprisal_train::predictor::ode::{OdeConfig, OdePredictor, SeriesGroup};
use surprisal_train::{Predictor, shard};

use crate::gradient;
use crate::records::oscillators;
use crate::setup::{Loss, Setup, constant_gaussian, differential_equation, ode_ensemble};

fn config(json: &str) -> OdeConfig {
    serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}"))
}

/// A hidden state, starts of three kinds, parameters of each trajectory's own, a network.
const SHOT: &str = r#"{
    "states": {
        "x": { "rhs": "omega*0.05*v - damping*x + nn.u", "initial": "free" },
        "v": { "rhs": "-20*omega*x - damping*v + push*0.3", "initial": "observed", "scale": 15 },
        "heat": { "rhs": "damping*x^2 - 0.4*heat", "initial": "warm/1.4", "observed": false }
    },
    "parameters": {
        "omega": { "init": 1.2, "positive": true },
        "damping": { "init": 0.1, "lower": 0.0, "upper": 0.5 },
        "warm": { "init": 0.5, "positive": true, "per_trajectory": true },
        "push": { "init": 0.7, "per_trajectory": true }
    },
    "networks": { "nn": { "inputs": ["x", "v", "heat"], "outputs": ["u"], "hidden": [3] } },
    "solver": { "tsit5": { "rtol": 1e-12, "atol": 1e-12 } } }"#;

fn with(json: &str, tables: &str) -> OdeConfig {
    config(&json.replacen("{", &format!("{{ {tables}, "), 1))
}

fn trajectories() -> Vec<Trajectory> {
    let mut all = oscillators(&[9, 6, 8, 2, 5, 7], 6);
    all[0].observed[3][1] = f64::NAN;
    all[2].observed[4] = vec![f64::NAN; 2];
    all
}

fn setup(config: &OdeConfig, loss: &Loss) -> Setup<OdePredictor> {
    differential_equation(config, &["x", "v"], &[], &trajectories(), loss, 1)
}

fn losses() -> Vec<(&'static str, Loss)> {
    let mean = Loss::mean(constant_gaussian());
    let invariant = serde_json::json!({ "expression": "heat + x*x", "weight": 0.3 });
    let invariant = PenaltyConfig::Invariant(serde_json::from_value::<Invariant>(invariant).unwrap());
    vec![("gaussian", mean.clone()), ("invariant", Loss { penalties: vec![invariant], ..mean })]
}

#[test]
fn segments_and_their_gaps_have_exact_gradients() {
    for (name, loss) in losses() {
        for (cut, epoch) in [("\"segments\": 3", 0), ("\"interval\": 2, \"growth\": { \"to\": 50, \"epochs\": 10 }", 7)]
        {
            let shooting = format!("\"shooting\": {{ {cut}, \"continuity\": 0.7 }}");
            let setup = setup(&with(SHOT, &shooting), &loss).shake(0.1);
            gradient::check_in_training(&format!("{cut}, {name}"), &setup, epoch, 1e-7);
            // with a window as well, whose end lies within a segment
            let both = format!("{shooting}, \"curriculum\": {{ \"from\": 0.3, \"epochs\": 10 }}");
            let setup = setup_of(&both, &loss);
            gradient::check_in_training(&format!("{cut} in a window, {name}"), &setup, 4, 1e-7);
        }
    }
}

fn setup_of(tables: &str, loss: &Loss) -> Setup<OdePredictor> {
    setup(&with(SHOT, tables), loss).shake(0.1)
}

/// Shards are solved alone, and joints are counted over all of them.
#[test]
fn gaps_do_not_depend_on_shards_and_members_have_their_own() {
    let loss = Loss::mean(constant_gaussian());
    let shooting = "\"shooting\": { \"interval\": 2, \"continuity\": 0.7 }";
    let mut one = setup_of(shooting, &loss);
    let mut at = |shard_size: usize| {
        one.settings.shard_size = Some(shard_size);
        let (evaluation, gradient) = one.fit(".".as_ref()).loss_and_gradient(&groups(&one), 0).unwrap();
        let gradient = gradient.iter().flat_map(|g| g.flatten_all().unwrap().to_vec1::<f64>().unwrap());
        (evaluation.loss, gradient.collect::<Vec<_>>())
    };
    let (together, alone) = (at(9), at(1));
    assert!((together.0 - alone.0).abs() < 1e-12 * together.0.abs());
    assert!(together.1.iter().zip(&alone.1).all(|(a, b)| (a - b).abs() < 1e-9 * (1.0 + a.abs())));

    let columns = ["x".to_owned(), "v".to_owned()];
    let several = ode_ensemble(&with(SHOT, shooting), &columns, &trajectories(), 2, &loss).shake(0.1);
    gradient::check_in_training("an ensemble", &several, 0, 1e-7);
    assert_eq!(several.predictor.diagnostic_names(), ["member.0.segments.gap", "member.1.segments.gap"]);
    assert_eq!(several.predictor.diagnostics().unwrap().len(), 2);
}

#[test]
fn a_network_for_all_states_is_shot_too() {
    let config = config(
        r#"{ "field": { "mlp": { "hidden": [4] } }, "shooting": { "segments": 4, "continuity": 2.0 },
             "solver": { "tsit5": { "rtol": 1e-12, "atol": 1e-12 } } }"#,
    );
    let setup = setup(&config, &Loss::mean(constant_gaussian())).shake(0.2);
    gradient::check_in_training("field", &setup, 0, 1e-7);
}

fn groups(setup: &Setup<OdePredictor>) -> Vec<&SeriesGroup> {
    setup.splits.train.iter().collect()
}

/// Where segments start on the whole trajectory, there are no gaps, and the loss is that of the whole.
#[test]
fn segments_of_one_trajectory_are_the_trajectory() {
    let loss = Loss::mean(constant_gaussian());
    let shot = setup_of("\"shooting\": { \"segments\": 3, \"continuity\": 5.0 }", &loss);
    let term = |setup: &Setup<OdePredictor>, name: &str, epoch: usize| {
        let (evaluation, _) = setup.fit(".".as_ref()).loss_and_gradient(&groups(setup), epoch).unwrap();
        evaluation.terms.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
    };
    assert!(term(&shot, "continuity", 0).is_some_and(|gaps| gaps > 1e-2));
    let gap = |setup: &Setup<OdePredictor>| setup.predictor.diagnostics().unwrap()[0];
    let before = term(&shot, "continuity", 0).unwrap();
    assert!((5.0 * gap(&shot).powi(2) - before).abs() < 1e-12 * before, "the gap is what the term is made of");

    // starts put where the whole trajectory passes
    let field = |epochs: &str| {
        let config = config(&format!(
            r#"{{ "field": {{ "mlp": {{ "hidden": [4] }} }}, "shooting": {{ "segments": 3, "continuity": 5.0 {epochs} }},
                 "solver": {{ "tsit5": {{ "rtol": 1e-12, "atol": 1e-12 }} }} }}"#
        ));
        (config.shooting.clone().unwrap(), setup(&config, &loss).shake(0.2))
    };
    let (shooting, joined) = field(", \"epochs\": 9");
    let mut starts = vec![];
    for (group, trajectory) in groups(&joined).into_iter().zip(trajectories()) {
        let states = joined.predictor.evaluate(&[group]).unwrap().location.to_vec2::<f64>().unwrap();
        // the first time is no sample
        starts.extend(shooting.cuts(trajectory.times.len()).into_iter().flat_map(|at| states[at - 1].clone()));
    }
    let var = &joined.predictor.parameters().get("segments.start").unwrap().var;
    assert_eq!(starts.len(), var.elem_count());
    var.set(&Tensor::from_vec(starts, var.dims(), &Device::Cpu).unwrap()).unwrap();
    let (whole, parts) = (term(&joined, "risk", 9).unwrap(), term(&joined, "risk", 0).unwrap());
    let gaps = term(&joined, "continuity", 0).unwrap();
    assert!((whole - parts).abs() < 1e-9 * whole.abs(), "{whole} against {parts}");
    assert!(gaps < 1e-18 && gap(&joined) < 1e-9, "{gaps}");
    assert_eq!(term(&joined, "continuity", 9), None, "shooting has ended");
}

/// Of an oscillator that is kicked when a segment of the first trajectory begins, between times, and
/// where x passes 1.
fn kicked(tables: &str) -> OdeConfig {
    let joint = trajectories()[0].times[4];
    with(
        &format!(
            r#"{{
    "states": {{
        "x": {{ "rhs": "omega*0.05*v - damping*x" }},
        "v": {{ "rhs": "-20*omega*x - damping*v" }}
    }},
    "parameters": {{
        "omega": {{ "init": 1.2, "positive": true }}, "damping": {{ "init": 0.1 }},
        "push": {{ "init": 0.7, "per_trajectory": true }}
    }},
    "events": {{
        "kick": {{ "at": [{joint:?}, 10.51], "set": {{ "v": "v + 9*push" }} }},
        "wall": {{ "when": "x - 1", "direction": "rising", "set": {{ "v": "-0.8*push*v" }} }}
    }},
    "solver": {{ "tsit5": {{ "rtol": 1e-12, "atol": 1e-12 }} }} }}"#
        ),
        tables,
    )
}

/// A segment that ends with an event ends before it, and the next one begins before it too.
#[test]
fn segments_and_events_agree() {
    let loss = Loss::mean(constant_gaussian());
    let shooting = "\"shooting\": { \"segments\": 2, \"continuity\": 2.0, \"epochs\": 9 }";
    let config = kicked(shooting);
    let setup = setup(&config, &loss).shake(0.1);
    gradient::check_in_training("segments with events", &setup, 0, 1e-6);

    // every segment starts where its whole trajectory passes, just before what happens there
    let (mut starts, mut kicks) = (vec![], 0);
    for (group, trajectory) in groups(&setup).into_iter().zip(trajectories()) {
        let states = setup.predictor.evaluate(&[group]).unwrap().location.to_vec2::<f64>().unwrap();
        for at in config.shooting.as_ref().unwrap().cuts(trajectory.times.len()) {
            // the first time is no sample
            starts.extend(states[at - 1].clone());
            kicks += usize::from(trajectory.times[at] == trajectories()[0].times[4]);
        }
    }
    assert!(kicks > 0);
    let var = &setup.predictor.parameters().get("segments.start").unwrap().var;
    assert_eq!(starts.len(), var.elem_count());
    var.set(&Tensor::from_vec(starts, var.dims(), &Device::Cpu).unwrap()).unwrap();
    let risk = |epoch: usize| setup.fit(".".as_ref()).loss_and_gradient(&groups(&setup), epoch).unwrap().0;
    let (whole, parts) = (risk(9), risk(0));
    let term = |evaluation: &surprisal_objective::Evaluation, name: &str| {
        evaluation.terms.iter().find(|(n, _)| n == name).map(|(_, value)| *value).unwrap()
    };
    assert!((term(&whole, "risk") - term(&parts, "risk")).abs() < 1e-8, "{:?} {:?}", whole.terms, parts.terms);
    assert!(term(&parts, "continuity") < 1e-16, "{:?}", parts.terms);
}

#[test]
fn evaluation_sees_whole_trajectories_and_training_the_first_part() {
    let loss = Loss::mean(constant_gaussian());
    let setup = setup_of("\"curriculum\": { \"from\": 0.4, \"epochs\": 5 }", &loss);
    let n = |epoch: usize| {
        let (evaluation, _) = setup.fit(".".as_ref()).loss_and_gradient(&groups(&setup), epoch).unwrap();
        evaluation.nll.len()
    };
    let all: usize = groups(&setup).iter().map(|g| setup.predictor.target(g).values.len() / 2).sum();
    assert_eq!((n(5), n(usize::MAX)), (all, all));
    assert!(n(0) < n(3) && n(3) < all, "{} {} {all}", n(0), n(3));
    assert!(setup.predictor.in_training(&setup.splits.train[0], 5).is_none());
    for epoch in [0, 3] {
        gradient::check_in_training("window", &setup, epoch, 1e-7);
    }
    let prediction = shard::evaluate(&setup.predictor, &groups(&setup), 2).unwrap();
    assert_eq!(prediction.location.dim(0).unwrap(), all);
}

/// Everything measured, with numbers of each trajectory's own.
const SEEN: &str = r#"{
    "states": {
        "x": { "rhs": "omega*0.05*v - damping*x + nn.u", "initial": "free" },
        "v": { "rhs": "-20*omega*x - damping*v + push*0.3", "scale": 15 }
    },
    "parameters": {
        "omega": { "init": 0.4, "positive": true }, "damping": { "init": 0.1, "lower": 0.0, "upper": 0.5 },
        "push": { "init": 0.7, "per_trajectory": true }
    },
    "networks": { "nn": { "inputs": ["x", "v"], "outputs": ["u"], "hidden": [3] } },
    "gradient_matching": { "epochs": 400, "learning_rate": 0.02 },
    "solver": { "tsit5": { "rtol": 1e-8, "atol": 1e-8 } } }"#;

/// Trajectories long enough to have slopes.
fn long() -> Vec<Trajectory> {
    let mut all = oscillators(&[30, 25, 28, 20], 6);
    all[1].observed[7][0] = f64::NAN;
    all
}

#[test]
fn the_misfit_of_slopes_has_its_gradient_and_is_what_matching_lowers() {
    let setup =
        differential_equation(&config(SEEN), &["x", "v"], &[], &long(), &Loss::mean(constant_gaussian()), 1).shake(0.1);
    let predictor = &setup.predictor;
    let slopes = predictor.slopes(&groups(&setup)).unwrap();
    let misfit = || predictor.slope_misfit(&groups(&setup), &slopes).unwrap();
    let (before, gradient) = misfit();
    let parameters: Vec<_> = predictor.parameters().iter().cloned().collect();
    gradient::compare("slopes", &parameters, &gradient, &|| misfit().0, 1e-8);
    let said = predictor.initialize(&groups(&setup)).unwrap();
    let after = misfit().0;
    assert!(said[0].starts_with("gradient matching: the right-hand side misses "), "{said:?}");
    assert!(after < 0.5 * before, "{before} → {after}");
}

#[test]
fn slopes_of_a_hidden_state_are_refused() {
    let matched = with(SHOT, "\"gradient_matching\": { \"epochs\": 5 }");
    assert_eq!(matched.measured(&["x".into(), "v".into()]), [Some(0), Some(1), None]);
    let trajectories = trajectories();
    let scaling = surprisal_train::predictor::ode::SeriesScaling::fit(&trajectories);
    let columns = ["x".to_owned(), "v".to_owned()];
    let data = surprisal_train::predictor::ode::SeriesData {
        columns: &columns,
        inputs: &[],
        train: &trajectories,
        others: &[],
    };
    let refusal = OdePredictor::new(&matched, &data, scaling, surprisal_objective::LocationLink::Identity, 1);
    let message = refusal.err().map(|e| e.to_string());
    assert_eq!(message.as_deref(), Some("`gradient_matching` needs a slope of every state, and one of them is hidden"));
    let short = differential_equation(
        &config(SEEN),
        &["x", "v"],
        &[],
        &oscillators(&[9, 3, 9, 9], 6),
        &Loss::mean(constant_gaussian()),
        1,
    );
    let message = short.predictor.initialize(&groups(&short)).unwrap_err().to_string();
    assert!(message.contains("has 3 observations of state 1: too few"), "{message}");
}
