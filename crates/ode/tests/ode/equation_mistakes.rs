//! What people get wrong in equations, and what they are told.

use std::fmt::Write as _;

use surprisal_core::{Blame, Diagnose};

use crate::equations::equations;

const RIGHT: &str = r#"{
    "states": { "x": { "rhs": "alpha*x - nn.u", "scale": 10 }, "y": { "rhs": "-delta*y + growth", "initial": 1 } },
    "definitions": { "growth": "nn.v*x" },
    "parameters": { "alpha": { "init": 1, "positive": true }, "delta": { "init": 1 } },
    "networks": { "nn": { "inputs": ["x", "y"], "outputs": ["u", "v"], "hidden": [4] } },
    "observations": {},
    "events": { "dose": { "at": [1, 2], "set": { "x": "x + 1" } } } }"#;

/// Each is one replacement in the right one.
const MISTAKES: [(&str, &str); 43] = [
    ("\"at\": [1, 2]", "\"at\": \"amount\""),
    ("\"at\": [1, 2]", "\"when\": \"x - alpa\""),
    ("\"at\": [1, 2]", "\"at\": [1], \"when\": \"x\""),
    ("\"at\": [1, 2], ", ""),
    ("\"at\": [1, 2]", "\"at\": [1], \"direction\": \"rising\""),
    (", \"set\": { \"x\": \"x + 1\" }", ""),
    ("{ \"x\": \"x + 1\" }", "{ \"z\": \"x + 1\" }"),
    ("{ \"x\": \"x + 1\" }", "{ \"x\": \"x + nn.u\" }"),
    ("alpha*x - nn.u", "alpha*x - nn.w"),
    ("alpha*x - nn.u", "alpa*x - nn.u"),
    ("-delta*y + growth", "-delta*y + + "),
    ("-delta*y + growth", "-delta*y + grwth"),
    ("nn.v*x", "nn.v*x*growth"),
    ("nn.v*x", "nn.v x"),
    ("\"inputs\": [\"x\", \"y\"]", "\"inputs\": [\"x\", \"y*gamma\"]"),
    ("\"inputs\": [\"x\", \"y\"]", "\"inputs\": [\"x\", \"growth\"]"),
    ("\"inputs\": [\"x\", \"y\"]", "\"inputs\": []"),
    ("[\"u\", \"v\"]", "[\"u\", \"v\", \"w\"]"),
    ("[\"u\", \"v\"]", "[\"u\", \"v\", \"u\"]"),
    ("[\"u\", \"v\"]", "[\"u\", \"v\", \"2w\"]"),
    ("\"hidden\": [4]", "\"hidden\": [4, 0]"),
    ("\"hidden\": [4]", "\"hidden\": [4], \"output_scale\": 0"),
    ("\"scale\": 10", "\"scale\": -10"),
    ("\"positive\": true", "\"positive\": true, \"lower\": 0"),
    ("\"init\": 1, \"positive\": true", "\"init\": -1, \"positive\": true"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1, \"lower\": 0, \"upper\": 1 }"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1, \"fixed\": true, \"per_trajectory\": true }"),
    (
        "\"delta\": { \"init\": 1 }",
        "\"delta\": { \"init\": 1, \"prior\": { \"lognormal\": { \"loc\": 0, \"scale\": 1 } } }",
    ),
    (
        "\"delta\": { \"init\": 1 }",
        "\"delta\": { \"init\": 1, \"prior\": { \"normal\": { \"loc\": 0, \"scale\": 0 } } }",
    ),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1 }, \"kappa\": { \"init\": 1 }"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1 }, \"x\": { \"init\": 1 }"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1 }, \"t\": { \"init\": 1 }"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1 }, \"exp\": { \"init\": 1 }"),
    ("\"delta\": { \"init\": 1 }", "\"delta\": { \"init\": 1 }, \"nn.u\": { \"init\": 1 }"),
    ("[\"u\", \"v\"]", "[\"u\", \"v\", \"a.b\"]"),
    (", \"initial\": 1", ""),
    ("\"initial\": 1", "\"initial\": \"observed\""),
    ("\"initial\": 1", "\"initial\": \"x0\""),
    ("\"initial\": 1", "\"initial\": 1, \"observed\": true"),
    ("\"scale\": 10", "\"scale\": 10, \"observed\": false"),
    ("\"scale\": 10", "\"scale\": 10, \"observed\": \"log(x + z)\", \"initial\": 1"),
    ("\"observations\": {}", "\"observations\": { \"total\": \"x + y\" }"),
    ("\"x\": { \"rhs\": \"alpha*x", "\"xx\": { \"rhs\": \"alpha*xx"),
];

#[test]
fn every_mistake_names_its_key_and_its_remedy() {
    let columns = ["x".to_owned()];
    equations(RIGHT).compile(&columns, &[1.0], &[]).unwrap();
    let mut report = String::new();
    for (right, wrong) in MISTAKES {
        assert!(RIGHT.contains(right), "{right}");
        let Err(error) = equations(&RIGHT.replacen(right, wrong, 1)).compile(&columns, &[1.0], &[]) else {
            panic!("{wrong} has nothing wrong");
        };
        assert_eq!(error.blame(), Blame::User);
        let element = error.element.map_or(String::new(), |i| format!("[{i}]"));
        let (keys, hint) = (error.keys.join("."), error.hint().unwrap());
        writeln!(report, "{keys}{element}: {error}\nhint: {hint}\n").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn inputs_are_checked_too() {
    let columns = ["x".to_owned()];
    let error = equations(RIGHT).compile(&columns, &[1.0], &["alpha".to_owned()]).unwrap_err();
    assert_eq!(
        (error.keys.join("."), error.to_string()),
        ("parameters.alpha".into(), "`alpha` is an input column already".into())
    );
}
