//! Serial matrix products on slices.
//!
//! candle's product starts threads above a size; the products of a small molecule lie just above it
//! and take twice as long with them. Parallelism is over shards here, one graph per thread, so a
//! product stays on the thread that asks for it, and its result cannot depend on their number.

use crate::real::Real;

/// A row-major matrix, or the transpose of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
    transposed: bool,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// Rows of `columns` values.
    pub(crate) fn new(values: &'a [T], columns: usize) -> Self {
        Self { values, rows: values.len() / columns, columns, transposed: false }
    }

    /// Its transpose, without a copy.
    pub(crate) fn transpose(self) -> Self {
        Self { transposed: !self.transposed, rows: self.columns, columns: self.rows, ..self }
    }

    /// Strides from column to column and from row to row.
    fn strides(&self) -> (isize, isize) {
        if self.transposed { (self.rows as isize, 1) } else { (1, self.columns as isize) }
    }

    /// Writes self · other to `out`, row-major.
    ///
    /// # Panics
    /// If the shapes do not fit.
    pub(crate) fn times(self, other: Matrix<'_, T>, out: &mut [T]) {
        let (m, k, n) = (self.rows, self.columns, other.columns);
        assert_eq!(k, other.rows, "inner dimensions of a matrix product");
        assert!(self.values.len() >= m * k && other.values.len() >= k * n, "values of a matrix");
        assert_eq!(out.len(), m * n, "size of a matrix product");
        let ((a_column, a_row), (b_column, b_row)) = (self.strides(), other.strides());
        // SAFETY: the three assertions above bound every element the strides reach, and `out` is
        // borrowed exclusively.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                out.as_mut_ptr(),
                1,
                n as isize,
                false,
                self.values.as_ptr(),
                a_column,
                a_row,
                other.values.as_ptr(),
                b_column,
                b_row,
                T::zero(),
                T::one(),
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_transposes() {
        // [[1, 2, 3], [4, 5, 6]] and [[7, 8], [9, 10], [11, 12]].
        let a = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let b = [7.0, 8.0, 9.0, 10.0, 11.0, 12.0];
        let mut out = [0.0f64; 4];
        Matrix::new(&a, 3).times(Matrix::new(&b, 2), &mut out);
        assert_eq!(out, [58.0, 64.0, 139.0, 154.0]);
        let mut out = [f64::NAN; 9];
        Matrix::new(&a, 3).transpose().times(Matrix::new(&b, 2).transpose(), &mut out);
        assert_eq!(out, [39.0, 49.0, 59.0, 54.0, 68.0, 82.0, 69.0, 87.0, 105.0]);
    }
}
