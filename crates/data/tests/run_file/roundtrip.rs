use surprisal_core::{Blame, Diagnose};
use surprisal_data::run_file::{
    Column, Evaluation, Layout, PIT_BINS, ParameterInterval, ParameterProfile, PathTable, PerSampleQuantity,
    PredictionTable, ProfileLayout, Reader, RunFileError, SolutionLayout, SplitEvaluation, Writer,
};

use crate::example::{self, N_TEST, numbers, value};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn what_is_written_is_read() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    example::write_complete(&path).unwrap();
    let run = Reader::open(&path).unwrap();

    assert_eq!(run.attribute("name").unwrap(), "example");
    assert_eq!(run.attribute("provenance").unwrap(), example::provenance());
    assert_eq!(run.seed().unwrap(), u64::MAX);
    assert_eq!(run.splits(), ["train", "hot"]);

    assert_eq!(run.n_evaluations(), 3);
    assert_eq!(run.selected().unwrap(), Some(1));
    assert_eq!(run.epochs().unwrap(), [0.0, 0.5, 1.0]);
    assert_eq!(run.steps().unwrap(), [0, 10, 20]);
    assert_eq!(run.learning_rates().unwrap(), [1e-3, 1e-3 / 2.0, 1e-3 / 3.0]);
    assert_eq!(run.metrics("train").unwrap(), ["nll", "mse"]);
    assert_eq!(run.curve("train", "nll").unwrap(), [value(0, 1), value(1, 1), value(2, 1)]);
    assert!(run.curve("train", "mse").unwrap().iter().all(|x| x.is_nan()));
    assert!(!run.has_per_sample("train"));
    let nll = run.per_sample("hot", PerSampleQuantity::Nll).unwrap();
    assert_eq!((nll.n_evaluations, nll.n_samples), (3, N_TEST));
    let squared_error = run.per_sample("hot", PerSampleQuantity::SquaredError).unwrap();
    for evaluation in 0..3 {
        for sample in 0..N_TEST {
            let expected = value(evaluation, sample);
            assert_eq!(nll.evaluation(evaluation)[sample], expected);
            assert_eq!(squared_error.evaluation(evaluation)[sample], expected * expected);
        }
    }

    for evaluation in 0..3 {
        assert_eq!(run.pit_at("hot", evaluation).unwrap(), example::pit(evaluation));
    }
    let energies = run.frame_energies("hot").unwrap().unwrap();
    assert_eq!((energies.n_atoms, energies.predicted), (vec![3, 2], vec![-5.0, -1.0]));
    assert!(energies.reference[0] == -5.5 && energies.reference[1].is_nan());
    assert_eq!(run.frame_energies("train").unwrap(), None);

    assert_eq!(run.columns("hot").unwrap(), ["df", "scale"]);
    let log_scale = run.column("train", "log_scale").unwrap();
    assert_eq!((log_scale.n_samples, log_scale.width), (6, 2));
    assert_eq!(log_scale.values, numbers(12, 0.3));
    let nll = run.column("hot", "nll").unwrap();
    assert_eq!((nll.n_samples, nll.width), (N_TEST, 1));
    assert_eq!(nll.values, numbers(N_TEST, 0.4));
    assert_eq!(run.column("hot", "df").unwrap().values, numbers(N_TEST, 0.5));
    assert_eq!(run.group("train").unwrap(), [0, 0, 1, 1, 2, 2]);

    assert_eq!(run.parameters().unwrap(), ["tau", "weight"]);
    assert_eq!(run.parameter("weight").unwrap(), (numbers(6, 0.0), vec![2, 3]));
    assert_eq!(run.parameter("tau").unwrap(), (vec![2.5], vec![]));

    assert!(run.has_series("train") && !run.has_series("hot"));
    assert_eq!(run.states("train").unwrap(), ["x", "y"]);
    let (read, written) = (run.series("train").unwrap(), example::series());
    assert_eq!((&read.time, &read.group, &read.state), (&written.time, &written.group, &written.state));
    let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
    assert!(read.observed.iter().zip(&written.observed).all(same));
    assert_eq!(read.dense, written.dense);
}

