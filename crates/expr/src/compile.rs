//! From trees to straight-line code: every value once, constants folded, nothing that is not used.

use std::collections::HashMap;
use std::f64::consts;
use std::ops::Range;

use crate::error::{ExprError, Fault};
use crate::function::Function;
use crate::lexer::is_name;
use crate::operation::{Binary, Operation, Register, Unary};
use crate::program::Program;
use crate::tree::{Arithmetic, Expression, Kind, Node};

/// Puts a program together: symbols first, then definitions, then outputs.
///
/// Common subexpressions are shared among all of them.
#[derive(Debug, Clone)]
pub struct Builder {
    inputs: Vec<String>,
    /// Symbols and definitions in the order of their declaration.
    names: Vec<(String, Register)>,
    operations: Vec<Operation>,
    known: HashMap<Key, Register>,
    outputs: Vec<Register>,
}

/// An operation as a map key; numbers by their bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Constant(u64),
    Unary(Unary, Register),
    Power(Register, u64),
    Binary(Binary, Register, Register),
    Select(Register, Register, Register),
}

impl Builder {
    /// A program of these input symbols.
    pub fn new<S: AsRef<str>>(inputs: &[S]) -> Result<Self, ExprError> {
        let mut builder = Self {
            inputs: Vec::new(),
            names: Vec::new(),
            operations: Vec::new(),
            known: HashMap::new(),
            outputs: Vec::new(),
        };
        for name in inputs {
            let name = name.as_ref();
            builder.declare(name, builder.operations.len() as Register)?;
            builder.inputs.push(name.to_owned());
            builder.operations.push(Operation::Input);
        }
        Ok(builder)
    }

    /// Symbols and definitions, in the order of their declaration.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// Gives an expression a name that later definitions and outputs may use.
    pub fn define(&mut self, name: &str, expression: &Expression) -> Result<(), ExprError> {
        let register = self.lower(&expression.root, expression)?;
        self.declare(name, register)
    }

    /// Adds an output; outputs are numbered in the order of these calls.
    pub fn output(&mut self, expression: &Expression) -> Result<(), ExprError> {
        let register = self.lower(&expression.root, expression)?;
        self.outputs.push(register);
        Ok(())
    }

    /// The program.
    pub fn finish(self) -> Program {
        let n_inputs = self.inputs.len();
        let mut used = vec![false; self.operations.len()];
        self.outputs.iter().for_each(|&r| used[r as usize] = true);
        for (r, operation) in self.operations.iter().enumerate().rev() {
            if used[r] {
                operation.operands(|operand| used[operand as usize] = true);
            }
        }
        let used_inputs = used[..n_inputs].to_vec();
        used[..n_inputs].fill(true);
        // where each value goes
        let mut place = vec![0; self.operations.len()];
        let kept = place.iter_mut().zip(&used).filter(|(_, used)| **used);
        for (new, (place, _)) in kept.enumerate() {
            *place = new as Register;
        }
        let operations = self
            .operations
            .iter()
            .zip(&used)
            .filter(|(_, used)| **used)
            .map(|(operation, _)| operation.renumbered(|r| place[r as usize]))
            .skip(n_inputs)
            .collect();
        let outputs = self.outputs.iter().map(|&r| place[r as usize]).collect();
        Program { inputs: self.inputs, used_inputs, operations, outputs }
    }

    fn declare(&mut self, name: &str, register: Register) -> Result<(), ExprError> {
        let name = name.to_owned();
        let fail = |fault| Err(ExprError { text: name.clone(), span: 0..name.len(), fault });
        let symbol = |reason| Fault::Symbol { name: name.clone(), reason };
        if Function::named(&name).is_some() {
            return fail(symbol("it is a function"));
        }
        if ["and", "or", "not"].contains(&name.as_str()) {
            return fail(symbol("it joins conditions"));
        }
        if !is_name(&name) {
            return fail(symbol("it is not made of letters, digits and underscores"));
        }
        if self.names.iter().any(|(taken, _)| *taken == name) {
            return fail(Fault::Taken { name: name.clone() });
        }
        self.names.push((name, register));
        Ok(())
    }

