//! Equations in a configuration: a run from end to end, and mistakes shown where they stand.

use std::fmt::Write as _;

use crate::place::Place;

const EXPERIMENT: &str = r#"name = "decay"
seed = 3

[data.csv_series]
path = "series.csv"
time = "t"
states = ["x", "total"]
inputs = ["feed"]
trajectory = "id"
valid_fraction = 0.25

[model.ode]
t_unit = "hour"

[model.ode.definitions]
loss = "k*x"

[model.ode.states]
x = { rhs = "feed - loss + nn.u", scale = 2.0, initial = "free" }
y = { rhs = "loss - d*y", initial = "start/2" }

[model.ode.parameters]
k = { init = 0.5, positive = true, prior = { lognormal = { loc = 0.0, scale = 1.0 } } }
d = { init = 0.3, lower = 0.0, upper = 2.0 }
start = { init = 1.0, positive = true }

[model.ode.observations]
total = "x + y"

[model.ode.networks.nn]
inputs = ["x", "t/10"]
outputs = ["u"]
hidden = [4]

[model.ode.solver.tsit5]
rtol = 1e-5
atol = 1e-7

[likelihood.gaussian]
scale = "constant"

[optimizer.adamw]
learning_rate = 2e-2

[train]
epochs = 3
batch_size = 4
"#;

/// x′ = feed − 0.7x, y′ = 0.7x − 0.2y by small Euler steps.
fn series() -> String {
    let mut text = String::from("id,t,x,total,feed\n");
    for id in 0..8 {
        let (mut x, mut y) = (1.0 + 0.3 * f64::from(id), 0.5);
        for i in 0..=600 {
            let t = 0.01 * f64::from(i);
            let feed = if t < 3.0 { 0.4 } else { 0.1 };
            if i % 60 == 0 {
                writeln!(text, "{id},{t:.2},{x:.5},{:.5},{feed}", x + y).unwrap();
            }
            (x, y) = (x + 0.01 * (feed - 0.7 * x), y + 0.01 * (0.7 * x - 0.2 * y));
        }
    }
    text
}

fn place(experiment: &str) -> Place {
    let place = Place::new();
    place.write("experiment.toml", experiment);
    place.write("series.csv", &series());
    place
}

#[test]
fn equations_run_from_end_to_end_and_their_resolved_configuration_again() {
    let place = place(EXPERIMENT);
    let said = place.succeed(&["run", "experiment.toml", "--out", "out"]);
    for parameter in ["k = 0.", "d = 0.", "start = "] {
        assert!(said.contains(parameter), "{said}");
    }
    let metrics: serde_json::Value = serde_json::from_str(&place.read("out/metrics.json")).unwrap();
    assert!(metrics["splits"]["valid"]["nll"].as_f64().is_some_and(f64::is_finite));
    // three epochs lead nowhere near a minimum, and the report says so
    let notes = metrics["notes"].to_string();
    assert!(notes.contains("take the other 17 trained numbers as known"), "{notes}");
    assert!(notes.contains("has not converged") || notes.contains("not positive definite"), "{notes}");
    let log = place.read("out/log.jsonl");
    assert!(log.contains("\"prior\""), "{log}");
    let again = place.succeed(&["run", "out/config.toml", "--out", "again"]);
    let numbers =
        |said: &str| -> Vec<String> { said.lines().filter(|l| l.contains(" = ")).map(String::from).collect() };
    assert_eq!(numbers(&said), numbers(&again));
}

const DECAY: &str = r#"name = "decay"
seed = 3

[data.csv_series]
path = "series.csv"
time = "t"
states = ["x"]
trajectory = "id"
valid_fraction = 0.25

[model.ode.states]
x = { rhs = "-k*x", initial = "start" }

[model.ode.parameters]
k = { init = 0.5, positive = true }
start = { init = 1.0, positive = true }

[model.ode.solver.tsit5]
rtol = 1e-7
atol = 1e-9

[likelihood.gaussian]
scale = "constant"

[optimizer.lbfgs]
"#;

