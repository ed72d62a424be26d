//! From tables of text to a [`System`].

use std::collections::HashMap;
use std::sync::Arc;

use surprisal_core::closest;
use surprisal_expr::{Builder, ExprError, Expression, Program};

use super::config::{Equations, NetworkConfig, ParameterConfig};
use super::error::EquationError;
use super::hybrid::{Hybrid, Network};
use super::initial::Initial;
use super::observed::Observed;
use super::parameter::{Parameter, Transform};
use super::quantity::Quantity;
use super::signals::Signals;
use super::system::{Start, System};
use crate::events::Event;
use crate::field::VectorField;
use crate::field::mlp::{Mlp, MlpField};

/// The symbol of time.
const TIME: &str = "t";

impl Equations {
    /// Compiles the system for data with these measured columns (and their typical sizes) and these
    /// input columns.
    ///
    /// # Shapes
    /// `columns` and `column_scales` `[n_columns]`.
    pub fn compile(
        &self,
        columns: &[String],
        column_scales: &[f64],
        inputs: &[String],
    ) -> Result<System, EquationError> {
        if self.states.is_empty() {
            return Err(EquationError::setting(&["states"], "there is no state", "write one equation per state"));
        }
        self.check_names(inputs)?;
        let (shared, individual) = self.parameters()?;
        let names = |parameters: &[Parameter]| parameters.iter().map(|p| p.name.clone()).collect::<Vec<_>>();
        let symbols = self.symbols(&shared, &individual, inputs);
        let outputs: Vec<String> = self
            .networks
            .iter()
            .flat_map(|(name, net)| net.outputs.iter().map(move |output| format!("{name}.{output}")))
            .collect();

        let rates = self.rates(&symbols, &outputs)?;
        let scales = self.scales(columns, column_scales)?;
        let (feed, feed_scales) = self.feed(&symbols, &scales)?;
        let mut first_parameter = shared.len();
        let networks: Vec<Network> = self
            .networks
            .iter()
            .map(|(name, config)| {
                let network = network(name, config, first_parameter);
                first_parameter += network.mlp.n_parameters();
                network
            })
            .collect();
        let observation = self.observation(&symbols, columns)?;
        let own: Vec<String> = names(&shared).into_iter().chain(names(&individual)).collect();
        let (starts, initial) = self.starts(columns, &own)?;

        let vocabulary = self.builder(&symbols)?;
        let references = self.references(&vocabulary)?;
        let events = self.compiled_events(&vocabulary, inputs)?;

        for name in &own {
            let used =
                [&rates, &feed, &observation, &initial].into_iter().chain(events.iter().flat_map(Event::programs)).any(
                    |program| program.inputs().iter().position(|input| input == name).is_some_and(|i| program.uses(i)),
                );
            if !used {
                let message = format!("parameter `{name}` is used in no equation");
                return Err(EquationError::setting(&["parameters", name], message, "use it, or remove it"));
            }
        }
        let unused = outputs.iter().enumerate().find(|(k, _)| !rates.uses(symbols.len() + k));
        if let Some((_, output)) = unused {
            let (network, _) = output.rsplit_once('.').unwrap_or((output, ""));
            let message = format!("output `{output}` is used in no equation");
            return Err(EquationError::setting(&["networks", network, "outputs"], message, "use it, or remove it"));
        }
        let field = Hybrid {
            scales: scales.clone(),
            n_individual: individual.len(),
            shared: shared.iter().map(|p| (p.name.clone(), p.init)).collect(),
            n_inputs: inputs.len(),
            feed,
            inverse_scales: scales.iter().map(|s| 1.0 / s).collect(),
            inverse_feed_scales: feed_scales.iter().map(|b| 1.0 / b).collect(),
            rates,
            networks,
            signals: Arc::new(Signals::default()),
        };
        Ok(System {
            states: self.states.keys().cloned().collect(),
            scales,
            shared,
            individual,
            inputs: inputs.to_vec(),
            starts,
            field,
            vocabulary,
            events,
            initial,
            observation,
            references,
        })
    }