    fn lower(&mut self, node: &Node, whole: &Expression) -> Result<Register, ExprError> {
        let register = match &node.kind {
            Kind::Number(value) => self.constant(*value),
            Kind::Name(name) => self.named(name, &node.span, whole)?,
            Kind::Negate(a) => {
                let a = self.lower(a, whole)?;
                self.unary(Unary::Negate, a)
            }
            Kind::Arithmetic(operator, a, b) => {
                let (a, b) = (self.lower(a, whole)?, self.lower(b, whole)?);
                match operator {
                    Arithmetic::Add => self.binary(Binary::Add, a, b),
                    Arithmetic::Subtract => self.binary(Binary::Subtract, a, b),
                    Arithmetic::Multiply => self.binary(Binary::Multiply, a, b),
                    Arithmetic::Divide => self.binary(Binary::Divide, a, b),
                    Arithmetic::Power => self.power(a, b),
                }
            }
            Kind::Call(function, arguments) => {
                let arguments = arguments.iter().map(|a| self.lower(a, whole)).collect::<Result<Vec<_>, _>>()?;
                self.call(*function, &arguments)
            }
            Kind::Compare(comparison, a, b) => {
                let (a, b) = (self.lower(a, whole)?, self.lower(b, whole)?);
                self.binary(Binary::Compare(*comparison), a, b)
            }
            Kind::Not(a) => {
                let a = self.lower(a, whole)?;
                self.unary(Unary::Not, a)
            }
            Kind::Join(junction, a, b) => {
                let (a, b) = (self.lower(a, whole)?, self.lower(b, whole)?);
                self.binary(Binary::Join(*junction), a, b)
            }
        };
        match self.value_of(register) {
            Some(value) if !value.is_finite() => {
                let fault = Fault::NotFinite { value, negative_base: self.has_negative_base(node, whole) };
                Err(ExprError { text: whole.text.clone(), span: node.span.clone(), fault })
            }
            _ => Ok(register),
        }
    }

    /// Whether a node is a power of a negative constant.
    fn has_negative_base(&mut self, node: &Node, whole: &Expression) -> bool {
        let base = match &node.kind {
            Kind::Arithmetic(Arithmetic::Power, base, _) => base.as_ref(),
            Kind::Call(Function::Pow, arguments) => &arguments[0],
            _ => return false,
        };
        let base = self.lower(base, whole).ok().and_then(|register| self.value_of(register));
        base.is_some_and(|base| base < 0.0)
    }

    fn named(&mut self, name: &str, span: &Range<usize>, whole: &Expression) -> Result<Register, ExprError> {
        if let Some((_, register)) = self.names.iter().find(|(known, _)| known == name) {
            return Ok(*register);
        }
        match name {
            "pi" => Ok(self.constant(consts::PI)),
            "e" => Ok(self.constant(consts::E)),
            _ => {
                let known = self.names.iter().map(|(name, _)| name.clone()).collect();
                let fault = Fault::Name { name: name.to_owned(), known };
                Err(ExprError { text: whole.text.clone(), span: span.clone(), fault })
            }
        }
    }

    fn call(&mut self, function: Function, arguments: &[Register]) -> Register {
        let unary = match function {
            Function::Exp => Unary::Exp,
            Function::Log => Unary::Log,
            Function::Log10 => Unary::Log10,
            Function::Log1p => Unary::Log1p,
            Function::Expm1 => Unary::Expm1,
            Function::Sqrt => Unary::Sqrt,
            Function::Abs => Unary::Abs,
            Function::Sin => Unary::Sin,
            Function::Cos => Unary::Cos,
            Function::Tan => Unary::Tan,
            Function::Atan => Unary::Atan,
            Function::Sinh => Unary::Sinh,
            Function::Cosh => Unary::Cosh,
            Function::Tanh => Unary::Tanh,
            Function::Sigmoid => Unary::Sigmoid,
            Function::Softplus => Unary::Softplus,
            Function::Pow => return self.power(arguments[0], arguments[1]),
            Function::Min => return self.fold(Binary::Min, arguments),
            Function::Max => return self.fold(Binary::Max, arguments),
            Function::Where => return self.select(arguments[0], arguments[1], arguments[2]),
        };
        self.unary(unary, arguments[0])
    }

    fn fold(&mut self, binary: Binary, arguments: &[Register]) -> Register {
        arguments[1..].iter().fold(arguments[0], |a, &b| self.binary(binary, a, b))
    }

