//! From tokens to a tree, by recursive descent. From loosest to tightest:
//!
//! ```text
//! condition  := both ("or" both)*
//! both       := negation ("and" negation)*
//! negation   := "not" negation | comparison
//! comparison := sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)?
//! sum        := product (("+" | "-") product)*
//! product    := signed (("*" | "/") signed)*
//! signed     := ("-" | "+") signed | power
//! power      := atom (("^" | "**") signed)?
//! atom       := number | name | name "(" condition ("," condition)* ")" | "(" condition ")"
//! ```

use std::ops::Range;

use crate::error::{ExprError, Fault};
use crate::function::Function;
use crate::lexer::{Spanned, Token, tokens};
use crate::tree::{Arithmetic, Junction, Kind, Node};

/// Deepest nesting of parentheses, signs and powers.
const MAX_DEPTH: usize = 100;

/// A number-valued expression.
pub(crate) fn parse(text: &str) -> Result<Node, ExprError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, at: 0, depth: 0 };
    if parser.tokens.is_empty() {
        return Err(parser.fail(0..text.len(), Fault::Empty));
    }
    let node = parser.condition()?;
    if let Some(next) = parser.tokens.get(parser.at) {
        let fault = match &next.token {
            Token::Close => Fault::Unopened,
            Token::Comma => Fault::Comma,
            Token::Compare(_) => Fault::Chained,
            _ => return Err(parser.side_by_side()),
        };
        return Err(parser.fail(next.span.clone(), fault));
    }
    parser.number(node)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn fail(&self, span: Range<usize>, fault: Fault) -> ExprError {
        ExprError { text: self.text.to_owned(), span, fault }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.token)
    }

    /// The span of the next token; the end of the text behind the last.
    fn span(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.text.trim_end().len()..self.text.len(), |t| t.span.clone())
    }

    fn advance_if(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn number(&self, node: Node) -> Result<Node, ExprError> {
        if node.is_condition() { Err(self.fail(node.span, Fault::Condition)) } else { Ok(node) }
    }

    fn condition_for(&self, wanted: &'static str, node: Node) -> Result<Node, ExprError> {
        if node.is_condition() { Ok(node) } else { Err(self.fail(node.span, Fault::NotCondition { wanted })) }
    }

    /// One level down.
    fn deeper(&mut self, rule: fn(&mut Self) -> Result<Node, ExprError>) -> Result<Node, ExprError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fail(self.span(), Fault::TooDeep { limit: MAX_DEPTH }));
        }
        let node = rule(self);
        self.depth -= 1;
        node
    }

    fn condition(&mut self) -> Result<Node, ExprError> {
        self.junction(Junction::Or, &Token::Or, "`or`", |p| {
            p.junction(Junction::And, &Token::And, "`and`", Self::negation)
        })
    }

    fn junction(
        &mut self,
        junction: Junction,
        token: &Token,
        wanted: &'static str,
        operand: fn(&mut Self) -> Result<Node, ExprError>,
    ) -> Result<Node, ExprError> {
        let mut left = operand(self)?;
        while self.advance_if(token) {
            let a = self.condition_for(wanted, left)?;
            let b = operand(self)?;
            let b = self.condition_for(wanted, b)?;
            let span = a.span.start..b.span.end;
            left = Node { kind: Kind::Join(junction, Box::new(a), Box::new(b)), span };
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Node, ExprError> {
        let start = self.span().start;
        if !self.advance_if(&Token::Not) {
            return self.comparison();
        }
        let node = self.deeper(Self::negation)?;
        let node = self.condition_for("`not`", node)?;
        let span = start..node.span.end;
        Ok(Node { kind: Kind::Not(Box::new(node)), span })
    }

    fn comparison(&mut self) -> Result<Node, ExprError> {
        let left = self.sum()?;
        let Some(&Token::Compare(comparison)) = self.peek() else { return Ok(left) };
        self.at += 1;
        let left = self.number(left)?;
        let right = self.sum()?;
        let right = self.number(right)?;
        if let Some(Token::Compare(_)) = self.peek() {
            return Err(self.fail(self.span(), Fault::Chained));
        }
        let span = left.span.start..right.span.end;
        Ok(Node { kind: Kind::Compare(comparison, Box::new(left), Box::new(right)), span })
    }

    fn sum(&mut self) -> Result<Node, ExprError> {
        self.chain(Self::product, |token| match token {
            Token::Plus => Some(Arithmetic::Add),
            Token::Minus => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Node, ExprError> {
        self.chain(Self::signed, |token| match token {
            Token::Star => Some(Arithmetic::Multiply),
            Token::Slash => Some(Arithmetic::Divide),
            _ => None,
        })
    }

    /// operand (operator operand)*, from left to right.
    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Node, ExprError>,
        operator: fn(&Token) -> Option<Arithmetic>,
    ) -> Result<Node, ExprError> {
        let mut left = operand(self)?;
        while let Some(operator) = self.peek().and_then(operator) {
            self.at += 1;
            let right = operand(self)?;
            left = self.arithmetic(operator, left, right)?;
        }
        Ok(left)
    }

    fn arithmetic(&self, operator: Arithmetic, left: Node, right: Node) -> Result<Node, ExprError> {
        let (left, right) = (self.number(left)?, self.number(right)?);
        let span = left.span.start..right.span.end;
        Ok(Node { kind: Kind::Arithmetic(operator, Box::new(left), Box::new(right)), span })
    }

    fn signed(&mut self) -> Result<Node, ExprError> {
        let start = self.span().start;
        if self.advance_if(&Token::Minus) {
            let node = self.deeper(Self::signed)?;
            let node = self.number(node)?;
            let span = start..node.span.end;
            return Ok(Node { kind: Kind::Negate(Box::new(node)), span });
        }
        if self.advance_if(&Token::Plus) {
            let node = self.deeper(Self::signed)?;
            return self.number(node);
        }
        self.power()
    }

    fn power(&mut self) -> Result<Node, ExprError> {
        let base = self.atom()?;
        if !self.advance_if(&Token::Power) {
            return Ok(base);
        }
        let exponent = self.deeper(Self::signed)?;
        self.arithmetic(Arithmetic::Power, base, exponent)
    }

    fn atom(&mut self) -> Result<Node, ExprError> {
        let span = self.span();
        let kind = match self.peek().cloned() {
            Some(Token::Number(value)) => Kind::Number(value),
            Some(Token::Name(name)) => {
                self.at += 1;
                let called = self.peek() == Some(&Token::Open);
                return match (Function::named(&name), called) {
                    (Some(function), true) => self.call(function, span),
                    (Some(function), false) => Err(self.fail(span, Fault::Bare { function })),
                    // whether it is a symbol shows only when it is compiled, but no symbol is called
                    (None, true) if self.separated(&span) => Err(self.side_by_side()),
                    (None, true) => Err(self.fail(span, Fault::Function { name })),
                    (None, false) => Ok(Node { kind: Kind::Name(name), span }),
                };
            }
            Some(Token::Open) => {
                self.at += 1;
                let mut node = self.deeper(Self::condition)?;
                if !self.advance_if(&Token::Close) {
                    return Err(self.unclosed(&span));
                }
                node.span = span.start..self.tokens[self.at - 1].span.end;
                return Ok(node);
            }
            Some(_) => {
                let found = format!("`{}`", &self.text[span.clone()]);
                return Err(self.fail(span, Fault::Operand { found }));
            }
            None => return Err(self.fail(span, Fault::Operand { found: "the end".into() })),
        };
        self.at += 1;
        Ok(Node { kind, span })
    }

    /// Whether a blank follows a name.
    fn separated(&self, name: &Range<usize>) -> bool {
        self.span().start > name.end
    }

    fn call(&mut self, function: Function, name: Range<usize>) -> Result<Node, ExprError> {
        let open = self.span();
        self.at += 1;
        let mut arguments = Vec::new();
        if !self.advance_if(&Token::Close) {
            loop {
                let argument = self.deeper(Self::condition)?;
                arguments.push(match function {
                    Function::Where if arguments.is_empty() => self.condition_for("`where`", argument)?,
                    _ => self.number(argument)?,
                });
                if self.advance_if(&Token::Close) {
                    break;
                }
                if !self.advance_if(&Token::Comma) {
                    return Err(self.unclosed(&open));
                }
            }
        }
        let span = name.start..self.tokens[self.at - 1].span.end;
        if !function.takes(arguments.len()) {
            return Err(self.fail(span, Fault::Arity { function, found: arguments.len() }));
        }
        Ok(Node { kind: Kind::Call(function, arguments), span })
    }

    /// What stands behind a complete operand inside parentheses but does not close them.
    fn unclosed(&self, open: &Range<usize>) -> ExprError {
        match self.peek() {
            None => self.fail(open.clone(), Fault::Unclosed),
            Some(Token::Comma) => self.fail(self.span(), Fault::Comma),
            Some(Token::Compare(_)) => self.fail(self.span(), Fault::Chained),
            Some(_) => self.side_by_side(),
        }
    }

    /// The tokens on both sides of here follow each other without an operator.
    fn side_by_side(&self) -> ExprError {
        let (before, next) = (&self.tokens[self.at - 1].span, self.span());
        let word = |span: &Range<usize>| match &self.text[span.clone()] {
            ")" => "(…)".to_owned(),
            "(" => "(…)".to_owned(),
            text => text.to_owned(),
        };
        let fault = Fault::SideBySide { left: word(before), right: word(&next) };
        self.fail(before.start..next.end, fault)
    }
}
