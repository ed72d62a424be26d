//! The comment line of an extended XYZ frame: `key=value` pairs.
//!
//! Values (and keys) may be quoted by `'…'`, `"…"`, `{…}` or `[…]`; brackets nest; a backslash takes
//! the next character as it is, inside and outside of quotes; spaces around `=` do not matter; a
//! bare key is true. Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017), and the reader of
//! ASE describe the same grammar.

/// The pairs of a comment line, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Comment {
    entries: Vec<Entry>,
}

/// One pair.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The key, without quotes.
    pub(super) key: String,
    /// The value, without quotes and `_JSON `; `T` for a bare key.
    pub(super) value: String,
    /// Column of the key, counted from 1 in characters.
    pub(super) column: usize,
}

/// A quote that never ends, and where it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OpenQuote {
    pub(super) quote: char,
    pub(super) column: usize,
}

impl Comment {
    /// Reads a comment line. Free text without `Properties` or `Lattice` may hold any apostrophe and
    /// has no entries then.
    pub(super) fn parse(line: &str) -> Result<Self, OpenQuote> {
        let mut scanner = Scanner::default();
        for (i, c) in line.chars().enumerate() {
            scanner.take(c, i + 1);
        }
        match scanner.quote {
            None => Ok(Self { entries: scanner.finish() }),
            Some(_) if !line.contains("Properties") && !line.contains("Lattice") => Ok(Self::default()),
            Some(open) => Err(OpenQuote { quote: open.quote, column: open.column }),
        }
    }

    /// The entry of a key; of several, the last.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }

    /// The entry of one of the format's own keys, whatever its capitals.
    pub(super) fn get_reserved(&self, key: &str) -> Option<&Entry> {
        self.get(key).or_else(|| self.entries.iter().rev().find(|entry| entry.key.eq_ignore_ascii_case(key)))
    }

    /// Keys whose values are single numbers.
    pub(super) fn numeric_keys(&self) -> Vec<String> {
        let numeric = self.entries.iter().filter(|entry| crate::number::parse(&entry.value).is_some());
        numeric.map(|entry| entry.key.clone()).collect()
    }
}

impl Entry {
    /// The words of a list, whatever separates them: `1 2`, `1, 2`, `[[1], [2]]`.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.value
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']' | '{' | '}'))
            .filter(|word| !word.is_empty())
    }
}

#[derive(Debug, Clone, Copy)]
struct Open {
    quote: char,
    close: char,
    depth: usize,
    column: usize,
}

#[derive(Default)]
struct Scanner {
    entries: Vec<Entry>,
    key: String,
    key_column: usize,
    value: Option<String>,
    /// Whether the current word has begun, be it with an empty quote.
    begun: bool,
    escaped: bool,
    quote: Option<Open>,
    /// The finished word that a later `=` turns into a key.
    pending: Option<(String, usize)>,
}

impl Scanner {
    fn take(&mut self, c: char, column: usize) {
        if self.escaped {
            self.escaped = false;
            self.push(c, column);
        } else if c == '\\' {
            self.escaped = true;
        } else if let Some(mut open) = self.quote {
            if c == open.close {
                open.depth -= 1;
            } else if c == open.quote {
                open.depth += 1;
            }
            self.quote = if open.depth == 0 { None } else { Some(open) };
            if open.depth > 0 {
                self.push(c, column);
            }
        } else if let Some(close) = closing(c) {
            self.begin(column);
            self.quote = Some(Open { quote: c, close, depth: 1, column });
        } else if c.is_whitespace() {
            self.end_word();
        } else if c == '=' && self.value.is_none() {
            if self.begun {
                self.pending = Some((std::mem::take(&mut self.key), self.key_column));
            }
            if let Some((key, key_column)) = self.pending.take() {
                (self.key, self.key_column) = (key, key_column);
                self.value = Some(String::new());
                self.begun = false;
            }
        } else {
            self.push(c, column);
        }
    }

    fn begin(&mut self, column: usize) {
        if !self.begun && self.value.is_none() {
            self.end_pending();
            self.key_column = column;
        }
        self.begun = true;
    }

