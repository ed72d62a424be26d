//! Every setting that no type can rule out: an impossible value is found before anything is created,
//! at its place in the file.

use std::fmt::Write as _;

use crate::place::{EXPERIMENT, Place};

/// Replacements in the experiment on a table.
const TABLE: [(&str, &str); 20] = [
    ("batch_size = 16", "batch_size = 0"),
    ("epochs = 6", "epochs = 0"),
    ("epochs = 6", "epochs = 6\nshard_size = 0"),
    ("epochs = 6", "epochs = 6\nevaluate_every = 0"),
    ("epochs = 6", "epochs = 6\ncurve_groups = 0"),
    ("epochs = 6", "epochs = 6\npatience = 0"),
    ("epochs = 6", "epochs = 6\nclip_norm = 0.0"),
    ("epochs = 6", "epochs = 6\ncheckpoint_seconds = nan"),
    ("epochs = 6", "epochs = 6\ncheckpoint_steps = 0"),
    ("valid_fraction = 0.25", "valid_fraction = 1.0"),
    ("test_fraction = 0.25", "test_fraction = -0.1"),
    ("valid_fraction = 0.25", "valid_fraction = 0.001"),
    ("valid_fraction = 0.25", "valid_fraction = 0.75"),
    ("test_fraction = 0.25", "split = 1"),
    ("target = \"y\"", "target = []"),
    ("hidden = [8]", "hidden = [8, 0]"),
    ("[likelihood.gaussian]", "[likelihood.student_t]\ndf = -1.0"),
    ("[likelihood.gaussian]", "[likelihood.normal_inverse_gamma]\nregularizer = -0.01"),
    ("[likelihood.gaussian]", "[likelihood.gaussian]\n[risk.cvar]\nfraction = 0.0"),
    ("l2 = { weight = 1e-4 }", "l2 = { weight = 1e-4 }\n[[penalty]]\nl2 = { weight = nan }"),
];

/// Replacements that need more than one line.
const TABLE_TOO: [(&str, &str); 20] = [
    ("[likelihood.gaussian]", "[ensemble]\nmembers = 0\n\n[likelihood.gaussian]"),
    ("hidden = [8]", "hidden = [8]\ndropout = 0.1\nmc_samples = 4\n\n[ensemble]\nmembers = 2"),
    ("hidden = [8]", "hidden = [8]\ndropout = 1.0"),
    ("hidden = [8]", "hidden = []\ndropout = 0.1"),
    ("hidden = [8]", "hidden = [8]\ndropout = 0.1\nmc_samples = 0"),
    ("hidden = [8]", "hidden = [8]\nmc_samples = 4"),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\n\n[likelihood.gaussian]"),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\n\n[likelihood.gaussian]\nscale = 0.5"),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\n\n[likelihood.laplace]\nscale = \"constant\""),
    (
        "hidden = [8]\n\n[likelihood.gaussian]",
        "hidden = []\n\n[last_layer.bayesian]\n\n[likelihood.gaussian]\nscale = \"constant\"",
    ),
    (
        "[likelihood.gaussian]",
        "[last_layer.bayesian]\n\n[ensemble]\nmembers = 2\n\n[likelihood.gaussian]\nscale = \"constant\"",
    ),
    (
        "hidden = [8]\n\n[likelihood.gaussian]",
        "hidden = [8]\ndropout = 0.1\nmc_samples = 2\n\n[last_layer.bayesian]\n\n[likelihood.gaussian]\nscale = \"constant\"",
    ),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\nlambda = 0.0\n\n[likelihood.gaussian]\nscale = \"constant\""),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\na0 = -1.0\n\n[likelihood.gaussian]\nscale = \"constant\""),
    ("[optimizer.adamw]\nlearning_rate = 1e-2", "[optimizer.adamw]\nlearning_rate = inf"),
    ("learning_rate = 1e-2", "learning_rate = 1e-2\nbeta1 = 1.0"),
    ("learning_rate = 1e-2", "learning_rate = 1e-2\nepsilon = 0.0"),
    ("[optimizer.adamw]\nlearning_rate = 1e-2", "[optimizer.sgd]\nlearning_rate = 1e-2\nmomentum = 1.0"),
    ("warmup_steps = 5", "warmup_steps = 5\nfloor = 2.0"),
    ("[optimizer.adamw]", "[energy_likelihood]\nweight = 0.1\nlikelihood = { gaussian = {} }\n\n[optimizer.adamw]"),
];

const SERIES: &str = r#"name = "small"
seed = 3

[data.csv_series]
path = "series.csv"
time = "t"
states = ["x", "y"]
trajectory = "id"
valid_fraction = 0.25

