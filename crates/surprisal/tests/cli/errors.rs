//! Bad input gets a place, a reason and a hint, exit code 2, and leaves nothing behind.

use std::fmt::Write as _;

use crate::place::{EXPERIMENT, Place, table};

/// Each mistake is one replacement in the experiment.
const MISTAKES: [(&str, &str, &str); 19] = [
    ("misspelt key", "learning_rate = 1e-2", "lerning_rate = 1e-2"),
    ("misspelt table", "[train]", "[trian]"),
    ("misspelt likelihood", "[likelihood.gaussian]", "[likelihood.gausian]"),
    ("misspelt penalty", "l2 = {", "l3 = {"),
    ("misspelt alternative", "[likelihood.gaussian]", "[likelihood.gaussian]\nscale = \"constnat\""),
    ("wrong type", "epochs = 6", "epochs = \"six\""),
    ("negative count", "batch_size = 16", "batch_size = -16"),
    ("impossible count", "epochs = 6", "epochs = 0"),
    ("impossible decay", "ema_decay = 0.9", "ema_decay = 1.5"),
    ("impossible rate", "learning_rate = 1e-2", "learning_rate = -1.0"),
    ("impossible weight", "weight = 1e-4", "weight = -1.0"),
    ("fixed scale of zero", "[likelihood.gaussian]", "[likelihood.gaussian]\nscale = 0.0"),
    ("two likelihoods", "[likelihood.gaussian]", "[likelihood.gaussian]\n[likelihood.laplace]"),
    ("missing seed", "seed = 3\n", ""),
    ("broken syntax", "[model.mlp]", "[model.mlp"),
    ("missing file", "table.csv", "tabel.csv"),
    ("missing column", "inputs = [\"a\", \"b\"]", "inputs = [\"a\", \"bb\"]"),
    ("model that does not fit the data", "[model.mlp]\nhidden = [8]", "[model.painn]\ncutoff_angstrom = 5.0"),
    ("name that is no folder", "name = \"small\"", "name = \"../small\""),
];