    fn push(&mut self, c: char, column: usize) {
        self.begin(column);
        self.value.as_mut().unwrap_or(&mut self.key).push(c);
    }

    fn end_word(&mut self) {
        if !self.begun {
            return;
        }
        self.begun = false;
        let key = std::mem::take(&mut self.key);
        match self.value.take() {
            None => self.pending = Some((key, self.key_column)),
            Some(value) => {
                let value = value.strip_prefix("_JSON ").map(str::to_owned).unwrap_or(value);
                self.entries.push(Entry { key, value, column: self.key_column });
            }
        }
    }

    fn end_pending(&mut self) {
        if let Some((key, column)) = self.pending.take() {
            self.entries.push(Entry { key, value: "T".to_owned(), column });
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        // `key=` at the end of the line has an empty value.
        self.begun |= self.value.is_some();
        self.end_word();
        self.end_pending();
        self.entries
    }
}

fn closing(c: char) -> Option<char> {
    match c {
        '"' | '\'' => Some(c),
        '{' => Some('}'),
        '[' => Some(']'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(line: &str) -> Vec<(String, String)> {
        let comment = Comment::parse(line).expect("quotes are closed");
        comment.entries.into_iter().map(|e| (e.key, e.value)).collect()
    }

    fn one(line: &str) -> (String, String) {
        let mut found = pairs(line);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        found.remove(0)
    }

    #[test]
    fn every_way_to_write_a_pair() {
        for (line, key, value) in [
            ("a=1", "a", "1"),
            ("  a = 1 ", "a", "1"),
            ("a=\"1 2\"", "a", "1 2"),
            ("a='1 2'", "a", "1 2"),
            ("a={1 2}", "a", "1 2"),
            ("a={1 {2 3}}", "a", "1 {2 3}"),
            ("a=[[1, 2], [3, 4]]", "a", "[1, 2], [3, 4]"),
            ("a=\"_JSON [[1, 2], [3, 4]]\"", "a", "[[1, 2], [3, 4]]"),
            (r#"a="_JSON {\"k\": \"v w\"}""#, "a", r#"{"k": "v w"}"#),
            (r#"a="say \"hi\"""#, "a", "say \"hi\""),
            (r"a=b\ c", "a", "b c"),
            ("\"a b\"=1", "a b", "1"),
            ("a=x=y", "a", "x=y"),
            ("a=\"x=y z\"", "a", "x=y z"),
            ("a=''", "a", ""),
            ("a=", "a", ""),
            ("flag", "flag", "T"),
            ("a=it\"'\"s", "a", "it's"),
        ] {
            assert_eq!(one(line), (key.to_owned(), value.to_owned()), "{line}");
        }
    }

    #[test]
    fn pairs_and_flags_mix() {
        let expected = [("relaxed", "T"), ("a", "1"), ("converged", "T"), ("b", "x y"), ("last", "T")];
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(pairs("relaxed a=1 converged b = \"x y\" last"), expected);
        assert_eq!(pairs(""), []);
        assert_eq!(pairs("= 3"), [("3".to_owned(), "T".to_owned())]);
    }

    #[test]
    fn columns_point_at_keys_and_the_last_of_two_wins() {
        let comment = Comment::parse("a=1 bc='x y' a=2").expect("quotes are closed");
        assert_eq!(comment.get("bc").map(|e| e.column), Some(5));
        assert_eq!(comment.get("a").map(|e| e.value.as_str()), Some("2"));
        assert_eq!(comment.get_reserved("BC").map(|e| e.value.as_str()), Some("x y"));
        assert_eq!(comment.numeric_keys(), ["a", "a"]);
    }

    #[test]
    fn an_open_quote_is_an_error_in_extended_xyz_and_an_apostrophe_elsewhere() {
        let line = "Properties=species:S:1:pos:R:3 name=\"open energy=1";
        assert_eq!(Comment::parse(line), Err(OpenQuote { quote: '"', column: 37 }));
        assert_eq!(Comment::parse("Bob's water"), Ok(Comment::default()));
    }
}
