//! A small run whose every number is a function of its place.

use std::path::Path;

use surprisal_core::records::Structure;
use surprisal_data::run_file::{
    Column, DenseNetwork, DenseSeries, Evaluation, Layout, NetworkLayout, PIT_BINS, PredictedFrames, PredictionTable,
    RunFileError, Series, SolutionLayout, SplitEvaluation, SplitLayout, Trajectories, Writer,
};

pub(crate) const N_TRAIN: usize = 6;
pub(crate) const N_TEST: usize = 9000; // more than one chunk of samples

pub(crate) fn layout() -> Layout {
    Layout {
        name: "example".into(),
        seed: u64::MAX,
        attributes: vec![("provenance".into(), provenance())],
        splits: vec![
            SplitLayout {
                name: "train".into(),
                group: vec![0, 0, 1, 1, 2, 2],
                dim: 2,
                location_width: 2,
                columns: vec![Column::new("log_scale", 2)],
                metrics: vec!["nll".into(), "mse".into()],
                per_sample: false,
                trajectories: Some(Trajectories::Series {
                    states: vec!["x".into(), "y".into()],
                    n_times: N_TRAIN,
                    n_dense: 9,
                    networks: vec![NetworkLayout {
                        name: "nn".into(),
                        inputs: vec!["x".into(), "t/10".into()],
                        outputs: vec!["u".into()],
                        members: 2,
                        compared: true,
                    }],
                }),
            },
            SplitLayout {
                name: "hot".into(),
                group: (0..N_TEST as u32).map(|i| i / 3).collect(),
                dim: 1,
                location_width: 1,
                columns: vec![Column::new("df", 1), Column::new("scale", 1)],
                metrics: vec!["nll".into()],
                per_sample: true,
                trajectories: Some(Trajectories::frames(&structures())),
            },
        ],
        parameters: vec![("weight".into(), vec![2, 3]), ("tau".into(), vec![])],
        solution: SolutionLayout::default(),
    }
}

/// Longer than the 64 KiB that an attribute in an object header may have, and not only ASCII.
pub(crate) fn provenance() -> String {
    format!("{{\"unit\": \"Å\", \"diff\": \"{}\"}}", "+ line\\n".repeat(20_000))
}

pub(crate) fn value(evaluation: usize, place: usize) -> f64 {
    (evaluation as f64 + 1.0).sqrt() - 1e-3 * place as f64
}

pub(crate) fn pit(evaluation: usize) -> Vec<f64> {
    (0..PIT_BINS).map(|bin| value(evaluation, bin) * 0.25).collect()
}

pub(crate) fn append(writer: &mut Writer, evaluation: usize) -> Result<(), RunFileError> {
    let nll: Vec<f64> = (0..N_TEST).map(|i| value(evaluation, i)).collect();
    let squared_error: Vec<f64> = nll.iter().map(|x| x * x).collect();
    writer.append(&Evaluation {
        epoch: evaluation as f64 * 0.5,
        step: evaluation as u64 * 10,
        learning_rate: 1e-3 / (1.0 + evaluation as f64),
        splits: vec![
            SplitEvaluation { metrics: vec![value(evaluation, 1), f64::NAN], nll: &[], squared_error: &[], pit: &[] },
            SplitEvaluation {
                metrics: vec![value(evaluation, 2)],
                nll: &nll,
                squared_error: &squared_error,
                pit: &pit(evaluation),
            },
        ],
    })
}

/// Two frames of unequal size; only the first has a cell, forces and an energy.
pub(crate) fn structures() -> Vec<Structure> {
    let water = Structure {
        species: vec![8, 1, 1],
        positions: vec![[0.0, 0.0, 0.0], [0.96, 0.0, 0.0], [-0.24, 0.93, 0.0]],
        cell: Some([[10.0, 0.0, 0.0], [0.0, 11.0, 0.0], [0.0, 0.0, 12.0]]),
        periodic: [true, true, false],
        energy: Some(-5.5),
        forces: Some(vec![[0.1, 0.2, 0.3], [-0.1, 0.0, 0.0], [0.0, -0.2, -0.3]]),
        frame: 1,
        step: 100,
    };
    let hydrogen = Structure {
        species: vec![1, 1],
        positions: vec![[0.0, 0.0, 0.0], [0.74, 0.0, 0.0]],
        cell: None,
        periodic: [true, false, false],
        energy: None,
        forces: None,
        frame: 2,
        step: 200,
    };
    vec![water, hydrogen]
}

pub(crate) fn predicted_forces() -> Vec<Vec<[f64; 3]>> {
    vec![vec![[1.0, 2.0, 3.0]; 3], vec![[4.0, 5.0, 6.0]; 2]]
}

pub(crate) fn series() -> Series {
    Series {
        time: vec![0.0, 0.5, 0.0, 0.7, 0.0, 0.9],
        group: vec![0, 0, 1, 1, 2, 2],
        state: (0..2 * N_TRAIN).map(|i| i as f64).collect(),
        observed: (0..2 * N_TRAIN).map(|i| if i % 5 == 0 { f64::NAN } else { i as f64 + 0.25 }).collect(),
        dense: DenseSeries {
            time: [0.0, 0.25, 0.5].repeat(3),
            group: vec![0, 0, 0, 1, 1, 1, 2, 2, 2],
            state: (0..18).map(f64::from).collect(),
            sd: (0..18).map(|i| 0.5 * f64::from(i)).collect(),
            networks: vec![DenseNetwork {
                name: "nn".into(),
                inputs: vec!["x".into(), "t/10".into()],
                outputs: vec!["u".into()],
                input: numbers(36, 0.25),
                output: numbers(18, 0.75),
                reference: numbers(18, 0.5),
            }],
        },
    }
}

/// `n` numbers that tell where they belong.
pub(crate) fn numbers(n: usize, offset: f64) -> Vec<f64> {
    (0..n).map(|i| i as f64 + offset).collect()
}

/// Everything a complete run writes, with three evaluations.
pub(crate) fn write_complete(path: &Path) -> Result<(), RunFileError> {
    let mut writer = Writer::create(path, &layout())?;
    for evaluation in 0..3 {
        append(&mut writer, evaluation)?;
    }
    writer.write_selected(1)?;
    writer.write_predictions(
        "train",
        &PredictionTable {
            target: &numbers(12, 0.1),
            location: &numbers(12, 0.2),
            columns: vec![("log_scale", &numbers(12, 0.3))],
            nll: &numbers(6, 0.4),
        },
    )?;
    writer.write_predictions(
        "hot",
        &PredictionTable {
            target: &numbers(N_TEST, 0.1),
            location: &numbers(N_TEST, 0.2),
            columns: vec![("scale", &numbers(N_TEST, 0.3)), ("df", &numbers(N_TEST, 0.5))],
            nll: &numbers(N_TEST, 0.4),
        },
    )?;
    writer.write_series("train", &series())?;
    let predicted = PredictedFrames { forces: &predicted_forces(), energies: &[-5.0, -1.0] };
    writer.write_structures("hot", &structures(), &predicted)?;
    writer.write_parameter("weight", &numbers(6, 0.0))?;
    writer.write_parameter("tau", &[2.5])
}
