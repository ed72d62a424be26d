//! `surprisal reproduce`: a study is run and compared, and its mistakes are named.

use std::fmt::Write as _;

use crate::place::{EXPERIMENT, Place};

/// Two runs of the small experiment; the second is repeated over seeds.
const STUDY: &str = r#"seeds = [3]
cpu_seconds = 1

[[run]]
name = "plain"
config = "config.toml"

[[run.expect]]
metric = "splits.train.n_samples"
value = 40
tolerance = 0

[[run]]
name = "seeds"
config = "config.toml"
set = ["train.epochs=2"]
repeat = { key = "seed", from = 1, to = 3 }

[[run.expect]]
metric = "seed"
value = 2
tolerance = 1e-9

[[order]]
less = ["plain:splits.test.nll", "seeds:splits.test.nll"]
"#;

fn study(expected: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path("experiments/small")).unwrap();
    let config = EXPERIMENT.replacen("seed = 3", "seed = 3\ndata_root = \"../..\"", 1);
    place.write("experiments/small/config.toml", &config.replace("epochs = 6", "epochs = 60"));
    place.write("experiments/small/expected.toml", expected);
    place
}

#[test]
fn a_study_that_gives_what_it_should() {
    let place = study(STUDY);
    let shown = place.succeed(&["reproduce", "small", "--out", "out"]);
    assert!(shown.contains("3 of 3 as expected"), "{shown}");
    assert!(shown.contains("2 ± 0.58"), "mean and standard error of 1, 2, 3: {shown}");
    // One run leaves everything, repeats leave what is averaged.
    assert!(place.path("out/plain/report.html").exists() && place.path("out/plain/figures").exists());
    for seed in 1..=3 {
        let of = |name: &str| place.path(&format!("out/seeds-{seed}/{name}"));
        assert!(of("metrics.json").exists() && of("run.h5").exists() && of("provenance.json").exists());
        assert!(!of("report.html").exists() && !of("figures").exists());
    }
    // The same numbers as `surprisal run` writes.
    place.succeed(&[
        "run",
        "experiments/small/config.toml",
        "--set",
        "train.epochs=2",
        "--set",
        "seed=2",
        "--out",
        "alone",
    ]);
    let splits = |path: &str| {
        let metrics: serde_json::Value = serde_json::from_str(&place.read(path)).unwrap();
        metrics["splits"].clone()
    };
    assert_eq!(splits("alone/metrics.json"), splits("out/seeds-2/metrics.json"));
    let account: serde_json::Value = serde_json::from_str(&place.read("out/reproduced.json")).unwrap();
    assert_eq!(account["lines"].as_array().unwrap().len(), 3);
}

#[test]
fn runs_are_laid_side_by_side() {
    let repeated = "repeat = { key = \"seed\", from = 1, to = 3 }\n";
    let compared = STUDY.replace(repeated, "") + "\n[[compare]]\nname = \"pair\"\nruns = [\"plain\", \"seeds\"]\n";
    let place = study(&compared.replace("metric = \"seed\"\nvalue = 2", "metric = \"seed\"\nvalue = 3"));
    let shown = place.succeed(&["reproduce", "small", "--out", "out"]);
    assert!(shown.contains("comparison: out/pair.html"), "{shown}");
    let page = place.read("out/pair.html");
    assert!(page.contains("<th>plain</th>") && page.contains("<th>seeds</th>"));
    assert!(place.path("out/pair_reliability.csv").exists() && place.path("out/pair_reliability.png").exists());
    // A run alone has nothing beside it.
    place.succeed(&["reproduce", "small", "--run", "plain", "--out", "alone"]);
    assert!(!place.path("alone/pair.html").exists());
}

#[test]
fn what_is_not_as_expected_fails() {
    let place = study(&STUDY.replace("value = 40", "value = 41").replace(
        "\"plain:splits.test.nll\", \"seeds:splits.test.nll\"",
        "\"seeds:splits.test.nll\", \"plain:splits.test.nll\"",
    ));
    let output = place.run(&["reproduce", "experiments/small", "--out", "out"]);
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{shown}");
    assert!(shown.contains("1 of 3 as expected") && shown.matches("FAILED").count() == 2, "{shown}");
}

#[test]
fn one_run_of_a_study_and_overrides_for_it() {
    let place = study(&STUDY.replace("value = 40", "value = 20"));
    let arguments = ["reproduce", "small", "--run", "plain", "--set", "data.csv.test_fraction=0.5", "--out", "out"];
    let shown = place.succeed(&arguments);
    assert!(shown.contains("1 of 1 as expected"), "the comparison with the run left out is left out too: {shown}");
    assert!(!place.path("out/seeds-1").exists());
}