    /// Every name that a formula along a solution may use: symbols, fixed parameters, and definitions
    /// without networks.
    pub fn names(&self, inputs: &[String]) -> Result<Vec<String>, EquationError> {
        self.check_names(inputs)?;
        let (shared, individual) = self.parameters()?;
        let builder = self.builder(&self.symbols(&shared, &individual, inputs))?;
        Ok(builder.names().map(str::to_owned).collect())
    }

    /// Time, states, own parameters, shared parameters, inputs.
    fn symbols(&self, shared: &[Parameter], individual: &[Parameter], inputs: &[String]) -> Vec<String> {
        let parameters = individual.iter().chain(shared).map(|p| p.name.clone());
        let states = self.states.keys().cloned();
        [TIME.to_owned()].into_iter().chain(states).chain(parameters).chain(inputs.iter().cloned()).collect()
    }

    /// Every name is one, and is given once.
    fn check_names(&self, inputs: &[String]) -> Result<(), EquationError> {
        let mut taken: HashMap<&str, &str> = HashMap::from([(TIME, "the time")]);
        let sections = inputs
            .iter()
            .map(|name| ("inputs", "an input column", name))
            .chain(self.states.keys().map(|name| ("states", "a state", name)))
            .chain(self.parameters.keys().map(|name| ("parameters", "a parameter", name)))
            .chain(self.networks.keys().map(|name| ("networks", "a network", name)))
            .chain(self.definitions.keys().map(|name| ("definitions", "a definition", name)));
        for (section, kind, name) in sections {
            if name.contains('.') {
                let message = format!("{kind} cannot be called `{name}`: the outputs of networks have dots");
                return Err(EquationError::setting(&[section, name], message, "write it with an underscore"));
            }
            if let Err(error) = Builder::new(&[name]) {
                let message = format!("{kind} cannot be called so: {}", error.fault);
                return Err(EquationError::setting(&[section, name], message, "rename it"));
            }
            if let Some(first) = taken.insert(name, kind) {
                let message = format!("`{name}` is {first} already");
                return Err(EquationError::setting(&[section, name], message, "give each a name of its own"));
            }
        }
        for (name, net) in &self.networks {
            let keys = |key| ["networks", name.as_str(), key];
            if net.inputs.is_empty() || net.outputs.is_empty() {
                let key = if net.inputs.is_empty() { "inputs" } else { "outputs" };
                let message = format!("network `{name}` has no {key}");
                return Err(EquationError::setting(&keys(key), message, "name at least one"));
            }
            if net.hidden.contains(&0) {
                let message = format!("network `{name}` has a layer of width 0");
                return Err(EquationError::setting(&keys("hidden"), message, "leave the layer out"));
            }
            if !(net.output_scale.is_finite() && net.output_scale != 0.0) {
                let message = format!("`output_scale` must be a number other than 0, found {}", net.output_scale);
                return Err(EquationError::setting(&keys("output_scale"), message, "1 leaves the outputs alone"));
            }
            for (i, output) in net.outputs.iter().enumerate() {
                let wrong = match Builder::new(&[output]) {
                    _ if output.contains('.') => Some(format!("`{output}` has a dot")),
                    Err(error) => Some(error.fault.to_string()),
                    Ok(_) if net.outputs[..i].contains(output) => Some(format!("`{output}` is named twice")),
                    Ok(_) => None,
                };
                if let Some(message) = wrong {
                    return Err(EquationError::setting(&keys("outputs"), message, "rename it").in_element(i));
                }
            }
        }
        Ok(())
    }

