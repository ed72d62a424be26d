//! An ordered, named set of trainable tensors.

use candle_core::{DType, Device, Result, Tensor, Var};

/// What a parameter is for: decides weight decay and sparsity penalties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Multiplies features: decayed, and shrunk by L1 or L2.
    Weight,
    /// Shifts features, embeds a species, sets a scale: left alone.
    Bias,
}

/// One trainable tensor.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Dotted path, unique in its set (`layers.0.weight`).
    pub name: String,
    /// The value.
    pub var: Var,
    /// What it is for.
    pub role: Role,
}

/// What the names of the parameters of an ensemble's member `member` begin with: `member.2.`.
pub fn member_prefix(member: usize) -> String {
    format!("{MEMBER}{member}.")
}

const MEMBER: &str = "member.";

impl Parameter {
    /// Which member of an ensemble it belongs to; 0 where there is no ensemble.
    pub fn member(&self) -> usize {
        let rest = self.name.strip_prefix(MEMBER).and_then(|rest| rest.split('.').next());
        rest.and_then(|member| member.parse().ok()).unwrap_or(0)
    }
}

/// An ordered, named set of trainable tensors. A gradient is a `Vec<Tensor>` in the same order.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    entries: Vec<Parameter>,
}

impl Parameters {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter and returns its tensor, which shares storage with it: later updates show
    /// through.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn add(&mut self, name: impl Into<String>, role: Role, value: &Tensor) -> Result<Tensor> {
        let name = name.into();
        assert!(self.get(&name).is_none(), "parameter {name} exists already");
        let var = Var::from_tensor(value)?;
        let tensor = var.as_tensor().clone();
        self.entries.push(Parameter { name, var, role });
        Ok(tensor)
    }

    /// Adds a parameter given as float64 values in row-major order.
    pub fn add_values(
        &mut self,
        name: impl Into<String>,
        role: Role,
        values: Vec<f64>,
        shape: &[usize],
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let value = Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?;
        self.add(name, role, &value)
    }

    /// Adds a parameter of another set; both sets then hold the same storage.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn share(&mut self, parameter: Parameter) {
        assert!(self.get(&parameter.name).is_none(), "parameter {} exists already", parameter.name);
        self.entries.push(parameter);
    }

    /// Adds the parameters of an ensemble's member, named `member.K.…`; both sets then hold the same
    /// storage.
    ///
    /// # Panics
    /// If a name is taken.
    pub fn share_member(&mut self, member: usize, parameters: &Parameters) {
        for parameter in parameters.iter() {
            self.share(Parameter { name: member_prefix(member) + &parameter.name, ..parameter.clone() });
        }
    }

    /// The parameter of that name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.entries.iter().find(|p| p.name == name)
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Parameter> {
        self.entries.iter()
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Number of scalars.
    pub fn n_scalars(&self) -> usize {
        self.entries.iter().map(|p| p.var.elem_count()).sum()
    }

    /// Copies of the values, in order; unlike the tensors of [`Parameters::add`] they do not follow
    /// later updates.
    pub fn snapshot(&self) -> Result<Vec<Tensor>> {
        self.entries.iter().map(|p| p.var.as_detached_tensor().copy()).collect()
    }

    /// Overwrites the values, in order.
    ///
    /// # Panics
    /// If the number of values is not the number of parameters.
    pub fn set(&self, values: &[Tensor]) -> Result<()> {
        assert_eq!(values.len(), self.entries.len(), "one value per parameter");
        self.entries.iter().zip(values).try_for_each(|(p, value)| p.var.set(value))
    }
}
