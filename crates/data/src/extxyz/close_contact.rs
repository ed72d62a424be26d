//! Atoms that sit on top of each other, periodic images included.
//!
//! Positions are written in a basis of the periodic lattice vectors, completed by unit vectors
//! orthogonal to them, so that the distance of the planes of constant coordinate is the *height* of
//! the cell along each axis. Atoms are filed into bins about 1 Å high; whatever is nearer than
//! 0.1 Å to an atom lies in its own bin or, at a face, in the next: O(n) for any density that
//! chemistry allows.

use std::collections::HashMap;

/// Two atoms nearer than this, in Å, are taken for a mistake.
pub(super) const MIN_DISTANCE: f64 = 0.1;

type Vec3 = [f64; 3];

/// Two atoms that are too close; `first` ≤ `second` count from 0, and are equal for an atom and its
/// own image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contact {
    pub(super) first: usize,
    pub(super) second: usize,
    /// Å.
    pub(super) distance: f64,
    /// Whether it is an image of one that is close to the other.
    pub(super) image: bool,
}

/// The periodic directions do not span a volume (an area, a length).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Singular;

/// Looks for a pair that is too close. Directions that do not repeat may have any lattice vector.
pub(super) fn find(
    positions: &[Vec3],
    cell: Option<[Vec3; 3]>,
    periodic: [bool; 3],
) -> Result<Option<Contact>, Singular> {
    let cell = cell.unwrap_or([[0.0; 3]; 3]);
    let basis = complete(cell, periodic)?;
    for axis in 0..3 {
        let length = norm(basis[axis]);
        if periodic[axis] && length < MIN_DISTANCE {
            return Ok(Some(Contact { first: 0, second: 0, distance: length, image: true }));
        }
    }
    let inverse = invert(basis).ok_or(Singular)?;
    let height: Vec3 = std::array::from_fn(|a| 1.0 / norm(inverse[a]));
    // A height far below its vector's length means nearly parallel vectors.
    if (0..3).any(|a| height[a] <= 1e-4 * norm(basis[a]) || !height[a].is_finite()) {
        return Err(Singular);
    }
    let n_bins: Vec3 = std::array::from_fn(|a| if periodic[a] { height[a].floor().max(1.0) } else { height[a] });
    let reach: Vec3 = std::array::from_fn(|a| MIN_DISTANCE / height[a]);

    let mut newest_in_bin: HashMap<[i64; 3], usize> = HashMap::with_capacity(positions.len());
    let mut next: Vec<Option<usize>> = Vec::with_capacity(positions.len());
    let mut wrapped: Vec<Vec3> = Vec::with_capacity(positions.len());
    for (i, &position) in positions.iter().enumerate() {
        let own: Vec3 = std::array::from_fn(|a| {
            let f = dot(inverse[a], position);
            if periodic[a] { f - f.floor() } else { f }
        });
        let bin = |a: usize, f: f64| (f * n_bins[a]).floor() as i64;
        let home: [i64; 3] =
            std::array::from_fn(
                |a| if periodic[a] { bin(a, own[a]).min(n_bins[a] as i64 - 1) } else { bin(a, own[a]) },
            );
        next.push(newest_in_bin.insert(home, i));
        wrapped.push(own);

        let range = |a: usize| bin(a, own[a] - reach[a])..=bin(a, own[a] + reach[a]);
        for b0 in range(0) {
            for b1 in range(1) {
                for b2 in range(2) {
                    let mut shift = [0.0; 3];
                    let key: [i64; 3] = std::array::from_fn(|a| {
                        let b = [b0, b1, b2][a];
                        if !periodic[a] {
                            return b;
                        }
                        shift[a] = b.div_euclid(n_bins[a] as i64) as f64;
                        b.rem_euclid(n_bins[a] as i64)
                    });
                    let mut candidate = newest_in_bin.get(&key).copied();
                    while let Some(j) = candidate {
                        let image = shift != [0.0; 3];
                        let f: Vec3 = std::array::from_fn(|a| wrapped[j][a] + shift[a] - own[a]);
                        let distance = norm(std::array::from_fn(|x| (0..3).map(|a| f[a] * basis[a][x]).sum()));
                        if (i != j || image) && distance < MIN_DISTANCE {
                            return Ok(Some(Contact { first: j, second: i, distance, image }));
                        }
                        candidate = next[j];
                    }
                }
            }
        }
    }
    Ok(None)
}

/// The lattice vectors, those of open directions replaced by unit vectors orthogonal to the others.
fn complete(cell: [Vec3; 3], periodic: [bool; 3]) -> Result<[Vec3; 3], Singular> {
    let mut basis = cell;
    let mut orthonormal: Vec<Vec3> = vec![];
    for axis in (0..3).filter(|&a| periodic[a]) {
        orthonormal.push(orthogonalised(cell[axis], &orthonormal, 1e-6 * norm(cell[axis])).ok_or(Singular)?);
    }
    for axis in (0..3).filter(|&a| !periodic[a]) {
        // One of the three Cartesian axes is at least 1/√3 away from the span of two vectors.
        let unit = |a: usize| std::array::from_fn(|x| if x == a { 1.0 } else { 0.0 });
        let new = (0..3).find_map(|a| orthogonalised(unit(a), &orthonormal, 0.5)).ok_or(Singular)?;
        basis[axis] = new;
        orthonormal.push(new);
    }
    Ok(basis)
}

