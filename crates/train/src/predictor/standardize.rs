//! Shift and scale of columns, fitted on the training split and undone in every report.

/// (x − shift)/scale, column by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Standardizer {
    /// Means (0 where not standardised).
    pub shift: Vec<f64>,
    /// Population standard deviations, ddof 0 (1 where not standardised or constant).
    pub scale: Vec<f64>,
}

impl Standardizer {
    /// Leaves `n` columns as they are.
    pub fn identity(n: usize) -> Self {
        Self { shift: vec![0.0; n], scale: vec![1.0; n] }
    }

    /// Mean 0 and population standard deviation 1 on these rows; a constant column keeps scale 1.
    pub fn fit<'a>(n: usize, rows: impl Iterator<Item = &'a [f64]> + Clone) -> Self {
        let count = rows.clone().count().max(1) as f64;
        let mut shift = vec![0.0; n];
        for row in rows.clone() {
            shift.iter_mut().zip(row).for_each(|(s, x)| *s += x / count);
        }
        let mut variance = vec![0.0; n];
        for row in rows {
            variance.iter_mut().zip(row).zip(&shift).for_each(|((v, x), s)| *v += (x - s).powi(2) / count);
        }
        let scale =
            variance.iter().zip(&shift).map(|(v, s)| if v.sqrt() > 1e-12 * s.abs() { v.sqrt() } else { 1.0 }).collect();
        Self { shift, scale }
    }

    /// Root mean square 1 on these rows, not shifted.
    pub fn fit_scale<'a>(n: usize, rows: impl Iterator<Item = &'a [f64]>) -> Self {
        let mut squares = vec![0.0; n];
        let mut count = 0usize;
        for row in rows {
            squares.iter_mut().zip(row).for_each(|(s, x)| *s += x * x);
            count += 1;
        }
        let scale = squares.iter().map(|s| (s / count.max(1) as f64).sqrt()).map(|s| if s > 0.0 { s } else { 1.0 });
        Self { shift: vec![0.0; n], scale: scale.collect() }
    }

    /// One row.
    pub fn apply(&self, row: &[f64]) -> Vec<f64> {
        row.iter().zip(&self.shift).zip(&self.scale).map(|((x, shift), scale)| (x - shift) / scale).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Standardizer;

    #[test]
    fn population_moments_and_constant_columns() {
        let rows = [vec![1.0, 5.0], vec![3.0, 5.0]];
        let standardizer = Standardizer::fit(2, rows.iter().map(Vec::as_slice));
        assert_eq!(standardizer, Standardizer { shift: vec![2.0, 5.0], scale: vec![1.0, 1.0] });
        assert_eq!(standardizer.apply(&[4.0, 6.0]), [2.0, 1.0]);
    }
}
