//! Sets of samples: which problems the rows of a tensor belong to, ascending, and how to go from one set to
//! another.

use candle_core::{Device, Result, Tensor};

/// Rows to select, on a device.
pub(super) fn index(rows: &[usize], device: &Device) -> Result<Tensor> {
    Tensor::from_iter(rows.iter().map(|&row| row as u32), device)
}

/// The same numbers for another set of problems: those of `from` where it has the problem, else 0.
///
/// # Shapes
/// `values` `[from.len(), n]`; returns `[to.len(), n]`.
pub(super) fn carry(values: &Tensor, from: &[usize], to: &[usize]) -> Result<Tensor> {
    if from == to {
        return Ok(values.clone());
    }
    let zero = Tensor::zeros((1, values.dim(1)?), values.dtype(), values.device())?;
    let rows: Vec<usize> = to.iter().map(|problem| from.binary_search(problem).unwrap_or(from.len())).collect();
    Tensor::cat(&[values, &zero], 0)?.index_select(&index(&rows, values.device())?, 0)
}

/// The numbers of two sets together; where both have a problem, those of `new`.
///
/// # Shapes
/// `new` `[of_new.len(), n]`, `old` `[of_old.len(), n]`; returns `[all.len(), n]`, where every problem of `all` is
/// of one of the two.
pub(super) fn replace(new: &Tensor, of_new: &[usize], old: &Tensor, of_old: &[usize], all: &[usize]) -> Result<Tensor> {
    let place = |problem: &usize| {
        let in_old = || of_new.len() + of_old.binary_search(problem).unwrap_or_default();
        of_new.binary_search(problem).unwrap_or_else(|_| in_old())
    };
    let rows: Vec<usize> = all.iter().map(place).collect();
    Tensor::cat(&[new, old], 0)?.index_select(&index(&rows, new.device())?, 0)
}

/// All of both, ascending.
pub(super) fn union(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut all = [a, b].concat();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_their_problems() {
        let column = |values: &[f64]| Tensor::new(values, &Device::Cpu).unwrap().unsqueeze(1).unwrap();
        let list = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let (small, large) = (column(&[2.0, 5.0]), column(&[10.0, 20.0, 30.0]));
        assert_eq!(list(carry(&small, &[2, 5], &[0, 2, 3, 5]).unwrap()), [0.0, 2.0, 0.0, 5.0]);
        assert_eq!(list(carry(&small, &[2, 5], &[5]).unwrap()), [5.0]);
        let all = union(&[2, 5], &[1, 2, 3]);
        assert_eq!(all, [1, 2, 3, 5]);
        assert_eq!(list(replace(&small, &[2, 5], &large, &[1, 2, 3], &all).unwrap()), [10.0, 2.0, 30.0, 5.0]);
    }
}
