//! Random expressions: J·u against vᵀJ against differences of the values.

use surprisal_core::rng;
use surprisal_expr::{Expression, Program};

pub(crate) struct Generator<R> {
    pub(crate) source: R,
}

impl<R: rand::Rng> Generator<R> {
    fn below(&mut self, n: usize) -> usize {
        rng::below(&mut self.source, n)
    }

    fn leaf(&mut self) -> String {
        match self.below(5) {
            0 => format!("{:.3}", 0.2 + 2.0 * rng::uniform(&mut self.source)),
            1 => "x".into(),
            2 => "y".into(),
            3 => "p.k".into(),
            _ => "z".into(),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        let compare = ["<", "<=", ">", ">=", "!="][self.below(5)];
        let simple = format!("{} {compare} {}", self.number(depth), self.number(depth));
        match self.below(4) {
            0 => format!("not ({simple})"),
            1 => format!("{simple} and {} > 0.1", self.number(depth)),
            2 => format!("{simple} or {} < 0.4", self.number(depth)),
            _ => simple,
        }
    }

    /// Smooth and finite wherever the symbols are, up to the edges of conditions.
    pub(crate) fn number(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.leaf();
        }
        let mut next = || {
            let less = 1 + self.below(2);
            self.number(depth.saturating_sub(less))
        };
        let (a, b) = (next(), next());
        match self.below(20) {
            0 | 1 => format!("{a} + {b}"),
            2 | 3 => format!("{a} - ({b})"),
            4 | 5 => format!("({a})*({b})"),
            6 => format!("({a})/(1.5 + ({b})^2)"),
            7 => format!("-({a})^2"),
            8 => format!("sin({a})"),
            9 => format!("cos({a})*tanh({b})"),
            10 => format!("exp(-abs({a}))"),
            11 => format!("log(1 + ({a})^2)"),
            12 => format!("sqrt(0.3 + ({a})^2)"),
            13 => format!("(0.4 + ({a})^2)^sigmoid({b})"),
            14 => format!("softplus({a})"),
            15 => format!("min({a}, {b})"),
            16 => format!("max({a}, {b}, 0.5)"),
            17 => format!("atan({a}) + log1p(abs({b}))"),
            18 => format!("where({}, {a}, {b})", self.condition(depth - 1)),
            _ => format!("(1 + ({a})^2)^-1.3"),
        }
    }
}

#[test]
fn products_agree_with_each_other_and_with_differences() {
    let names = ["x", "y", "z", "p.k"];
    let mut generator = Generator { source: rng::stream(17, "expressions", 0) };
    let (mut compared, mut longest) = (0, 0);
    for round in 0..400 {
        let texts: Vec<String> = (0..2).map(|_| generator.number(1 + round % 5)).collect();
        let outputs: Vec<Expression> = texts.iter().map(|text| Expression::parse(text).unwrap()).collect();
        let program = Program::compile(&names, &[], &outputs.iter().collect::<Vec<_>>()).unwrap();
        longest = longest.max(program.n_values());
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| rng::standard_normal(&mut generator.source)).collect() };
        let (x, u, w) = (draw(4), draw(4), draw(2));
        let n = program.n_values();
        let value = |x: &[f64]| {
            let mut values = vec![0.0; n];
            program.evaluate(x, &mut values);
            [program.output(0, &values), program.output(1, &values)]
        };
        let (mut values, mut scratch) = (vec![0.0; n], vec![0.0; n]);
        program.evaluate(&x, &mut values);
        let (mut forward, mut bar) = ([0.0; 2], [0.0; 4]);
        program.jvp(&values, &u, &mut scratch, &mut forward);
        program.vjp(&values, &w, &mut scratch, &mut bar);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (left, right) = (dot(&w, &forward), dot(&bar, &u));
        let size: f64 = 1.0 + bar.iter().chain(&forward).map(|v| v.abs()).sum::<f64>();
        assert!((left - right).abs() <= 1e-12 * size, "{texts:?}: <w, Ju> = {left}, <wᵀJ, u> = {right}");

        // the printed program is the same program
        for (output, text) in outputs.iter().zip(&texts) {
            assert_eq!(&Expression::parse(&output.to_string()).unwrap(), output, "{text} printed as {output}");
        }
        // one-sided slopes that differ are an edge of a condition or a kink: nothing to compare there
        let moved = |h: f64| value(&x.iter().zip(&u).map(|(x, u)| x + h * u).collect::<Vec<_>>());
        let h = 1e-4;
        let (centre, far, near) = (value(&x), [moved(h), moved(-h)], [moved(0.5 * h), moved(-0.5 * h)]);
        for k in 0..2 {
            let wide = (far[0][k] - far[1][k]) / (2.0 * h);
            let narrow = (near[0][k] - near[1][k]) / h;
            let bend = (far[0][k] - 2.0 * centre[k] + far[1][k]).abs() / h;
            let kink = bend > 0.05 * size || (wide - narrow).abs() > 1e-5 * size;
            if !kink {
                let extrapolated = (4.0 * narrow - wide) / 3.0;
                let error = (extrapolated - forward[k]).abs();
                assert!(error < 1e-8 * size, "{}: Ju = {}, differences {extrapolated}", texts[k], forward[k]);
                compared += 1;
            }
        }
    }
    assert!(compared > 700 && longest > 60, "{compared} compared, longest {longest}");
}
