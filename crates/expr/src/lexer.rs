//! From text to tokens.

use std::ops::Range;

use crate::error::{ExprError, Fault};
use crate::tree::Comparison;

/// Most tokens of an expression, so that no tree is too deep to walk.
pub(crate) const MAX_TOKENS: usize = 2000;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Number(f64),
    Name(String),
    Plus,
    Minus,
    Star,
    Slash,
    Power,
    Open,
    Close,
    Comma,
    Compare(Comparison),
    And,
    Or,
    Not,
}

#[derive(Debug, Clone)]
pub(crate) struct Spanned {
    pub(crate) token: Token,
    pub(crate) span: Range<usize>,
}

pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned>, ExprError> {
    let fail = |span: Range<usize>, fault| ExprError { text: text.to_owned(), span, fault };
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if tokens.len() == MAX_TOKENS {
            return Err(fail(start..text.len(), Fault::TooLong { limit: MAX_TOKENS }));
        }
        let token = if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let len = number_len(rest);
            at += len;
            let found = rest[..len].to_owned();
            match rest[..len].parse::<f64>() {
                Ok(value) if value.is_finite() => Token::Number(value),
                Ok(_) => return Err(fail(start..at, Fault::TooLarge { found })),
                Err(_) => return Err(fail(start..at, Fault::Number { found })),
            }
        } else if first.is_alphabetic() || first == '_' {
            let len = name_len(rest);
            at += len;
            match &rest[..len] {
                "and" => Token::And,
                "or" => Token::Or,
                "not" => Token::Not,
                name => Token::Name(name.to_owned()),
            }
        } else {
            let (token, len) = operator(rest).map_err(|fault| {
                let len = match &fault {
                    Fault::ForeignOperator { found, .. } => found.len(),
                    _ => first.len_utf8(),
                };
                fail(start..start + len, fault)
            })?;
            at += len;
            token
        };
        tokens.push(Spanned { token, span: start..at });
    }
    Ok(tokens)
}

fn operator(rest: &str) -> Result<(Token, usize), Fault> {
    if rest.starts_with("**") {
        return Ok((Token::Power, 2));
    }
    if let Some(comparison) = Comparison::ALL.into_iter().find(|c| rest.starts_with(c.symbol())) {
        return Ok((Token::Compare(comparison), comparison.symbol().len()));
    }
    for (found, ours) in
        [("&&", "and"), ("||", "or"), ("&", "and"), ("|", "or"), ("!", "not"), ("≤", "<="), ("≥", ">="), ("≠", "!=")]
    {
        if rest.starts_with(found) {
            return Err(Fault::ForeignOperator { found, ours });
        }
    }
    let first = rest.chars().next().unwrap_or(' ');
    let token = match first {
        '+' => Token::Plus,
        '-' => Token::Minus,
        '*' => Token::Star,
        '/' => Token::Slash,
        '^' => Token::Power,
        '(' => Token::Open,
        ')' => Token::Close,
        ',' => Token::Comma,
        '=' => return Err(Fault::SingleEquals),
        found => return Err(Fault::Character { found }),
    };
    Ok((token, 1))
}

/// Digits, points and an exponent: more than a number may be, so that `1.2.3` is one mistake.
fn number_len(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digits = |mut i: usize| {
        while bytes.get(i).is_some_and(|b| b.is_ascii_digit() || *b == b'.') {
            i += 1;
        }
        i
    };
    let mantissa = digits(0);
    if !matches!(bytes.get(mantissa), Some(b'e' | b'E')) {
        return mantissa;
    }
    let sign = mantissa + 1 + usize::from(matches!(bytes.get(mantissa + 1), Some(b'+' | b'-')));
    // `2e` and `2exp(x)` are a number beside a name
    if bytes.get(sign).is_some_and(u8::is_ascii_digit) { digits(sign) } else { mantissa }
}

/// Letters, digits and underscores, in parts joined by single points.
fn name_len(rest: &str) -> usize {
    let word = |from: usize| {
        from + rest[from..].find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len() - from)
    };
    let mut end = word(0);
    while rest[end..].starts_with('.') && rest[end + 1..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
        end = word(end + 1);
    }
    end
}

/// Whether the whole text is one name.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && name_len(text) == text.len()
}