    /// Trained parameters, shared and of each trajectory's own.
    fn parameters(&self) -> Result<(Vec<Parameter>, Vec<Parameter>), EquationError> {
        let (mut shared, mut individual) = (vec![], vec![]);
        for (name, config) in &self.parameters {
            let transform = transform(config).map_err(|(key, message, hint)| {
                EquationError::setting(&["parameters", name, key], format!("`{name}`: {message}"), hint)
            })?;
            let parameter = Parameter { name: name.clone(), init: config.init, transform, prior: config.prior };
            match (config.fixed, config.per_trajectory) {
                (true, _) => {}
                (false, true) => individual.push(parameter),
                (false, false) => shared.push(parameter),
            }
        }
        Ok((shared, individual))
    }

    /// A builder that knows these symbols, the fixed parameters and every definition that makes sense
    /// with them.
    fn builder(&self, symbols: &[String]) -> Result<Builder, EquationError> {
        let mut builder = Builder::new(symbols).map_err(|error| EquationError::expression(&["states"], error))?;
        for (name, config) in self.parameters.iter().filter(|(_, config)| config.fixed) {
            Expression::parse(&format!("{:?}", config.init))
                .and_then(|value| builder.define(name, &value))
                .map_err(|error| EquationError::expression(&["parameters", name], error))?;
        }
        for (name, text) in &self.definitions {
            // one that names a network's output is none where networks have no place
            if let Ok(expression) = Expression::parse(text) {
                let _ = builder.define(name, &expression);
            }
        }
        Ok(builder)
    }

    fn rates(&self, symbols: &[String], outputs: &[String]) -> Result<Program, EquationError> {
        let symbols: Vec<String> = symbols.iter().chain(outputs).cloned().collect();
        let bare = Self { definitions: Default::default(), ..self.clone() };
        let mut builder = bare.builder(&symbols)?;
        for (name, text) in &self.definitions {
            Expression::parse(text)
                .and_then(|expression| builder.define(name, &expression))
                .map_err(|error| EquationError::expression(&["definitions", name], error))?;
        }
        for (name, state) in &self.states {
            add(&mut builder, &state.rhs)
                .map_err(|error| EquationError::expression(&["states", name, "rhs"], error))?;
        }
        Ok(builder.finish())
    }

    fn scales(&self, columns: &[String], column_scales: &[f64]) -> Result<Vec<f64>, EquationError> {
        self.states
            .iter()
            .map(|(name, state)| match (state.scale, self.direct_column(name, columns)) {
                (Some(scale), _) if scale > 0.0 && scale.is_finite() => Ok(scale),
                (Some(scale), _) => Err(EquationError::setting(
                    &["states", name, "scale"],
                    format!("`scale` must be a positive number, found {scale}"),
                    "it is the state's typical size, in the data's units",
                )),
                (None, Some(column)) => Ok(column_scales[column]),
                (None, None) => Ok(1.0),
            })
            .collect()
    }

    /// The inputs of all networks, and what each is divided by.
    fn feed(&self, symbols: &[String], scales: &[f64]) -> Result<(Program, Vec<f64>), EquationError> {
        let mut builder = self.builder(symbols)?;
        let mut feed_scales = vec![];
        for (name, net) in &self.networks {
            for (i, text) in net.inputs.iter().enumerate() {
                let wrong = |error| EquationError::expression(&["networks", name, "inputs"], error).in_element(i);
                let expression = add(&mut builder, text).map_err(wrong)?;
                let state = expression.as_name().and_then(|input| self.states.get_index_of(input));
                feed_scales.push(state.map_or(1.0, |state| scales[state]));
            }
        }
        Ok((builder.finish(), feed_scales))
    }

    /// What the outputs of each network are compared with.
    fn references(&self, vocabulary: &Builder) -> Result<Vec<Vec<Option<Quantity>>>, EquationError> {
        let of_network = |(name, net): (&String, &NetworkConfig)| {
            let mut references = vec![None; net.outputs.len()];
            for (output, text) in &net.reference {
                let keys = ["networks", name, "reference", output];
                let Some(place) = net.outputs.iter().position(|o| o == output) else {
                    let message = format!("network `{name}` has no output `{output}` to compare with");
                    let hint = format!("its outputs are {}", net.outputs.join(", "));
                    return Err(EquationError::setting(&keys, message, hint));
                };
                let mut builder = vocabulary.clone();
                add(&mut builder, text).map_err(|error| EquationError::expression(&keys, error))?;
                references[place] = Some(Quantity::Expression(builder.finish()));
            }
            Ok(references)
        };
        self.networks.iter().map(of_network).collect()
    }

