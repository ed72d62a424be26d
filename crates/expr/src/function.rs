//! The functions of the language.

/// A function that an expression may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// eˣ.
    Exp,
    /// Natural logarithm.
    Log,
    /// Logarithm to base 10.
    Log10,
    /// ln(1 + x), exact for small x.
    Log1p,
    /// eˣ − 1, exact for small x.
    Expm1,
    /// Square root.
    Sqrt,
    /// |x|.
    Abs,
    /// Sine of an angle in radians.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Inverse tangent.
    Atan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// 1/(1 + e⁻ˣ).
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
    /// aᵇ; the same as `a^b`.
    Pow,
    /// The smallest of two or more.
    Min,
    /// The largest of two or more.
    Max,
    /// `where(condition, a, b)`: a where the condition holds, else b.
    Where,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 20] = [
        Self::Exp,
        Self::Log,
        Self::Log10,
        Self::Log1p,
        Self::Expm1,
        Self::Sqrt,
        Self::Abs,
        Self::Sin,
        Self::Cos,
        Self::Tan,
        Self::Atan,
        Self::Sinh,
        Self::Cosh,
        Self::Tanh,
        Self::Sigmoid,
        Self::Softplus,
        Self::Pow,
        Self::Min,
        Self::Max,
        Self::Where,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Log => "log",
            Self::Log10 => "log10",
            Self::Log1p => "log1p",
            Self::Expm1 => "expm1",
            Self::Sqrt => "sqrt",
            Self::Abs => "abs",
            Self::Sin => "sin",
            Self::Cos => "cos",
            Self::Tan => "tan",
            Self::Atan => "atan",
            Self::Sinh => "sinh",
            Self::Cosh => "cosh",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Softplus => "softplus",
            Self::Pow => "pow",
            Self::Min => "min",
            Self::Max => "max",
            Self::Where => "where",
        }
    }

    /// How it is called, for messages.
    pub fn usage(self) -> String {
        match self {
            Self::Pow => "pow(a, b)".into(),
            Self::Where => "where(condition, a, b)".into(),
            Self::Min | Self::Max => format!("{}(a, b, …)", self.name()),
            _ => format!("{}(x)", self.name()),
        }
    }

    /// The function of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// The function that another language means by this name.
    pub(crate) fn known_elsewhere_as(name: &str) -> Option<Self> {
        Some(match name.to_lowercase().as_str() {
            "ln" => Self::Log,
            "arctan" | "arctg" => Self::Atan,
            "tg" => Self::Tan,
            "fabs" => Self::Abs,
            "logistic" | "expit" | "logit_inv" => Self::Sigmoid,
            "power" => Self::Pow,
            "if" | "ifelse" | "ite" | "select" | "piecewise" => Self::Where,
            "minimum" => Self::Min,
            "maximum" => Self::Max,
            _ => return None,
        })
    }

    /// Whether it may be called with so many arguments.
    pub(crate) fn takes(self, n: usize) -> bool {
        match self {
            Self::Pow => n == 2,
            Self::Where => n == 3,
            Self::Min | Self::Max => n >= 2,
            _ => n == 1,
        }
    }
}
