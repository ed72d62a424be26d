//! What people get wrong, and what they are told.

use std::fmt::Write as _;

use surprisal_core::{Blame, Diagnose};
use surprisal_expr::{Builder, ExprError, Expression, Program};

const WRONG: [&str; 52] = [
    "",
    "   ",
    "2x",
    "alpha x",
    "alpha (x + y)",
    "x(2)",
    "3 (x)",
    "(x)(y)",
    "x 2 y",
    "2 3",
    "x +",
    "x + * y",
    "* x",
    "x -",
    "()",
    "sin()",
    "(x + y",
    "sin(x",
    "x + y)",
    "x, y",
    "(x, y)",
    "1,5*x",
    "sin x",
    "exp",
    "exp*2",
    "sin(x, y)",
    "pow(x)",
    "where(x > 0, 1)",
    "where(x, 1, 2)",
    "min(x)",
    "alpa*x",
    "bta*x*y",
    "zzz",
    "nn.w*x",
    "ln(x)",
    "expp(x)",
    "arctan(x)",
    "if(x > 0, 1, 2)",
    "foo(x)",
    "x > 0",
    "2*(x > 0)",
    "where(0 < x < 1, 1, 2)",
    "where(x > 0 and y, 1, 2)",
    "where(x > 0 && y > 0, 1, 2)",
    "where(!x, 1, 2)",
    "where(x = 1, 1, 2)",
    "dx = -x",
    "x[0]",
    "1.2.3*x",
    "1e999*x",
    "(-8)^(1/3)*x",
    "x*log(0) + 1/(2 - 2)",
];

fn mistake(text: &str) -> ExprError {
    let compiled = Expression::parse(text)
        .and_then(|expression| Program::compile(&["t", "x", "y", "alpha", "beta", "nn.u"], &[], &[&expression]));
    match compiled {
        Err(error) => error,
        Ok(_) => panic!("{text} has nothing wrong"),
    }
}

fn tell(report: &mut String, error: &ExprError) {
    assert_eq!(error.blame(), Blame::User);
    assert!(error.span.start <= error.span.end && error.span.end <= error.text.len(), "{error:?}");
    writeln!(report, "error: {error}\nhint: {}\n", error.hint().unwrap()).unwrap();
}

#[test]
fn every_mistake_is_explained() {
    let mut report = String::new();
    for text in WRONG {
        tell(&mut report, &mistake(text));
    }
    for text in ["x − y", "α·x", "x ≤ y", "x % 2", "größe*x\n  + grösse"] {
        tell(&mut report, &mistake(text));
    }
    insta::assert_snapshot!(report);
}

#[test]
fn declarations_are_checked() {
    let mut report = String::new();
    let number = Expression::parse("1").unwrap();
    for names in [&["x", "x"][..], &["exp"], &["2x"], &["a b"], &["and"], &[""], &["a."]] {
        tell(&mut report, &Builder::new(names).unwrap_err());
    }
    let mut builder = Builder::new(&["x"]).unwrap();
    tell(&mut report, &builder.define("x", &number).unwrap_err());
    tell(&mut report, &builder.define("min", &number).unwrap_err());
    insta::assert_snapshot!(report);
}

#[test]
fn monsters_are_refused_before_they_fill_the_stack() {
    for text in ["(".repeat(100_000), "-".repeat(1000) + "x", "x^".repeat(1500) + "x", "sin(".repeat(500) + "x"] {
        let message = Expression::parse(&text).unwrap_err();
        assert!(message.hint().unwrap().contains("definitions"), "{}", message.fault);
    }
    // a long sum is deep on the left, and walked without trouble up to the limit
    let sum = "x+".repeat(999) + "x";
    assert_eq!(Expression::parse(&sum).unwrap().names(), ["x"]);
    Program::compile(&["x"], &[], &[&Expression::parse(&sum).unwrap()]).unwrap();
    assert!(Expression::parse(&("x+".repeat(1000) + "x")).is_err());
}
