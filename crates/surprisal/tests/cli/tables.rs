//! What a run of a table says of its rows, groups and coefficients.

use std::fmt::Write as _;

use serde_json::Value;
use surprisal_data::run_file::Reader;

use crate::place::Place;

/// A linear model by maximum likelihood.
const LINEAR: &str = r#"name = "linear"
seed = 3

[data.csv]
path = "table.csv"
inputs = ["a", "b"]
target = "y"
test_fraction = 0.25

[model.mlp]
hidden = []

[likelihood.gaussian]
scale = "constant"

[optimizer.lbfgs]
"#;

fn metrics(place: &Place, out: &str) -> Value {
    serde_json::from_str(&place.read(&format!("{out}/metrics.json"))).unwrap()
}

fn number(value: &Value, path: &str) -> f64 {
    value.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {value:#}"))
}

#[test]
fn coefficients_in_raw_units_are_the_model() {
    let place = Place::new();
    place.write("linear.toml", LINEAR);
    place.succeed(&["run", "linear.toml", "--out", "out"]);
    let found = metrics(&place, "out");
    let of = |name: &str| number(&found, &format!("/coefficients/location/raw/{name}"));
    let (intercept, a, b) = (of("(intercept)"), of("a"), of("b"));
    assert!((a - 1.0).abs() < 0.05 && (b + 0.5).abs() < 0.05, "y = a − b/2: {a} {b}");
    let reader = Reader::open(&place.path("out/run.h5")).unwrap();
    for split in ["train", "test"] {
        let (inputs, location) = (reader.column(split, "input").unwrap(), reader.column(split, "location").unwrap());
        assert_eq!(inputs.width, 2);
        for (x, location) in inputs.values.chunks_exact(2).zip(&location.values) {
            assert!((intercept + a * x[0] + b * x[1] - location).abs() < 1e-10, "{x:?} {location}");
        }
        let (nll, n) = (number(&found, &format!("/splits/{split}/nll")), inputs.n_samples as f64);
        assert!((number(&found, &format!("/splits/{split}/log_likelihood")) + n * nll).abs() < 1e-9);
    }
    // At the maximum of the likelihood the constant scale is the error's root mean square.
    let scale = number(&found, "/parameters/scale");
    assert!((scale - number(&found, "/splits/train/rmse")).abs() < 1e-7, "{scale}");
    // Standardised coefficients are per standard deviation of the input, in standard deviations of the target.
    let ratio = of("a") / number(&found, "/coefficients/location/standardized/a");
    let deviation = |values: Vec<f64>| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    let inputs = reader.column("train", "input").unwrap().values;
    let (x, y) = (inputs.into_iter().step_by(2).collect(), reader.column("train", "target").unwrap().values);
    assert!((ratio - deviation(y) / deviation(x)).abs() < 1e-10);
    assert!(!place.path("out/figures/function.png").exists(), "two inputs make no curve");
}

#[test]
fn a_hidden_layer_has_no_coefficients_and_one_input_makes_a_curve() {
    let place = Place::new();
    let experiment = place.read("experiment.toml").replace("inputs = [\"a\", \"b\"]", "inputs = [\"a\"]");
    place.write("experiment.toml", &experiment);
    place.succeed(&["run", "experiment.toml", "--out", "out"]);
    let found = metrics(&place, "out");
    assert!(found.get("coefficients").is_none() && found.get("parameters").is_none());
    let curve = place.read("out/figures/function.csv");
    let mut lines = curve.lines();
    assert_eq!(lines.next(), Some("split,input,target,mean,sigma"));
    assert_eq!(lines.count(), 80, "every row once");
    assert!(place.path("out/figures/function.png").exists() && place.path("out/figures/function.svg").exists());
}

#[test]
fn groups_of_an_attribute_are_compared() {
    let place = Place::new();
    let mut table = String::from("a,who,y\n");
    for i in 0..120 {
        let (a, who) = ((f64::from(i) * 0.37).sin(), if i % 3 == 0 { "x" } else { "y" });
        let label = if a + if who == "x" { 0.5 } else { -0.2 } > 0.1 * f64::from(i % 5) { "yes" } else { "no" };
        writeln!(table, "{a:.6},{who},{label}").unwrap();
    }
    place.write("table.csv", &table);
    let experiment = LINEAR
        .replace("inputs = [\"a\", \"b\"]\ntarget = \"y\"", "inputs = [\"a\", \"who\"]\ncategorical = [\"who\"]\ntarget = { column = \"y\", positive = \"yes\" }\nattributes = [\"who\"]")
        .replace("[likelihood.gaussian]\nscale = \"constant\"", "[likelihood.bernoulli]\n[[penalty]]\ndemographic_parity = { attribute = \"who\", compare = \"mean\", weight = WEIGHT }\n[[penalty]]\nl2 = { weight = 1e-3 }");
    let gap = |weight: &str| {
        place.write("fair.toml", &experiment.replace("WEIGHT", weight));
        place.succeed(&["run", "fair.toml", "--out", weight]);
        let found = metrics(&place, weight);
        // Counted from the run file.
        let reader = Reader::open(&place.path(&format!("{weight}/run.h5"))).unwrap();
        let column = |name: &str| reader.column("train", name).unwrap().values;
        let (who, p) = (column("attribute.who"), column("location"));
        let of = |level: f64| {
            let members: Vec<f64> = who.iter().zip(&p).filter(|(w, _)| **w == level).map(|(_, p)| *p).collect();
            (members.len() as f64, members.iter().sum::<f64>() / members.len() as f64)
        };
        let at = |path: &str| number(&found, &format!("/splits/train/fairness/who/{path}"));
        for (level, name) in [(0.0, "x"), (1.0, "y")] {
            let (n, _) = of(level);
            assert_eq!(at(&format!("groups/{name}/n")), n);
        }
        let counted = (of(0.0).1 - of(1.0).1).abs();
        assert!((at("gaps/mean_prediction") - counted).abs() < 1e-12, "{counted}");
        counted
    };
    let (free, held) = (gap("0.0"), gap("20.0"));
    assert!(free > 0.1 && held < 0.3 * free, "the penalty narrows the gap it is about: {free} {held}");
}