/// x = 2 e^(−0.7t), 0.02 above and below in turns.
fn decay() -> Place {
    let place = Place::new();
    place.write("experiment.toml", DECAY);
    let mut series = String::from("id,t,x\n");
    for id in 0..4 {
        for i in 0..12 {
            let (t, noise) = (0.4 * f64::from(i), if (i + id) % 2 == 0 { 0.02 } else { -0.02 });
            writeln!(series, "{id},{t:.1},{:.5}", 2.0 * (-0.7 * t).exp() + noise).unwrap();
        }
    }
    place.write("series.csv", &series);
    place
}

#[test]
fn parameters_have_intervals_in_every_output_and_none_where_they_are_forgone() {
    let place = decay();
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let metrics: serde_json::Value = serde_json::from_str(&place.read("out/metrics.json")).unwrap();
    let parameters = &metrics["parameters"];
    for (name, truth) in [("k", 0.7), ("start", 2.0), ("scale", 0.02)] {
        let number = |value: &serde_json::Value| value.as_f64().unwrap_or_else(|| panic!("{name} in {parameters}"));
        let interval = &parameters["intervals"][name];
        let (lower, upper) = (number(&interval[0]), number(&interval[1]));
        let (value, error) = (number(&parameters[name]), number(&parameters["standard_errors"][name]));
        assert!(lower < truth && truth < upper && lower < value && value < upper, "{name}: {parameters}");
        assert!(((upper - lower) / (2.0 * 1.96 * error) - 1.0).abs() < 0.05, "{name}: {parameters}");
    }
    let page = place.read("out/report.html");
    assert!(page.contains("<h2>Parameters</h2>") && page.contains("<tr><th>start</th><td>"), "no table");
    place.succeed(&["run", "experiment.toml", "--out", "none", "--set", "intervals.method=none"]);
    let metrics: serde_json::Value = serde_json::from_str(&place.read("none/metrics.json")).unwrap();
    assert!(metrics["parameters"]["scale"].is_number() && metrics["parameters"]["intervals"].is_null());
    assert!(!place.read("none/report.html").contains("<h2>Parameters</h2>"));
    let wrong = place.fail(&["check", "experiment.toml", "--set", "intervals.method=bootstrap"]);
    assert!(wrong.contains("bootstrap") && wrong.contains("hessian"), "{wrong}");
}

#[test]
fn gradients_at_two_tolerances_are_compared_and_a_difference_is_a_warning() {
    let place = decay();
    let run = |out: &str, limit: &str| -> (String, serde_json::Value) {
        let set = format!("model.ode.gradient_check={limit}");
        let said = place.succeed(&["run", "experiment.toml", "--out", out, "--set", &set]);
        (said, serde_json::from_str(&place.read(&format!("{out}/metrics.json"))).unwrap())
    };
    let (_, metrics) = run("quiet", "0.05");
    let check = &metrics["gradient_check"];
    assert_eq!((check["limit"].as_f64(), check["rtol"][0].as_f64()), (Some(0.05), Some(1e-7)));
    assert!(["start", "end"].iter().all(|when| check[*when].as_f64().is_some_and(|d| d < 1e-4)), "{check}");
    assert!(
        !place.read("quiet/log.jsonl").contains("\"warning\"") && !metrics["notes"].to_string().contains("warning")
    );
    let (_, metrics) = run("strict", "1e-15");
    for when in ["at the start of training", "at the end of training"] {
        assert!(metrics["notes"].to_string().contains(when), "{}", metrics["notes"]);
        assert!(place.read("strict/report.html").contains(when));
    }
    assert_eq!(place.read("strict/log.jsonl").matches("\"event\":\"warning\"").count(), 2);
    for (set, place_of) in [
        ("model.ode.gradient_check=0", "`gradient_check` must be positive"),
        ("model.ode.gradient={ continuous_adjoint = { rtol = 0 } }", "`rtol` must be positive"),
    ] {
        let text = place.fail(&["check", "experiment.toml", "--set", set]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains(place_of), "{text}");
    }
    let set = "model.ode.gradient={ continuous_adjoint = { rtol = 1e-7 } }";
    place.succeed(&["run", "experiment.toml", "--out", "adjoint", "--set", set]);
}

