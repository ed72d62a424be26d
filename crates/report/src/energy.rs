//! How far predicted energies of frames are from the observed ones, eV and eV per atom.
//!
//! A frame is one observation, so intervals resample frames. A model that was trained on forces alone
//! knows its energies up to a constant: then most of the error is the bias, the mean of
//! predicted − observed.

use serde_json::{Map, Value, json};
use surprisal_objective::calibration::bootstrap::{GroupBootstrap, percentile_interval};
use surprisal_objective::calibration::scores;

use crate::run_data::FrameEnergy;

/// The measures, each with the divisor of a frame's error.
const MEASURES: [(&str, Per, Norm); 5] = [
    ("rmse", Per::Frame, Norm::RootMeanSquare),
    ("mae", Per::Frame, Norm::MeanAbsolute),
    ("rmse_per_atom", Per::Atom, Norm::RootMeanSquare),
    ("mae_per_atom", Per::Atom, Norm::MeanAbsolute),
    ("bias_per_atom", Per::Atom, Norm::Mean),
];

#[derive(Clone, Copy)]
enum Per {
    Frame,
    Atom,
}

#[derive(Clone, Copy)]
enum Norm {
    RootMeanSquare,
    MeanAbsolute,
    Mean,
}

/// `rmse`, `mae`, both per atom, `bias_per_atom`, `n_frames`, and the intervals; `None` without frames.
pub(crate) fn measures(frames: &[FrameEnergy], seed: u64, n_resamples: usize, level: f64) -> Option<Value> {
    if frames.is_empty() {
        return None;
    }
    let groups: Vec<u64> = (0..frames.len() as u64).collect();
    let bootstrap = GroupBootstrap::new(&groups, n_resamples, seed);
    let (mut out, mut intervals) = (Map::new(), Map::new());
    for (name, per, norm) in MEASURES {
        let terms: Vec<f64> = frames
            .iter()
            .map(|frame| {
                let error = frame.predicted - frame.reference;
                let error = match per {
                    Per::Frame => error,
                    Per::Atom => error / frame.n_atoms as f64,
                };
                match norm {
                    Norm::RootMeanSquare => error * error,
                    Norm::MeanAbsolute => error.abs(),
                    Norm::Mean => error,
                }
            })
            .collect();
        let finish = |mean: f64| match norm {
            Norm::RootMeanSquare => mean.sqrt(),
            Norm::MeanAbsolute | Norm::Mean => mean,
        };
        out.insert(name.into(), json!(finish(scores::mean(&terms))));
        let mut resampled: Vec<f64> = bootstrap.means(&[&terms]).remove(0).into_iter().map(finish).collect();
        let interval = percentile_interval(&mut resampled, level);
        intervals.insert(name.into(), json!([interval.lower, interval.upper]));
    }
    out.insert("n_frames".into(), json!(frames.len()));
    out.insert("intervals".into(), Value::Object(intervals));
    Some(Value::Object(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_per_frame_and_per_atom() {
        let frame = |error: f64, n_atoms| FrameEnergy { reference: -10.0, predicted: -10.0 + error, n_atoms };
        let frames = [frame(3.0, 3), frame(-4.0, 2)];
        let found = measures(&frames, 1, 200, 0.95).expect("there are frames");
        let number = |key: &str| found[key].as_f64().expect("a number");
        assert!((number("rmse") - 12.5f64.sqrt()).abs() < 1e-12);
        assert!((number("mae") - 3.5).abs() < 1e-12);
        assert!((number("rmse_per_atom") - 2.5f64.sqrt()).abs() < 1e-12);
        assert!((number("mae_per_atom") - 1.5).abs() < 1e-12);
        assert!((number("bias_per_atom") + 0.5).abs() < 1e-12);
        assert_eq!(found["n_frames"], 2);
        // With two frames the resamples are one, the other or both.
        let interval: Vec<f64> = [0, 1].map(|i| found["intervals"]["mae"][i].as_f64().expect("a number")).into();
        assert_eq!(interval, [3.0, 4.0]);
        assert_eq!(measures(&[], 1, 200, 0.95), None);
    }
}