[model.ode.field.mlp]
hidden = [8]

[model.ode.solver.tsit5]
rtol = 1e-6
atol = 1e-8

[likelihood.gaussian]
scale = "constant"

[optimizer.adamw]
learning_rate = 1e-2

[train]
epochs = 2
batch_size = 4
"#;

const OF_SERIES: [(&str, &str); 15] = [
    ("rtol = 1e-6", "rtol = -1"),
    ("rtol = 1e-6", "rtol = nan"),
    ("atol = 1e-8", "atol = 0.0"),
    ("atol = 1e-8", "atol = [1e-8, -1e-8]"),
    ("atol = 1e-8", "atol = [1e-8, 1e-8, 1e-8]"),
    ("atol = 1e-8", "atol = 1e-8\nmax_steps = 0"),
    ("hidden = [8]", "hidden = [0]"),
    (
        "states = [\"x\", \"y\"]\ntrajectory = \"id\"\nvalid_fraction = 0.25\n\n[model.ode.field.mlp]",
        "states = [\"x\"]\ntrajectory = \"id\"\nvalid_fraction = 0.25\n\n[model.ode.field.hamiltonian]",
    ),
    (
        "states = [\"x\", \"y\"]\ntrajectory = \"id\"\nvalid_fraction = 0.25\n\n[model.ode.field.mlp]",
        "states = [\"x\"]\ntrajectory = \"id\"\nvalid_fraction = 0.25\n\n[model.ode.field.lagrangian]\nvelocities = \"measured\"",
    ),
    ("[model.ode.field.mlp]\nhidden = [8]", "[model.ode.field.second_order]\nhidden = [8, 0]"),
    ("scale = \"constant\"", "scale = \"network\""),
    ("scale = \"constant\"", "scale = -1.0"),
    ("states = [\"x\", \"y\"]", "states = [\"x\", \"x\"]"),
    ("valid_fraction = 0.25", "valid_fraction = 0.0001"),
    ("valid_fraction = 0.25", "valid_fraction = 2.0"),
];

/// Replacements in [`latent`].
const OF_LATENT: [(&str, &str); 22] = [
    ("observations = 2", "observations = 0"),
    ("observations = 2", "observations = 4"),
    ("observations = 2", "until = -1.0"),
    ("observations = 2", "until = 3.0"),
    ("observations = 2", "until = nan"),
    ("observations = 2", "observations = 2, until = 1.0"),
    ("latent_dim = 3", "latent_dim = 0"),
    ("encoder]\nhidden = [8]", "encoder]\nhidden = [8, 0]"),
    ("encoder]\nhidden = [8]", "decoder]\nhidden = [0]"),
    ("field.mlp]\nhidden = [8]", "field.mlp]\nhidden = [0]"),
    ("field.mlp]\nhidden = [8]", "field.mlp]\nhidden = [8]\naugment = 2"),
    (
        "hidden = [8]\n\n[model.latent_ode.solver.tsit5]\nrtol = 1e-6",
        "hidden = [8]\ndtype = \"float32\"\n\n[model.latent_ode.solver.tsit5]\nrtol = 1e-7",
    ),
    ("field.mlp]", "field.second_order]"),
    ("field.mlp]", "field.hamiltonian]"),
    ("atol = 1e-8", "atol = [1e-8, 1e-8]"),
    ("latent_dim = 3", "latent_dim = 3\ngradient_check = 0.0"),
    ("latent_dim = 3", "latent_dim = 3\nlatent = { gaussian = { kl_weight = -1.0 } }"),
    ("latent_dim = 3", "latent_dim = 3\nlatent = { gaussian = { samples = 0 } }"),
    ("[likelihood.gaussian]", "[ensemble]\nmembers = 2\n\n[model.latent_ode.latent.gaussian]\n\n[likelihood.gaussian]"),
    ("trajectory = \"id\"", "trajectory = \"id\"\ninputs = [\"u\"]"),
    ("[likelihood.gaussian]", "[last_layer.bayesian]\n\n[likelihood.gaussian]"),
    ("[likelihood.gaussian]", "[[penalty]]\ninvariant = { expression = \"x\", weight = 1.0 }\n\n[likelihood.gaussian]"),
];

/// The experiment on series with a latent ODE.
fn latent() -> String {
    let model = "[model.latent_ode]\ncontext = { observations = 2 }\nlatent_dim = 3\n\n[model.latent_ode.encoder]\nhidden = [8]\n\n[model.latent_ode.field.mlp]";
    SERIES.replace("[model.ode.field.mlp]", model).replace("model.ode.solver", "model.latent_ode.solver")
}