/// Each mistake is one replacement in the experiment.
const MISTAKES: [(&str, &str, &str); 20] = [
    ("unknown name", "feed - loss + nn.u", "feed - loss + nn.v"),
    ("broken expression", "feed - loss + nn.u", "feed - (loss + nn.u"),
    ("two names side by side", "loss = \"k*x\"", "loss = \"k x\""),
    ("unknown function in a list", "\"t/10\"", "\"ln(t)\""),
    ("misspelt parameter in an observation", "total = \"x + y\"", "total = \"x + yy\""),
    ("misspelt parameter in a start", "start/2", "strat/2"),
    ("literal string", "total = \"x + y\"", "total = 'x + 2y'"),
    ("start outside the bounds", "init = 0.3", "init = 3"),
    ("unused parameter", "k = {", "kappa = { init = 1.0 }\nk = {"),
    ("unused output", "outputs = [\"u\"]", "outputs = [\"u\", \"v\"]"),
    ("no start", ", initial = \"start/2\"", ""),
    ("column without meaning", "total = \"x + y\"", "sum = \"x + y\""),
    ("negative scale", "scale = 2.0", "scale = -2.0"),
    ("misspelt key of a state", "scale = 2.0", "scal = 2.0"),
    ("misspelt prior", "lognormal", "log_normal"),
    ("wrong type", "initial = \"free\"", "initial = true"),
    ("input that is a state", "inputs = [\"feed\"]", "inputs = [\"feed\", \"x\"]"),
    (
        "both a field and equations",
        "[model.ode.definitions]",
        "[model.ode.field.mlp]\nhidden = [4]\n\n[model.ode.definitions]",
    ),
    ("a type that there is not", "hidden = [4]", "hidden = [4]\ndtype = \"float16\""),
    (
        "a tolerance below what float32 can do",
        "hidden = [4]\n\n[model.ode.solver.tsit5]\nrtol = 1e-5",
        "hidden = [4]\ndtype = \"float32\"\n\n[model.ode.solver.tsit5]\nrtol = 1e-8",
    ),
];

#[test]
fn mistakes_are_shown_where_they_stand() {
    let mut report = String::new();
    for (title, right, wrong) in MISTAKES {
        assert!(EXPERIMENT.contains(right), "{title}");
        let place = place(&EXPERIMENT.replacen(right, wrong, 1));
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "series.csv", "table.csv"], "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    let place = place(EXPERIMENT);
    let text = place.fail(&["check", "experiment.toml", "--set", "model.ode.states.x.rhs=feed - los"]);
    writeln!(report, "# an override\n{text}").unwrap();
    insta::assert_snapshot!(report);
}