    /// What every column measures.
    fn observation(&self, symbols: &[String], columns: &[String]) -> Result<Program, EquationError> {
        let mut builder = self.builder(symbols)?;
        for column in columns {
            let (keys, text) = match (self.states.get(column).map(|s| &s.observed), self.observations.get(column)) {
                (Some(Some(Observed::Hidden)), None) => {
                    return Err(EquationError::setting(
                        &["states", column, "observed"],
                        format!("the data's column `{column}` measures a state that is said to be hidden"),
                        "take the column out of the data's `states`, or say `observed = true`",
                    ));
                }
                (Some(Some(Observed::State | Observed::Expression(_))), Some(_)) => {
                    return Err(EquationError::setting(
                        &["observations", column],
                        format!("what column `{column}` measures is said twice, here and at the state"),
                        "remove one of the two",
                    ));
                }
                (Some(Some(Observed::Expression(text))), None) => (vec!["states", column, "observed"], text),
                (_, Some(text)) => (vec!["observations", column], text),
                (Some(None | Some(Observed::State)), None) => (vec!["states", column], column),
                (None, None) => {
                    let near = closest(column, self.states.keys().map(String::as_str));
                    let hint = match near {
                        Some(near) => format!("is it the state `{near}`? columns and states have the same names"),
                        None => format!("name a state so, or add `{column} = \"…\"` to [model.ode.observations]"),
                    };
                    let message = format!("no equation says what the data's column `{column}` measures");
                    return Err(EquationError::setting(&["states"], message, hint));
                }
            };
            add(&mut builder, text).map_err(|error| EquationError::expression(&keys, error))?;
        }
        let measured =
            self.states.iter().filter(|(_, s)| matches!(s.observed, Some(Observed::State | Observed::Expression(_))));
        let measured = measured.map(|(name, _)| (["states", name, "observed"].to_vec(), name));
        let others = self.observations.keys().map(|name| (["observations", name].to_vec(), name));
        let absent = measured.chain(others).find(|(_, name)| !columns.contains(name));
        if let Some((keys, name)) = absent {
            let message = format!("the data has no measured column `{name}`");
            let hint = format!("add it to the data's `states`, which are {}", columns.join(", "));
            return Err(EquationError::setting(&keys, message, hint));
        }
        Ok(builder.finish())
    }

    /// The column that measures this state and nothing else.
    fn direct_column(&self, state: &str, columns: &[String]) -> Option<usize> {
        let is_it = |column: &String| {
            let text = match (self.observations.get(column), self.states.get(column).and_then(|s| s.observed.as_ref()))
            {
                (Some(text), _) | (None, Some(Observed::Expression(text))) => text,
                (None, Some(Observed::Hidden)) => return false,
                (None, Some(Observed::State) | None) => column,
            };
            text.trim() == state
        };
        columns.iter().position(is_it)
    }