#[test]
fn a_solution_and_its_path_are_read_as_written() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    let mut layout = example::layout();
    layout.solution = SolutionLayout {
        optimality: vec!["objective".into(), "gradient".into()],
        n_path: 3,
        intervals: vec![("k".into(), 1), ("start".into(), 2)],
        profiles: ProfileLayout { parameters: vec![("start".into(), 2)], n_points: 4 },
    };
    let mut writer = Writer::create(&path, &layout).unwrap();
    let unfinished = Reader::open(&path).unwrap();
    assert_eq!((unfinished.optimality().unwrap(), unfinished.regularization_path().unwrap()), (vec![], None));
    assert_eq!(unfinished.intervals().unwrap(), (vec![], vec![]));
    assert_eq!(unfinished.profiles().unwrap(), []);
    drop(unfinished);
    let table = PathTable {
        weight: vec![0.3, 0.2, 0.1],
        objective: numbers(3, 0.1),
        train_nll: numbers(3, 0.2),
        valid_nll: numbers(3, 0.3),
        n_nonzero: vec![0.0, 1.0, 4.0],
        violation: vec![1e-9; 3],
        selected: 1,
        parameters: vec![("tau".into(), vec![], numbers(3, 0.4)), ("weight".into(), vec![2, 3], numbers(18, 0.5))],
    };
    writer.write_path(&table).unwrap();
    writer.write_optimality(&[("objective", 1.5), ("gradient", 1e-9)]).unwrap();
    let interval = |name: &str, n: usize| ParameterInterval {
        name: name.into(),
        values: numbers(n, 0.6),
        standard_error: numbers(n, 0.7),
        lower: numbers(n, 0.8),
        upper: numbers(n, 0.9),
    };
    let intervals = vec![interval("k", 1), interval("start", 2)];
    let notes = vec!["weights are known".to_string()];
    writer.write_intervals(&intervals, &notes).unwrap();
    let point = |k: f64| [k, k * k, 1.1 * k * k];
    let profiles = vec![ParameterProfile {
        name: "start".into(),
        ends: vec![[0.1, 0.3], [f64::NEG_INFINITY, 0.4]],
        points: vec![vec![point(0.1), point(0.2), point(0.3)], vec![point(0.4)]],
    }];
    writer.write_profiles(&profiles).unwrap();
    drop(writer);
    let run = Reader::open(&path).unwrap();
    assert_eq!(run.intervals().unwrap(), (intervals, notes));
    assert_eq!(run.profiles().unwrap(), profiles);
    assert_eq!(run.regularization_path().unwrap(), Some(table));
    assert_eq!(run.optimality().unwrap(), [("gradient".to_string(), 1e-9), ("objective".to_string(), 1.5)]);
    drop(run);
    // a resume keeps the declaration and fills it anew
    drop(Writer::open(&path, &layout, 0).unwrap());
    assert_eq!(Reader::open(&path).unwrap().regularization_path().unwrap(), None);
}

#[test]
fn an_unfinished_run_says_nan() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    drop(Writer::create(&path, &example::layout()).unwrap());
    let run = Reader::open(&path).unwrap();
    assert_eq!(run.n_evaluations(), 0);
    assert_eq!(run.selected().unwrap(), None);
    assert_eq!(run.curve("hot", "nll").unwrap(), [0.0; 0]);
    assert_eq!(run.per_sample("hot", PerSampleQuantity::Nll).unwrap().values, [0.0; 0]);
    assert!(run.column("hot", "location").unwrap().values.iter().all(|x| x.is_nan()));
    assert_eq!(run.group("train").unwrap(), [0, 0, 1, 1, 2, 2]);
}