#[test]
fn mistakes_in_the_configuration() {
    let mut report = String::new();
    for (title, right, wrong) in MISTAKES {
        let place = Place::new();
        assert!(EXPERIMENT.contains(right), "{title}");
        place.write("experiment.toml", &EXPERIMENT.replacen(right, wrong, 1));
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "table.csv"], "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn mistakes_in_a_table() {
    let row = table(80).lines().nth(5).unwrap().to_string();
    let mut report = String::new();
    for (title, wrong) in [
        ("text in a cell", "0.1,oops,0.3"),
        ("empty cell", "0.1,,0.3"),
        ("NaN", "0.1,NaN,0.3"),
        ("too few cells", "0.1,0.3"),
        ("infinite target", "0.1,0.2,inf"),
    ] {
        let place = Place::new();
        place.write("table.csv", &table(80).replacen(&row, wrong, 1));
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "table.csv"], "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}

/// A target that its family cannot have produced hears of one that can.
#[test]
fn observations_outside_the_support() {
    let mut report = String::new();
    for (likelihood, target, wrong) in [
        ("poisson", "\"y\"", "-2"),
        ("negative_binomial", "\"y\"", "1.5"),
        ("beta", "\"y\"", "1"),
        ("beta", "\"y\"", "45"),
        ("gamma", "\"y\"", "0"),
        ("log_normal", "\"y\"", "-1"),
        ("von_mises", "\"y\"", "270"),
        ("bernoulli", "\"y\"", "2"),
        ("categorical", "\"y\"", "1"),
        ("categorical", "{ column = \"y\" }", "rare"),
        ("multivariate_normal", "\"y\"", "1"),
    ] {
        let place = Place::new();
        // whole numbers that are shares too are none: each family starts from what it takes
        let usual = match likelihood {
            "beta" => ["0.25", "0.5"],
            "bernoulli" => ["0", "1"],
            _ => ["1", "2"],
        };
        let rows: String =
            (0..40).map(|i| format!("{i},{},{}\n", i * i % 7, if i == 10 { wrong } else { usual[i % 2] })).collect();
        place.write("table.csv", &format!("a,b,y\n{rows}"));
        let experiment = EXPERIMENT
            .replace("[likelihood.gaussian]", &format!("[likelihood.{likelihood}]"))
            .replace("target = \"y\"", &format!("target = {target}"));
        assert!(experiment.contains(&format!("target = {target}")));
        place.write("experiment.toml", &experiment);
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{likelihood}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "table.csv"], "{likelihood} left something behind");
        writeln!(report, "# {likelihood}, {target}, {wrong}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn a_batch_larger_than_the_training_set() {
    let text = Place::new().fail(&["run", "experiment.toml", "--set", "train.batch_size=1000"]);
    assert!(text.contains("`train.batch_size` is 1000, but there are only") && text.starts_with("exit 2"), "{text}");
}

const WATER: &str = "3
Properties=species:S:1:pos:R:3:forces:R:3 energy=-1.0 pbc=\"F F F\"
O 0.0 0.0 0.0 0.1 0.0 0.0
H 0.96 0.0 0.0 -0.1 0.0 0.0
H -0.24 0.93 0.0 0.0 0.0 0.0
";

#[test]
fn mistakes_in_frames() {
    let experiment = EXPERIMENT
        .replace(
            "[data.csv]\npath = \"table.csv\"\ninputs = [\"a\", \"b\"]\ntarget = \"y\"\nvalid_fraction = 0.25\ntest_fraction = 0.25",
            "[data.extxyz]\ntrain = \"frames.xyz\"",
        )
        .replace("[model.mlp]\nhidden = [8]", "[model.painn]\ncutoff_angstrom = 4.0");
    let mut report = String::new();
    for (title, right, wrong) in [
        ("truncated frame", "H -0.24 0.93 0.0 0.0 0.0 0.0\n", ""),
        ("non-numeric position", "0.96", "O.96"),
        ("NaN force", "-0.1 0.0 0.0", "nan 0.0 0.0"),
        ("missing forces", ":forces:R:3", ":momenta:R:3"),
        ("unknown element", "O 0.0", "Ox 0.0"),
        ("atoms on top of each other", "H 0.96 0.0 0.0", "H 0.05 0.0 0.0"),
        ("empty file", WATER, ""),
    ] {
        let place = Place::new();
        place.write("experiment.toml", &experiment);
        let mut frames = WATER.repeat(3);
        if right == WATER {
            frames = wrong.to_string();
        } else {
            let second = WATER.replacen(right, wrong, 1);
            assert_ne!(second, WATER, "{title}");
            frames.replace_range(WATER.len()..2 * WATER.len(), &second);
        }
        place.write("frames.xyz", &frames);
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), ["experiment.toml", "frames.xyz", "table.csv"], "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn mistakes_on_the_command_line() {
    let place = Place::new();
    std::fs::create_dir(place.path("taken")).unwrap();
    let mut report = String::new();
    for arguments in [
        &["run", "experimant.toml"][..],
        &["run", "experiment.toml", "--out", "taken"],
        &["run", "experiment.toml", "--set", "train.epochs"],
        &["run", "experiment.toml", "--set", "train.epoch=5"],
        &["run", "experiment.toml", "--set", "train.epochs=many"],
        &["run", "experiment.toml", "--set", "likelihood.laplacian={}"],
        &["run", "experiment.toml", "--set", "name.first=x"],
        &["run", "experiment.toml", "--device", "gpu"],
        &["run", "experiment.toml", "--device", "cuda:0"],
        &["run", "experiment.toml", "--out", "taken", "--resume"],
        &["resume", "taken"],
        &["resume", "taken", "--device", "gpu"],
        &["report", "taken"],
        &["list", "likelyhood"],
    ] {
        let text = place.fail(arguments);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{arguments:?}: {text}");
        writeln!(report, "# {}\n{text}", arguments.join(" ")).unwrap();
    }
    assert_eq!(place.names(), ["experiment.toml", "table.csv", "taken"]);
    insta::assert_snapshot!(report);
}
