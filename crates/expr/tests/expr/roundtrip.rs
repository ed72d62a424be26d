//! Printed expressions read back as themselves.

use surprisal_expr::Expression;

#[test]
fn printing_keeps_the_tree_and_drops_needless_parentheses() {
    for (text, printed) in [
        ("((a+b))*c", "(a + b)*c"),
        ("a+(b*c)", "a + b*c"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a-b)-c", "a - b - c"),
        ("a/(b/c)", "a/(b/c)"),
        ("(a/b)/c", "a/b/c"),
        ("-(a^2)", "-a^2"),
        ("(-a)^2", "(-a)^2"),
        ("a^(b^c)", "a^b^c"),
        ("(a^b)^c", "(a^b)^c"),
        ("a^(-b)", "a^-b"),
        ("a*(-b)", "a*-b"),
        ("-(-a)", "--a"),
        ("-(a + b)", "-(a + b)"),
        ("a ** 1.50", "a^1.5"),
        ("1e-7*x + 200", "1e-7*x + 200"),
        (
            "where((a<b)and not((c>=1)or(a!=2)),min(a,b,3),nn.u)",
            "where(a < b and not (c >= 1 or a != 2), min(a, b, 3), nn.u)",
        ),
        ("where(a<1 or (b<2 or c<3), 0, 1)", "where(a < 1 or (b < 2 or c < 3), 0, 1)"),
        ("where((a<1 or b<2) and c<3, 0, 1)", "where((a < 1 or b < 2) and c < 3, 0, 1)"),
    ] {
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.to_string(), printed);
        assert_eq!(Expression::parse(printed).unwrap().to_string(), printed);
    }
}