    fn starts(&self, columns: &[String], parameters: &[String]) -> Result<(Vec<Start>, Program), EquationError> {
        let mut builder = self.builder(parameters)?;
        let mut n_expressions = 0;
        let mut starts = vec![];
        for (name, state) in &self.states {
            let keys = ["states", name.as_str(), "initial"];
            let column = self.direct_column(name, columns);
            starts.push(match (&state.initial, column) {
                (None | Some(Initial::Observed), Some(column)) => Start::Observed(column),
                (None, None) => {
                    return Err(EquationError::setting(
                        &["states", name],
                        format!("the state `{name}` is not measured, and nothing says where it starts"),
                        "give it `initial`: a number, an expression of parameters, or \"free\"",
                    ));
                }
                (Some(Initial::Observed), None) => {
                    return Err(EquationError::setting(
                        &keys,
                        format!("no column of the data measures `{name}` alone"),
                        "start it at a number, an expression of parameters, or \"free\"",
                    ));
                }
                (Some(Initial::Free), column) => Start::Free(column),
                (Some(Initial::Number(value)), _) if value.is_finite() => Start::Number(*value),
                (Some(Initial::Number(value)), _) => {
                    let message = format!("`initial` must be finite, found {value}");
                    return Err(EquationError::setting(&keys, message, "give a number"));
                }
                (Some(Initial::Expression(text)), _) => {
                    add(&mut builder, text).map_err(|error| EquationError::expression(&keys, error))?;
                    n_expressions += 1;
                    Start::Expression(n_expressions - 1)
                }
            });
        }
        Ok((starts, builder.finish()))
    }
}

fn add(builder: &mut Builder, text: &str) -> Result<Expression, ExprError> {
    let expression = Expression::parse(text)?;
    builder.output(&expression)?;
    Ok(expression)
}

fn network(name: &str, config: &NetworkConfig, first_parameter: usize) -> Network {
    let (n_in, n_out) = (config.inputs.len(), config.outputs.len());
    let layers = MlpField {
        hidden: config.hidden.clone(),
        activation: config.activation,
        dtype: config.dtype,
        ..MlpField::default()
    };
    Network {
        name: name.to_owned(),
        mlp: Mlp::between(n_in, &layers, n_out),
        n_in,
        n_out,
        output_scale: config.output_scale,
        first_parameter,
    }
}

/// How a parameter is trained; or the key, the mistake and a hint.
fn transform(config: &ParameterConfig) -> Result<Transform, (&'static str, String, &'static str)> {
    let ParameterConfig { init, positive, lower, upper, fixed, per_trajectory, prior } = *config;
    for (key, value) in [("init", Some(init)), ("lower", lower), ("upper", upper)] {
        if let Some(value) = value.filter(|value| !value.is_finite()) {
            return Err((key, format!("`{key}` must be finite, found {value}"), "give a number"));
        }
    }
    if fixed && per_trajectory {
        return Err(("per_trajectory", "a fixed parameter is the same everywhere".into(), "remove one of the two"));
    }
    if fixed && prior.is_some() {
        return Err(("prior", "a fixed parameter needs no prior".into(), "remove one of the two"));
    }
    if positive && lower.is_some() {
        return Err(("lower", "`positive` is a lower bound of 0 already".into(), "remove one of the two"));
    }
    let lower = if positive { Some(0.0) } else { lower };
    if lower.is_some_and(|lower| init <= lower) || upper.is_some_and(|upper| init >= upper) {
        let low = lower.map_or("-∞".into(), |v| v.to_string());
        let high = upper.map_or("∞".into(), |v| v.to_string());
        return Err((
            "init",
            format!("`init` = {init} is not between {low} and {high}"),
            "begin strictly inside the bounds",
        ));
    }
    if let Some(prior) = prior {
        let moments = prior.moments();
        if !(moments.scale > 0.0 && moments.scale.is_finite() && moments.loc.is_finite()) {
            return Err(("prior", "a prior needs a finite `loc` and a positive `scale`".into(), "correct them"));
        }
        if matches!(prior, super::prior::Prior::Lognormal(_)) && lower.is_none_or(|lower| lower < 0.0) {
            return Err(("prior", "a lognormal prior is for a positive parameter".into(), "add `positive = true`"));
        }
    }
    Ok(match (lower, upper) {
        (None, None) => Transform::Scaled(if init == 0.0 { 1.0 } else { init.abs() }),
        (Some(a), None) => Transform::Above(a),
        (None, Some(b)) => Transform::Below(b),
        (Some(a), Some(b)) => Transform::Between(a, b),
    })
}