#[test]
fn a_resume_keeps_what_it_is_told_and_goes_on() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    let mut writer = Writer::create(&path, &example::layout()).unwrap();
    for evaluation in 0..300 {
        example::append(&mut writer, evaluation).unwrap();
    }
    drop(writer);
    // Evaluations beyond the checkpoint are cut off; what follows replaces them.
    let mut writer = Writer::open(&path, &example::layout(), 270).unwrap();
    assert_eq!(writer.n_evaluations(), 270);
    for evaluation in 1000..1003 {
        example::append(&mut writer, evaluation).unwrap();
    }
    drop(writer);
    let run = Reader::open(&path).unwrap();
    let places: Vec<usize> = (0..270).chain(1000..1003).collect();
    let curve: Vec<f64> = places.iter().map(|&e| value(e, 2)).collect();
    for (i, &place) in places.iter().enumerate() {
        assert_eq!(run.pit_at("hot", i).unwrap(), example::pit(place));
    }
    assert_eq!(run.curve("hot", "nll").unwrap(), curve);
    let nll = run.per_sample("hot", PerSampleQuantity::Nll).unwrap();
    for (row, &place) in places.iter().enumerate() {
        assert_eq!(nll.evaluation(row)[N_TEST - 1], value(place, N_TEST - 1));
    }
}

#[test]
fn a_resume_refuses_another_run() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    let mut writer = Writer::create(&path, &example::layout()).unwrap();
    example::append(&mut writer, 0).unwrap();
    drop(writer);

    let error = Writer::open(&path, &example::layout(), 2).unwrap_err();
    assert!(matches!(error, RunFileError::Evaluations { keep: 2, found: 1, .. }), "{error}");

    let changed = |change: fn(&mut Layout)| {
        let mut layout = example::layout();
        change(&mut layout);
        Writer::open(&path, &layout, 1).unwrap_err()
    };
    let error = changed(|l| l.splits[0].metrics.push("crps".into()));
    assert!(matches!(&error, RunFileError::Missing { object, .. } if object == "/curves/train/crps"), "{error}");
    let error = changed(|l| l.splits[1].columns[0].width = 2);
    assert!(matches!(&error, RunFileError::Shape { object, .. } if object == "/predictions/hot/df"), "{error}");
    let error = changed(|l| l.splits[0].group = vec![0, 1, 1, 1, 2, 2]);
    assert!(matches!(&error, RunFileError::Groups { object, .. } if object == "/predictions/train/group"), "{error}");
    assert!(Writer::open(&path, &example::layout(), 1).is_ok());
}

#[test]
fn wrong_shapes_name_the_object() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    let mut writer = Writer::create(&path, &example::layout()).unwrap();
    let table = PredictionTable { target: &numbers(11, 0.0), location: &[], columns: vec![], nll: &[] };
    let error = writer.write_predictions("train", &table).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: `/predictions/train/target` has shape [11], expected [6, 2]", path.display())
    );
    let error = writer.write_parameter("gamma", &[0.0]).unwrap_err();
    assert!(matches!(&error, RunFileError::Missing { object, .. } if object == "/parameters/gamma"), "{error}");

    let train = SplitEvaluation { metrics: vec![0.0, 0.0], nll: &[], squared_error: &[], pit: &[] };
    let hot = SplitEvaluation { metrics: vec![0.0], nll: &[1.0], squared_error: &[1.0], pit: &[] };
    let splits = vec![train, hot];
    let error = writer.append(&Evaluation { epoch: 0.0, step: 0, learning_rate: 0.0, splits }).unwrap_err();
    assert!(matches!(&error, RunFileError::Shape { object, .. } if object == "/curves/hot/per_sample"), "{error}");
    // The refused evaluation left no trace.
    example::append(&mut writer, 0).unwrap();
    drop(writer);
    assert_eq!(Reader::open(&path).unwrap().curve("train", "nll").unwrap(), [value(0, 1)]);
}

