//! Seeded, stateless-by-index random streams.
//!
//! A stream is named by the run's seed, its purpose and an index (an epoch, a member), so that a
//! resumed run continues any stream from numbers it already stores, and no stream disturbs another.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A random stream.
pub type Stream = ChaCha8Rng;

/// The stream of `purpose` number `index` under `seed`.
pub fn stream(seed: u64, purpose: &str, index: u64) -> Stream {
    // FNV-1a: a fixed, documented mapping from names to 64 bits.
    let purpose =
        purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&purpose.to_le_bytes());
    key[16..24].copy_from_slice(&index.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// The seed of member `member` of an ensemble under `seed`; the first one's is `seed` itself.
pub fn member_seed(seed: u64, member: usize) -> u64 {
    if member == 0 { seed } else { stream(seed, "member", member as u64).next_u64() }
}

/// Uniform on [0, 1) with 53 random bits.
pub fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// Uniform on (0, 1): the middles of 2⁵² equal cells, so that no quantile is infinite.
pub fn uniform_open(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// Standard normal, by the Box–Muller transform.
pub fn standard_normal(rng: &mut impl Rng) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(rng)).cos()
}

/// Gamma with shape `shape` > 0 and scale 1 (Marsaglia & Tsang 2000; below shape 1 by their power of a
/// uniform).
pub fn gamma(rng: &mut impl Rng, shape: f64) -> f64 {
    if shape < 1.0 {
        let boost = uniform_open(rng).powf(1.0 / shape);
        return boost * gamma(rng, shape + 1.0);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = standard_normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && uniform_open(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// Uniform integer on 0..n, without modulo bias worth noticing (n ≪ 2⁵³).
pub fn below(rng: &mut impl Rng, n: usize) -> usize {
    (uniform(rng) * n as f64) as usize
}

/// A uniformly random order of 0..n (Fisher–Yates).
pub fn permutation(rng: &mut impl Rng, n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, below(rng, i + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_its_name() {
        let draw = |seed, purpose: &str, index| uniform(&mut stream(seed, purpose, index));
        assert_eq!(draw(7, "shuffle", 3), draw(7, "shuffle", 3));
        assert_ne!(draw(7, "shuffle", 3), draw(7, "shuffle", 4));
        assert_ne!(draw(7, "shuffle", 3), draw(7, "weights", 3));
        assert_ne!(draw(7, "shuffle", 3), draw(8, "shuffle", 3));
    }

    #[test]
    fn members_have_seeds_of_their_own() {
        let seeds: Vec<u64> = (0..4).map(|k| member_seed(7, k)).collect();
        assert_eq!(seeds[0], 7);
        assert!((0..4).all(|i| (0..i).all(|j| seeds[i] != seeds[j])));
        assert_ne!(member_seed(8, 1), member_seed(7, 1));
    }

    #[test]
    fn normal_draws_have_the_normal_moments() {
        let mut rng = stream(1, "test", 0);
        let draws: Vec<f64> = (0..200_000).map(|_| standard_normal(&mut rng)).collect();
        let n = draws.len() as f64;
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 4.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / n).sqrt());
    }

    #[test]
    fn gamma_draws_have_the_gamma_moments() {
        for shape in [0.3, 1.0, 7.5] {
            let mut rng = stream(2, "test", 0);
            let draws: Vec<f64> = (0..100_000).map(|_| gamma(&mut rng, shape)).collect();
            let n = draws.len() as f64;
            let mean = draws.iter().sum::<f64>() / n;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
            assert!((mean - shape).abs() < 5.0 * (shape / n).sqrt());
            // the standard error of a variance: fourth central moment 3k² + 6k
            assert!((variance - shape).abs() < 5.0 * ((2.0 * shape * shape + 6.0 * shape) / n).sqrt());
        }
    }

    #[test]
    fn a_permutation_has_every_index_once() {
        let mut order = permutation(&mut stream(1, "test", 1), 100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