const FRAMES: &str = r#"name = "small"
seed = 3

[data.extxyz]
train = "frames.xyz"
valid_fraction = 0.25

[model.painn]
cutoff_angstrom = 4.0
n_features = 8

[likelihood.gaussian]

[energy_likelihood]
weight = 0.1
likelihood = { gaussian = { scale = "constant" } }

[optimizer.adamw]
learning_rate = 1e-2

[train]
epochs = 2
batch_size = 4
"#;

const OF_FRAMES: [(&str, &str); 16] = [
    ("cutoff_angstrom = 4.0", "cutoff_angstrom = -4.0"),
    ("cutoff_angstrom = 4.0", "cutoff_angstrom = inf"),
    ("n_features = 8", "n_features = 0"),
    ("n_features = 8", "n_interactions = 0"),
    ("n_features = 8", "n_radial = 0"),
    ("n_features = 8", "forces = \"direct\""),
    ("weight = 0.1", "weight = -0.1"),
    ("scale = \"constant\"", "scale = \"network\""),
    ("scale = \"constant\"", "scale = 0.0"),
    ("valid_fraction = 0.25", "valid_fraction = 0.25\nvalid = \"frames.xyz\""),
    ("valid_fraction = 0.25", "valid_fraction = 0.01"),
    ("valid_fraction = 0.25", "test.epoch = \"frames.xyz\""),
    ("valid_fraction = 0.25", "test.hot = \"frame.xyz\""),
    ("valid_fraction = 0.25", "isolated_atom_energies = { Hh = -1.0 }"),
    ("valid_fraction = 0.25", "isolated_atom_energies = { H = nan }"),
    ("batch_size = 4", "batch_size = 4\npatience = 3\n[data.extxyz.test]"),
];

fn series() -> String {
    let rows =
        (0..8).flat_map(|id| (0..4).map(move |i| format!("{id},{i},{},{}\n", 0.1 * f64::from(i), f64::from(id))));
    std::iter::once("id,t,x,y\n".to_owned()).chain(rows).collect()
}

fn frames() -> String {
    let frame = "3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1.0 pbc=\"F F F\"\n\
                 O 0.0 0.0 0.0 0.1 0.0 0.0\nH 0.96 0.0 0.0 -0.1 0.0 0.0\nH -0.24 0.93 0.0 0.0 0.0 0.0\n";
    frame.repeat(8)
}

#[test]
fn impossible_settings_are_found_at_their_place() {
    let tables = TABLE.iter().chain(&TABLE_TOO).map(|change| (EXPERIMENT, change));
    let of_series = OF_SERIES.iter().map(|change| (SERIES, change));
    let latent = latent();
    let of_latent = OF_LATENT.iter().map(|change| (latent.as_str(), change));
    let of_frames = OF_FRAMES.iter().map(|change| (FRAMES, change));
    let place = Place::new();
    place.write("series.csv", &series());
    place.write("frames.xyz", &frames());
    let before = place.names();
    let mut report = String::new();
    for (experiment, (right, wrong)) in tables.chain(of_series).chain(of_latent).chain(of_frames) {
        assert!(experiment.contains(right), "{right}");
        let mut changed = experiment.replacen(right, wrong, 1);
        if wrong.contains("patience = 3") {
            changed = changed.replace("valid_fraction = 0.25\n", "");
        }
        place.write("experiment.toml", &changed);
        let text = place.fail(&["run", "experiment.toml", "--out", "out"]);
        let title = wrong.replace('\n', " ⏎ ");
        assert!(text.starts_with("exit 2\nerror: experiment.toml:") && text.contains("\nhint: "), "{title}: {text}");
        assert_eq!(place.names(), before, "{title} left something behind");
        writeln!(report, "# {title}\n{text}").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn the_experiments_that_were_changed_are_right() {
    let place = Place::new();
    place.write("series.csv", &series());
    place.write("frames.xyz", &frames());
    for experiment in [SERIES, &latent(), FRAMES] {
        place.write("experiment.toml", experiment);
        place.succeed(&["check", "experiment.toml"]);
    }
}

#[test]
fn an_impossible_override_is_named() {
    let place = Place::new();
    place.write("series.csv", &series());
    place.write("experiment.toml", SERIES);
    let text = place.fail(&["run", "experiment.toml", "--out", "out", "--set", "model.ode.solver.tsit5.rtol=-1"]);
    assert!(text.starts_with("exit 2\nerror: --set model.ode.solver.tsit5.rtol=-1: `rtol` must be"), "{text}");
}