    fn value_of(&self, register: Register) -> Option<f64> {
        match self.operations[register as usize] {
            Operation::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn constant(&mut self, value: f64) -> Register {
        self.emit(Key::Constant(value.to_bits()), Operation::Constant(value))
    }

    fn unary(&mut self, unary: Unary, a: Register) -> Register {
        if let Some(value) = self.value_of(a) {
            return self.constant(unary.value(value));
        }
        match (unary, self.operations[a as usize]) {
            (Unary::Negate, Operation::Unary(Unary::Negate, inner)) => inner,
            _ => self.emit(Key::Unary(unary, a), Operation::Unary(unary, a)),
        }
    }

    fn binary(&mut self, binary: Binary, a: Register, b: Register) -> Register {
        let (left, right) = (self.value_of(a), self.value_of(b));
        if let (Some(left), Some(right)) = (left, right) {
            return self.constant(binary.value(left, right));
        }
        match binary {
            Binary::Add if left == Some(0.0) => return b,
            Binary::Add | Binary::Subtract if right == Some(0.0) => return a,
            Binary::Subtract if left == Some(0.0) => return self.unary(Unary::Negate, b),
            Binary::Multiply if left == Some(1.0) => return b,
            Binary::Multiply | Binary::Divide if right == Some(1.0) => return a,
            Binary::Divide if left == Some(1.0) => return self.unary(Unary::Reciprocal, b),
            _ => {}
        }
        // the order of these does not matter, so that a + b and b + a are one value
        let commutes = matches!(binary, Binary::Add | Binary::Multiply | Binary::Min | Binary::Max | Binary::Join(_));
        let (a, b) = if commutes { (a.min(b), a.max(b)) } else { (a, b) };
        self.emit(Key::Binary(binary, a, b), Operation::Binary(binary, a, b))
    }

    /// aᵇ; small whole powers by multiplication.
    fn power(&mut self, a: Register, b: Register) -> Register {
        let Some(exponent) = self.value_of(b) else { return self.binary(Binary::Power, a, b) };
        if let Some(base) = self.value_of(a) {
            return self.constant(base.powf(exponent));
        }
        if exponent == 0.0 {
            return self.constant(1.0);
        }
        if exponent == 0.5 {
            return self.unary(Unary::Sqrt, a);
        }
        if exponent.fract() == 0.0 && exponent.abs() <= 4.0 {
            let square = |builder: &mut Self| builder.binary(Binary::Multiply, a, a);
            let power = match exponent.abs() as u8 {
                1 => a,
                2 => square(self),
                3 => {
                    let square = square(self);
                    self.binary(Binary::Multiply, square, a)
                }
                _ => {
                    let square = square(self);
                    self.binary(Binary::Multiply, square, square)
                }
            };
            return if exponent < 0.0 { self.unary(Unary::Reciprocal, power) } else { power };
        }
        self.emit(Key::Power(a, exponent.to_bits()), Operation::Power(a, exponent))
    }

    fn select(&mut self, condition: Register, a: Register, b: Register) -> Register {
        match self.value_of(condition) {
            Some(value) => {
                if value != 0.0 {
                    a
                } else {
                    b
                }
            }
            None if a == b => a,
            None => self.emit(Key::Select(condition, a, b), Operation::Select(condition, a, b)),
        }
    }

    fn emit(&mut self, key: Key, operation: Operation) -> Register {
        let operations = &mut self.operations;
        *self.known.entry(key).or_insert_with(|| {
            operations.push(operation);
            (operations.len() - 1) as Register
        })
    }
}

impl Operation {
    /// Every register that it reads.
    fn operands(&self, mut f: impl FnMut(Register)) {
        match *self {
            Self::Input | Self::Constant(_) => {}
            Self::Unary(_, a) | Self::Power(a, _) => f(a),
            Self::Binary(_, a, b) => {
                f(a);
                f(b);
            }
            Self::Select(a, b, c) => {
                f(a);
                f(b);
                f(c);
            }
        }
    }

    fn renumbered(self, f: impl Fn(Register) -> Register) -> Self {
        match self {
            Self::Input | Self::Constant(_) => self,
            Self::Unary(unary, a) => Self::Unary(unary, f(a)),
            Self::Power(a, c) => Self::Power(f(a), c),
            Self::Binary(binary, a, b) => Self::Binary(binary, f(a), f(b)),
            Self::Select(a, b, c) => Self::Select(f(a), f(b), f(c)),
        }
    }
}