/// The direction of `v` orthogonal to the others, unless what is left of it is shorter than `least`.
fn orthogonalised(v: Vec3, others: &[Vec3], least: f64) -> Option<Vec3> {
    let mut left = v;
    for other in others {
        let along = dot(left, *other);
        left = std::array::from_fn(|x| left[x] - along * other[x]);
    }
    let length = norm(left);
    if length > least { Some(left.map(|x| x / length)) } else { None }
}

/// Rows g with g_a · basis_b = δ_ab.
fn invert(basis: [Vec3; 3]) -> Option<[Vec3; 3]> {
    let [a, b, c] = basis;
    let volume = dot(a, cross(b, c));
    let inverse = [cross(b, c), cross(c, a), cross(a, b)].map(|row| row.map(|x| x / volume));
    if inverse.iter().flatten().all(|x| x.is_finite()) { Some(inverse) } else { None }
}

fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: Vec3, b: Vec3) -> Vec3 {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn norm(a: Vec3) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use surprisal_core::rng;

    const SKEWED: [Vec3; 3] = [[4.0, 0.0, 0.0], [3.5, 3.0, 0.0], [-2.0, 1.0, 5.0]];

    fn brute_force(positions: &[Vec3], cell: [Vec3; 3], periodic: [bool; 3]) -> bool {
        let range = |a: usize| if periodic[a] { -2..=2 } else { 0..=0 };
        for (i, p) in positions.iter().enumerate() {
            for (j, q) in positions.iter().enumerate() {
                for k0 in range(0) {
                    for k1 in range(1) {
                        for k2 in range(2) {
                            let k = [k0, k1, k2].map(f64::from);
                            let d =
                                std::array::from_fn(|x| q[x] - p[x] + (0..3).map(|a| k[a] * cell[a][x]).sum::<f64>());
                            if (i != j || k != [0.0; 3]) && norm(d) < MIN_DISTANCE {
                                return true;
                            }
                        }
                    }
                }
            }
        }
        false
    }

    #[test]
    fn bins_find_what_all_pairs_find() {
        let mut rng = rng::stream(3, "test", 0);
        let mut found = [0, 0];
        for case in 0..300 {
            let periodic = std::array::from_fn(|a| case >> a & 1 == 1);
            let positions: Vec<Vec3> = (0..50)
                .map(|_| {
                    let f: Vec3 = std::array::from_fn(|_| 1.5 * rng::uniform(&mut rng) - 0.25);
                    std::array::from_fn(|x| (0..3).map(|a| f[a] * SKEWED[a][x]).sum())
                })
                .collect();
            let close = find(&positions, Some(SKEWED), periodic).expect("not singular");
            assert_eq!(close.is_some(), brute_force(&positions, SKEWED, periodic), "case {case}: {close:?}");
            found[usize::from(close.is_some())] += 1;
        }
        assert!(found[0] > 50 && found[1] > 10, "{found:?}");
    }

    #[test]
    fn an_image_across_the_boundary_is_found() {
        let close = find(&[[0.02, 0.0, 0.0], [3.97, 0.0, 0.0]], Some(SKEWED), [true; 3]).expect("not singular");
        let close = close.expect("0.05 Å apart");
        assert_eq!((close.first, close.second, close.image), (0, 1, true));
        assert!((close.distance - 0.05).abs() < 1e-12);
        assert_eq!(find(&[[0.02, 0.0, 0.0], [3.97, 0.0, 0.0]], Some(SKEWED), [false; 3]), Ok(None));
    }

    #[test]
    fn cells_without_volume_are_singular_only_where_they_repeat() {
        let flat = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]];
        assert_eq!(find(&[[0.0; 3]], Some(flat), [true; 3]), Err(Singular));
        assert_eq!(find(&[[0.0; 3]], Some(flat), [true, true, false]), Ok(None));
        assert_eq!(find(&[[0.0; 3]], None, [true, false, false]), Err(Singular));
        assert_eq!(find(&[[0.0; 3]], None, [false; 3]), Ok(None));
    }

    #[test]
    fn a_cell_smaller_than_the_limit_brings_its_own_image_too_close() {
        let tiny = [[0.05, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, 5.0]];
        let close = find(&[[0.0; 3]], Some(tiny), [true; 3]).expect("not singular").expect("too close");
        assert_eq!((close.first, close.second, close.distance), (0, 0, 0.05));
    }

    #[test]
    fn a_hundred_thousand_atoms_take_no_time() {
        let n = 47;
        let grid = |i: usize| [i % n, i / n % n, i / n / n].map(|k| 2.2 * k as f64);
        let positions: Vec<Vec3> = (0..n * n * n).map(grid).collect();
        let side = 2.2 * n as f64;
        let cell = [[side, 0.0, 0.0], [0.0, side, 0.0], [0.0, 0.0, side]];
        let start = std::time::Instant::now();
        assert_eq!(find(&positions, Some(cell), [true; 3]), Ok(None));
        assert!(start.elapsed().as_secs_f64() < 2.0, "{:?}", start.elapsed());
    }
}