#[test]
fn data_that_is_not_shipped_is_asked_for() {
    let place = study(STUDY);
    let data = "origin = \"https://example.org/table\"\n[[file]]\nname = \"table.csv\"\nbytes = 1\nsha256 = \"0\"\n";
    place.write("experiments/small/data.toml", data);
    let config = place.read("experiments/small/config.toml");
    place.write("experiments/small/config.toml", &config.replace("\"../..\"", "\"../../external\""));
    // A run on data of the project beside it.
    place.write("experiments/small/own.toml", &config.replace("table.csv", "own.csv"));
    place.write("own.csv", &place.read("table.csv"));
    place.write("experiments/small/expected.toml", &STUDY.replacen("config.toml", "own.toml", 1));
    let text = place.fail(&["reproduce", "small", "--out", "out"]);
    assert!(text.starts_with("exit 2\n") && text.contains("run `seeds` needs data"), "{text}");
    assert!(text.contains("scripts/get_data small") && text.contains("https://example.org/table"), "{text}");
    assert!(!place.path("out").exists());
    place.succeed(&["reproduce", "small", "--run", "plain", "--out", "own"]);
    // The folder given is for what is not shipped; the project's own data stays where it is.
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    place.write("elsewhere/table.csv", &place.read("table.csv"));
    let root = format!("data_root={}", place.path("elsewhere").display());
    let shown = place.succeed(&["reproduce", "small", "--set", &root, "--out", "out"]);
    assert!(shown.contains("3 of 3 as expected"), "{shown}");
}

#[test]
fn mistakes_of_studies() {
    let mut report = String::new();
    for (title, right, wrong) in [
        ("misspelt key", "tolerance = 0\n", "tolerence = 0\n"),
        ("missing key", "cpu_seconds = 1\n", ""),
        ("unknown metric", "splits.train.n_samples", "splits.train.n_sample"),
        ("unknown split", "splits.train.n_samples", "splits.iid.n_samples"),
        ("not a number", "splits.train.n_samples", "splits.train"),
        ("no path", "splits.train.n_samples", "splits..n_samples"),
        ("unknown parameter", "metric = \"splits.train.n_samples\"", "parameter = \"layers.9.weight\""),
        ("index too large", "metric = \"splits.train.n_samples\"", "parameter = \"layers.1.bias\"\nindex = 2"),
        ("metric and parameter", "metric = \"splits.train.n_samples\"", "metric = \"seed\"\nparameter = \"w\""),
        ("negative tolerance", "tolerance = 0\n", "tolerance = -1\n"),
        ("two runs of one name", "name = \"seeds\"", "name = \"plain\""),
        ("name that is no folder", "name = \"seeds\"", "name = \"../seeds\""),
        ("order of an unknown run", "\"seeds:splits.test.nll\"", "\"seed:splits.test.nll\""),
        ("repeat backwards", "to = 3", "to = 0"),
        ("no such run to compare", "[[order]]", "[[compare]]\nname = \"a\"\nruns = [\"plain\", \"plane\"]\n[[order]]"),
        ("a repeated run compared", "[[order]]", "[[compare]]\nname = \"a\"\nruns = [\"plain\", \"seeds\"]\n[[order]]"),
        ("one run compared", "[[order]]", "[[compare]]\nname = \"a\"\nruns = [\"plain\"]\n[[order]]"),
        ("misspelt key of a comparison", "[[order]]", "[[compare]]\nnam = \"a\"\nruns = [\"plain\"]\n[[order]]"),
        ("no such configuration", "config = \"config.toml\"", "config = \"confg.toml\""),
        ("override that fits nothing", "train.epochs=2", "train.epoch=2"),
    ] {
        assert!(STUDY.contains(right), "{title}");
        let place = study(&STUDY.replacen(right, wrong, 1).replace("to = 3", "to = 1"));
        let text = place.fail(&["reproduce", "small", "--set", "train.epochs=2", "--out", "out"]);
        // What a person watches while runs compute is another matter.
        let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("epoch ")).collect();
        let text = text.join("\n");
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{title}: {text}");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    let place = study(STUDY);
    for arguments in [
        &["reproduce", "smal"][..],
        &["reproduce", "elsewhere/nothing-alike"],
        &["reproduce", "small", "--run", "plane"],
        &["reproduce", "small", "--out", "experiments"],
        &["reproduce", "small", "--set", "train.epochs"],
        &["reproduce", "small", "--device", "gpu"],
    ] {
        let text = place.fail(arguments);
        assert!(text.starts_with("exit 2\nerror: ") && text.contains("\nhint: "), "{arguments:?}: {text}");
        writeln!(report, "# {}\n{text}", arguments.join(" ")).unwrap();
    }
    assert_eq!(place.names(), ["experiment.toml", "experiments", "table.csv"], "nothing was computed");
    insta::assert_snapshot!(report);
}