#[test]
fn files_that_are_not_run_files_are_named() {
    let folder = folder();
    let path = folder.path().join("run.h5");
    let error = Reader::open(&path).unwrap_err();
    assert!(matches!(error, RunFileError::NotFound { .. }));
    assert_eq!(error.blame(), Blame::User);

    std::fs::write(&path, "not HDF5").unwrap();
    assert!(matches!(Reader::open(&path).unwrap_err(), RunFileError::Open { .. }));
    let error = Writer::create(&path, &example::layout()).unwrap_err();
    assert!(matches!(error, RunFileError::Exists { .. }));
    assert!(error.hint().is_some());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "not HDF5");

    let other = folder.path().join("other.h5");
    drop(hdf5::File::create(&other).unwrap());
    let error = Reader::open(&other).unwrap_err();
    assert!(error.to_string().ends_with("other.h5 is not a run file: its attribute `format` is missing"), "{error}");

    let future = folder.path().join("future.h5");
    drop(Writer::create(&future, &example::layout()).unwrap());
    let file = hdf5::File::open_rw(&future).unwrap();
    file.attr("format_version").unwrap().write_scalar(&9_u32).unwrap();
    drop(file);
    assert!(matches!(Reader::open(&future).unwrap_err(), RunFileError::Version { found: 9, known: 1, .. }));
}

#[test]
fn names_that_would_collide_are_refused() {
    let folder = folder();
    let refused = |change: fn(&mut Layout)| {
        let mut layout = example::layout();
        change(&mut layout);
        Writer::create(&folder.path().join("run.h5"), &layout).unwrap_err().to_string()
    };
    assert_eq!(
        refused(|l| l.splits[0].columns.push(Column::new("nll", 1))),
        "the name `nll` cannot be used for a column: the run file uses it itself"
    );
    assert_eq!(
        refused(|l| l.splits[1].name = "train".into()),
        "the name `train` cannot be used for a split: it is used twice"
    );
    assert_eq!(
        refused(|l| l.splits[1].metrics[0] = "nll/energy".into()),
        "the name `nll/energy` cannot be used for a metric: it must be a plain word without `/`"
    );
    assert!(!folder.path().join("run.h5").exists());
}

#[test]
fn empty_splits_and_no_splits_are_files_too() {
    let folder = folder();
    let mut layout = example::layout();
    layout.splits[1].group.clear();
    layout.splits[1].trajectories = None;
    let path = folder.path().join("empty.h5");
    let mut writer = Writer::create(&path, &layout).unwrap();
    let train = SplitEvaluation { metrics: vec![1.0, 2.0], nll: &[], squared_error: &[], pit: &[] };
    let hot = SplitEvaluation { metrics: vec![f64::NAN], nll: &[], squared_error: &[], pit: &[0.0; PIT_BINS] };
    let splits = vec![train, hot];
    writer.append(&Evaluation { epoch: 0.0, step: 0, learning_rate: 0.0, splits }).unwrap();
    drop(writer);
    let run = Reader::open(&path).unwrap();
    assert_eq!(run.per_sample("hot", PerSampleQuantity::Nll).unwrap().values, [0.0; 0]);
    assert_eq!(run.column("hot", "target").unwrap().values, [0.0; 0]);

    layout.splits.clear();
    let path = folder.path().join("none.h5");
    drop(Writer::create(&path, &layout).unwrap());
    assert!(Reader::open(&path).unwrap().splits().is_empty());
}

#[test]
fn the_probe_writes_a_compressed_run_file() {
    let folder = folder();
    let path = folder.path().join("probe.h5");
    surprisal_data::run_file::probe(&path).unwrap();
    let run = Reader::open(&path).unwrap();
    assert_eq!(run.per_sample_at("probe", PerSampleQuantity::Nll, 0).unwrap(), [1.0]);
    assert!(surprisal_data::run_file::hdf5_version().starts_with(|c: char| c.is_ascii_digit()));
}
