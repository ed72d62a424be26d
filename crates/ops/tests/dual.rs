//! Values and all derivatives of the [`Dual`] operations, in float64.

use candle_core::{Device, Result, Tensor};
use surprisal_ops::check::{normal, relative, worst_derivative_error};
use surprisal_ops::dual::{Dual, Reciprocal, Silu, Smooth, SqrtShifted};

#[track_caller]
fn check(f: impl Fn(&[Dual]) -> Result<Dual>, inputs: &[Tensor]) {
    let worst = worst_derivative_error(f, inputs).unwrap();
    assert!(worst < 1e-8, "derivative off by {worst:e}");
}

fn tensor(shape: &[usize], index: u64) -> Tensor {
    normal(shape, 3, index).unwrap()
}

#[test]
fn sums_and_shapes() {
    let (x, y) = (tensor(&[4, 3, 2], 0), tensor(&[4, 1, 2], 1));
    check(|v| v[0].add(&v[1]), &[x.clone(), y.clone()]);
    check(|v| v[0].sub(&v[1]), &[x.clone(), y]);
    check(|v| v[0].scale(-1.7), std::slice::from_ref(&x));
    check(|v| v[0].narrow(1, 1, 2), std::slice::from_ref(&x));
    check(|v| v[0].reshape(&[12, 2]), std::slice::from_ref(&x));
    check(|v| v[0].sum_keepdim(1), std::slice::from_ref(&x));
    check(|v| Dual::cat(&[&v[0], &v[1]], 1), &[x, tensor(&[4, 5, 2], 2)]);
}

#[test]
fn rows_gathered_and_summed() {
    let index = Tensor::new(&[2u32, 0, 2, 3, 1], &Device::Cpu).unwrap();
    check(|v| v[0].index_select(&index), &[tensor(&[4, 3], 0)]);
    check(|v| v[0].segment_sum(&index, 6), &[tensor(&[5, 3], 0)]);
    let sums = Dual::plain(&tensor(&[5, 3], 0)).unwrap().segment_sum(&index, 6).unwrap().value().unwrap();
    let rows: Vec<Vec<f64>> = tensor(&[5, 3], 0).to_vec2().unwrap();
    assert_eq!(sums.to_vec2::<f64>().unwrap()[2], (0..3).map(|k| rows[0][k] + rows[2][k]).collect::<Vec<_>>());
}

#[test]
fn products() {
    check(|v| v[0].mul(&v[1]), &[tensor(&[4, 3, 2], 0), tensor(&[4, 3, 2], 1)]);
    check(|v| v[0].mul(&v[1]), &[tensor(&[4, 3, 2], 0), tensor(&[4, 1, 2], 1)]);
    let (w, b) = (tensor(&[3, 5], 2), tensor(&[5], 3));
    check(|v| v[0].linear(&w, &b), &[tensor(&[4, 3], 0)]);
    check(|v| v[0].matmul(&w), &[tensor(&[4, 3], 0)]);
}

#[test]
fn weights_get_the_gradient_of_the_plain_composition() {
    let x = Dual::with_tangent(&tensor(&[4, 3], 0), &tensor(&[4, 3], 1)).unwrap();
    let w = candle_core::Var::from_tensor(&tensor(&[3, 5], 2)).unwrap();
    let b = candle_core::Var::from_tensor(&tensor(&[5], 3)).unwrap();
    let g = tensor(&[2, 4, 5], 4);
    let fused = x.linear(w.as_tensor(), b.as_tensor()).unwrap();
    let plain = x.linear_composed(w.as_tensor(), b.as_tensor()).unwrap();
    assert!(relative(fused.lanes(), plain.lanes()).unwrap() < 1e-14);
    let gradients = |y: &Dual| (y.lanes() * &g).unwrap().sum_all().unwrap().backward().unwrap();
    let (fused, plain) = (gradients(&fused), gradients(&plain));
    for p in [&w, &b] {
        assert!(relative(fused.get(p.as_tensor()).unwrap(), plain.get(p.as_tensor()).unwrap()).unwrap() < 1e-13);
    }
}

#[test]
fn elementwise_functions() {
    fn both(f: impl Smooth, x: &Tensor) {
        check(|v| v[0].map(f), std::slice::from_ref(x));
        check(|v| v[0].map_composed(f), std::slice::from_ref(x));
        let pair = Dual::with_tangent(x, &tensor(x.dims(), 9)).unwrap();
        let (fused, plain) = (pair.map(f).unwrap(), pair.map_composed(f).unwrap());
        assert!(relative(fused.lanes(), plain.lanes()).unwrap() < 1e-13);
    }
    let x = tensor(&[7, 5], 0);
    both(Silu, &x);
    both(Silu, &(&x * 20.0).unwrap());
    let positive = (x.sqr().unwrap() + 0.5).unwrap();
    both(SqrtShifted { epsilon: 0.1 }, &positive);
    both(Reciprocal, &positive);
}
