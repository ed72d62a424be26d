//! Numbers as scientific programs write them.

/// Parses a decimal number; Fortran's double-precision exponent (`1.5d-3`) is one.
pub(crate) fn parse(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'd' | b'D'));
        if is_number { text.replace(['d', 'D'], "e").parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn fortran_exponents_are_numbers_and_words_are_not() {
        assert_eq!(parse("1.5d-3"), Some(1.5e-3));
        assert_eq!(parse("-2D+2"), Some(-200.0));
        assert_eq!(parse(".5"), Some(0.5));
        assert_eq!(parse("+1e3"), Some(1000.0));
        for word in ["", "d", "dad", "1.0.0", "****", "0x1f", "1_000", "1,5"] {
            assert_eq!(parse(word), None, "{word}");
        }
    }
}
