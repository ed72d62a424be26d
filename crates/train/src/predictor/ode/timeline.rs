//! The times at which a trajectory is solved: those of the data, and those at which penalties look.

use surprisal_core::Times;

use super::group::SeriesGroup;
use crate::TrainError;

/// Times of a trajectory in the solver's unit, and which are whose.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// Strictly increasing; the first is t₀.
    pub(super) times: Vec<f64>,
    /// Places of the data's times.
    data: Vec<usize>,
    /// Places of the times of each question that has times of its own.
    asked: Vec<Option<Vec<usize>>>,
}

/// Times nearer to each other than this share of the whole are one.
const SAME: f64 = 1e-9;

impl Timeline {
    /// Of a group and the times of each question; `time` gives the solver's time of one in the data's unit.
    pub(super) fn new(
        group: &SeriesGroup,
        asked: &[Option<Times>],
        time: impl Fn(f64) -> f64,
    ) -> Result<Self, TrainError> {
        let data = &group.times;
        if asked.iter().all(Option::is_none) {
            return Ok(Self { times: data.clone(), data: (0..data.len()).collect(), asked: vec![] });
        }
        let asked = asked.iter().map(|times| times.map(|times| places(group, times, &time)).transpose());
        let asked = asked.collect::<Result<Vec<Option<Vec<f64>>>, _>>()?;
        let mut times: Vec<f64> = data.clone();
        let first = data[0];
        let last = asked.iter().flatten().flatten().copied().fold(data[data.len() - 1], f64::max);
        let near = SAME * (last - first);
        let mut others: Vec<f64> = asked.iter().flatten().flatten().copied().collect();
        others.sort_by(f64::total_cmp);
        for time in others {
            let next = times.partition_point(|t| *t < time - near);
            if times.get(next).is_none_or(|t| *t > time + near) {
                times.insert(next, time);
            }
        }
        let place = |time: f64| times.partition_point(|t| *t < time - near);
        let places = |of: &[f64]| of.iter().map(|&time| place(time)).collect::<Vec<_>>();
        Ok(Self {
            data: data.iter().map(|time| times.partition_point(|t| t < time)).collect(),
            asked: asked.iter().map(|of| of.as_deref().map(places)).collect(),
            times,
        })
    }

    /// Places of the times of question `k`: its own, or the data's.
    pub(super) fn of_question(&self, k: usize) -> &[usize] {
        self.asked.get(k).and_then(Option::as_deref).unwrap_or(&self.data)
    }

    /// Places of the data's times.
    pub(super) fn of_data(&self) -> &[usize] {
        &self.data
    }
}

/// Rows at these places, `width` numbers each.
pub(super) fn gather(rows: &[f64], places: &[usize], width: usize) -> Vec<f64> {
    let mut gathered = Vec::with_capacity(places.len() * width);
    places.iter().for_each(|&place| gathered.extend_from_slice(&rows[place * width..][..width]));
    gathered
}

/// Adds rows to those at these places.
pub(super) fn scatter(rows: &[f64], places: &[usize], width: usize, into: &mut [f64]) {
    for (row, &place) in rows.chunks_exact(width).zip(places) {
        into[place * width..][..width].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
    }
}

/// When a penalty looks at a trajectory, in the solver's unit.
fn places(group: &SeriesGroup, times: Times, time: &impl Fn(f64) -> f64) -> Result<Vec<f64>, TrainError> {
    let (first, last) = (group.times[0], group.times[group.times.len() - 1]);
    let before =
        |setting: &'static str, time: f64| TrainError::TooEarly { trajectory: group.id.clone(), setting, time };
    match times {
        Times::Grid { points, until } => {
            let end = until.map_or(last, time);
            if end <= first {
                return Err(before("until", until.unwrap_or(f64::NAN)));
            }
            let step = (end - first) / (points - 1) as f64;
            let inside = (0..points - 1).map(|k| first + k as f64 * step);
            Ok(inside.chain([end]).collect())
        }
        Times::At { time: at } => {
            let place = time(at);
            // a start is a place too, whatever rounding says of it
            if place < first - SAME * (last - first) { Err(before("at", at)) } else { Ok(vec![place.max(first)]) }
        }
    }
}