#[test]
fn inputs_must_be_recorded_in_every_trajectory() {
    let place = place(EXPERIMENT);
    let blind: String = series()
        .lines()
        .map(|line| {
            if line.starts_with("5,") {
                format!("{},\n", line.rsplit_once(',').unwrap().0)
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    place.write("series.csv", &blind);
    let text = place.fail(&["check", "experiment.toml"]);
    assert!(text.contains("the input column `feed` has no value in trajectory `5`"), "{text}");
}

/// What stands in `[[penalty]]` instead of one that is right.
const PENALTY_MISTAKES: [(&str, &str); 21] = [
    ("unknown name in a formula", "expression = { residual = \"x + totl\", weight = 1.0 }"),
    ("broken formula", "expression = { nonnegative = \"total - (x\", weight = 1.0 }"),
    ("two formulas", "expression = { nonnegative = \"x\", residual = \"x\", weight = 1.0 }"),
    ("misspelt network", "network_magnitude = { network = \"n\", weight = 1.0 }"),
    ("unknown name in an invariant", "invariant = { expression = \"y + los\", weight = 1.0 }"),
    ("network in an invariant", "invariant = { expression = \"y + nn.u\", weight = 1.0 }"),
    ("scale of zero", "invariant = { expression = \"y\", scale = 0.0, weight = 1.0 }"),
    ("misspelt key", "network_magnitude = { net = \"nn\", weight = 1.0 }"),
    ("residual of no state", "ode_residual = { state = \"z\", rhs = \"-k*x\", weight = 1.0 }"),
    (
        "the second of two",
        "ode_residual = { state = \"x\", rhs = \"0\", weight = 1.0 }\n[[penalty]]\node_residual = { state = \"u\", rhs = \"0\", weight = 1.0 }",
    ),
    ("network in a residual", "ode_residual = { state = \"x\", rhs = \"-k*x + nn.u\", weight = 1.0 }"),
    ("one collocation point", "ode_residual = { state = \"x\", rhs = \"-k*x\", points = 1, weight = 1.0 }"),
    ("no energy", "energy_drift = { weight = 1.0 }"),
    ("unknown direction", "energy_drift = { expression = \"x\", may = \"rise\", weight = 1.0 }"),
    ("endless", "energy_drift = { expression = \"x\", until = inf, weight = 1.0 }"),
    ("until before the start", "energy_drift = { expression = \"x\", until = 0.0, weight = 1.0 }"),
    ("unknown name in a quantity", "positivity = { expression = \"y - zz\", weight = 1.0 }"),
    ("before the start", "boundary = { at = -1.0, expression = \"y\", value = 0.0, weight = 1.0 }"),
    ("no value", "boundary = { at = 1.0, expression = \"y\", value = nan, weight = 1.0 }"),
    ("network or formula", "smoothness = { network = \"nn\", expression = \"x\", weight = 1.0 }"),
    ("misspelt network of smoothness", "smoothness = { network = \"mm\", weight = 1.0 }"),
];

#[test]
fn mistakes_in_penalties_are_shown_where_they_stand() {
    let mut report = String::new();
    let right = "invariant = { expression = \"loss*x + y*start + t\", weight = 0.1 }";
    let with =
        |penalty: &str| format!("{EXPERIMENT}\n[[penalty]]\nl2 = {{ weight = 1e-6 }}\n\n[[penalty]]\n{penalty}\n");
    for (title, wrong) in PENALTY_MISTAKES {
        let place = place(&with(&format!("{right}\n\n[[penalty]]\n{wrong}")));
        let text = place.fail(&["check", "experiment.toml"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    let table = Place::new();
    for wrong in [right, "network_magnitude = { network = \"nn\", weight = 1.0 }"] {
        table.write("experiment.toml", &format!("{}\n[[penalty]]\n{wrong}\n", crate::place::EXPERIMENT));
        writeln!(report, "# for a table\n{}", table.fail(&["check", "experiment.toml"])).unwrap();
    }
    insta::assert_snapshot!(report);
    place(&with(right)).succeed(&["check", "experiment.toml"]);
}

#[test]
fn mistakes_in_what_helps_long_series_are_shown_where_they_stand() {
    let place = Place::new();
    place.write("series.csv", &series());
    let shooting = "[model.ode.shooting]\nsegments = 3\ncontinuity = 1.0\n\n[likelihood.gaussian]";
    let mut shown = String::new();
    for (wrong, right) in [
        (shooting.replace("segments = 3\n", ""), "[likelihood.gaussian]"),
        (shooting.replace("segments = 3", "segments = 1"), "[likelihood.gaussian]"),
        (shooting.replace("segments", "segmens"), "[likelihood.gaussian]"),
        (shooting.replace("1.0", "-1.0"), "[likelihood.gaussian]"),
        (shooting.replace("1.0", "1.0\ngrowth = { to = 0.0, epochs = 5 }"), "[likelihood.gaussian]"),
        ("[model.ode.curriculum]\nfrom = 1.5\nepochs = 5\n\n[likelihood.gaussian]".into(), "[likelihood.gaussian]"),
        ("[model.ode.gradient_matching]\nepochs = 5\n\n[likelihood.gaussian]".into(), "[likelihood.gaussian]"),
        ("t_unit = \"hour\"\nfloor = 0.0".into(), "t_unit = \"hour\""),
        ("[likelihood.poisson]".into(), "[likelihood.gaussian]\nscale = \"constant\""),
        ("[likelihood.gaussian_mixture]".into(), "[likelihood.gaussian]\nscale = \"constant\""),
    ] {
        place.write("wrong.toml", &EXPERIMENT.replace(right, &wrong));
        writeln!(shown, "{}", place.fail(&["check", "wrong.toml"])).unwrap();
    }
    let minimised = EXPERIMENT.replace("[optimizer.adamw]\nlearning_rate = 2e-2", "[optimizer.lbfgs]");
    let minimised = minimised.replace("epochs = 3\nbatch_size = 4", "epochs = 3");
    place.write("wrong.toml", &minimised.replace("[likelihood.gaussian]", &shooting.replace("1.0", "1.0\nepochs = 5")));
    writeln!(shown, "{}", place.fail(&["check", "wrong.toml"])).unwrap();
    insta::assert_snapshot!(shown);
}

/// Segments, their gaps and how they end are in the log, on the terminal and in the run file.
#[test]
fn a_run_with_segments_says_how_far_they_are_apart() {
    let place = Place::new();
    place.write("series.csv", &series());
    let tables = "[model.ode.shooting]\ninterval = 2\ncontinuity = 1.0\n\n[model.ode.curriculum]\nfrom = 0.5\n\
                  epochs = 2\n\n[likelihood.gaussian]";
    place.write("run.toml", &EXPERIMENT.replace("[likelihood.gaussian]", tables));
    let shown = place.succeed(&["run", "run.toml", "--out", "out"]);
    assert!(shown.contains("segments.gap = "), "{shown}");
    let log = place.read("out/log.jsonl");
    assert!(log.contains("continuity"), "{log}");
}

#[test]
fn profiles_of_the_likelihood_are_in_every_output() {
    let place = decay();
    place
        .write("profile.toml", &format!("{DECAY}\n[intervals]\nmethod = \"profile\"\nprofiles = [\"k\", \"scale\"]\n"));
    place.succeed(&["run", "profile.toml", "--out", "out"]);
    let metrics: serde_json::Value = serde_json::from_str(&place.read("out/metrics.json")).unwrap();
    let ends = |kind: &str, name: &str| -> [f64; 2] {
        serde_json::from_value(metrics["parameters"][kind][name].clone()).unwrap_or_else(|e| panic!("{e}: {metrics}"))
    };
    for name in ["k", "scale"] {
        let (profile, curvature) = (ends("profile_intervals", name), ends("intervals", name));
        for (a, b) in profile.iter().zip(curvature) {
            assert!((a / b - 1.0).abs() < 0.2, "{name}: {profile:?} {curvature:?}");
        }
    }
    assert!(metrics["parameters"]["profile_intervals"]["start"].is_null());
    let report = place.read("out/report.html");
    assert!(report.contains("95 % by profile") && report.contains("Profile likelihood"));
    let csv = place.read("out/figures/profile.csv");
    assert!(csv.lines().filter(|l| l.starts_with("k,")).count() > 6, "{csv}");
    let bands = place.read("out/figures/trajectories.csv");
    let solution = bands.lines().filter(|l| l.contains(",solution x,")).collect::<Vec<_>>();
    assert!(solution.iter().skip(1).all(|l| !l.ends_with(",,")), "the solution is uncertain");
    assert!(place.path("out/figures/residuals.svg").exists() && place.path("out/figures/pit.svg").exists());
    // a name that is none is found before anything is computed
    place.write("wrong.toml", &format!("{DECAY}\n[intervals]\nmethod = \"profile\"\nprofiles = [\"q\"]\n"));
    let said = place.fail(&["check", "wrong.toml"]);
    assert!(said.contains("`q`, which has no interval") && said.contains("there are k, start, scale"), "{said}");
}

/// Members of an ensemble of equations with networks: a mixture, each with its own learned term.
#[test]
fn an_ensemble_of_equations_runs_from_end_to_end() {
    let place = place(&format!("{EXPERIMENT}\n[ensemble]\nmembers = 3\n"));
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let metrics: serde_json::Value = serde_json::from_str(&place.read("out/metrics.json")).unwrap();
    assert!(metrics["splits"]["valid"]["nll"].as_f64().is_some_and(f64::is_finite));
    let bands = place.read("out/figures/trajectories.csv");
    let width = |line: &str| {
        let numbers: Vec<f64> = line.rsplit(',').take(2).map(|n| n.parse().unwrap()).collect();
        numbers[0] - numbers[1]
    };
    // not measured, and so known by its equation alone: what starts free differs between members at the end
    let last = bands.lines().rfind(|l| l.contains(",solution total,")).unwrap();
    assert!(width(last) > 0.0, "{last}");
    let learned = place.read("out/figures/learned_term.csv");
    for model in 1..=3 {
        assert!(learned.lines().any(|l| l.starts_with(&format!("valid,nn.u,x,1,{model},"))), "{model}");
    }
    assert!(learned.contains(",nn.u,t/10,"));
    assert!(place.read("out/report.html").contains("members of the ensemble differ"));
}
