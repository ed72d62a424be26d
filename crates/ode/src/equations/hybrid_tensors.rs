//! A system of equations over a batch of samples, as tensors on a device; the formulas of [`super::hybrid`].
//!
//! Programs work on columns, one tensor per symbol; networks on matrices, one row per sample.

use candle_core::{Device, Result, Tensor};

use super::hybrid::Hybrid;
use super::signal_table::SignalTable;
use crate::field::VectorField;
use crate::field::mlp_tensors::{MlpTensors, add};
use crate::tensors::{Evaluation, TensorField, columns, from_columns};

pub(super) struct HybridTensors<'a> {
    field: &'a Hybrid,
    networks: Vec<MlpTensors<'a>>,
    shared: &'a [f64],
    signals: Option<SignalTable>,
    /// Cotangents of the shared parameters, scalars summed over samples and calls.
    shared_bar: Vec<Option<Tensor>>,
}

impl<'a> HybridTensors<'a> {
    pub(super) fn new(field: &'a Hybrid, parameters: &'a [f64], device: &Device) -> Result<Self> {
        let networks = field.networks.iter().map(|net| MlpTensors::new(&net.mlp, net.parameters(parameters), device));
        let signals = (field.n_inputs > 0).then(|| SignalTable::new(&field.signals, field.n_inputs, device));
        Ok(Self {
            field,
            networks: networks.collect::<Result<_>>()?,
            shared: &parameters[..field.shared.len()],
            signals: signals.transpose()?,
            shared_bar: vec![None; field.shared.len()],
        })
    }

    /// All symbols at (t, z): time, states, own parameters, shared parameters, inputs.
    fn symbols(&self, t: &Tensor, z: &Tensor) -> Result<Vec<Tensor>> {
        let field = self.field;
        let z = columns(z)?;
        let n = field.scales.len();
        let mut symbols = vec![t.clone()];
        for (z, &s) in z.iter().zip(&field.scales) {
            symbols.push(z.affine(s, 0.0)?);
        }
        symbols.extend_from_slice(&z[n..n + field.n_individual]);
        for &value in self.shared {
            symbols.push(Tensor::full(value, t.shape(), t.device())?);
        }
        if let (Some(signals), Some(trajectory)) = (&self.signals, z.last()) {
            symbols.extend(signals.at(trajectory, t)?);
        }
        Ok(symbols)
    }

    /// Splits an evaluation into that of the networks' inputs, those of the networks, and that of the rates.
    fn parts<'e>(&self, evaluation: &'e [Tensor]) -> (&'e [Tensor], &'e [Tensor], &'e [Tensor]) {
        let (feed, rest) = evaluation.split_at(self.field.n_feed_values());
        let (networks, rates) = rest.split_at(rest.len() - self.field.rates.n_values());
        (feed, networks, rates)
    }
}

impl TensorField for HybridTensors<'_> {
    /// The evaluation: the values of a, the networks' evaluations, the values of f.
    fn rhs(&self, t: &Tensor, z: &Tensor) -> Result<(Tensor, Evaluation)> {
        let field = self.field;
        let mut symbols = self.symbols(t, z)?;
        let mut evaluation = vec![];
        if !field.networks.is_empty() {
            evaluation = field.feed.evaluate_tensors(&symbols)?;
            let feed: Vec<Tensor> = (0..field.inverse_feed_scales.len())
                .map(|k| field.feed.output_tensor(k, &evaluation).affine(field.inverse_feed_scales[k], 0.0))
                .collect::<Result<_>>()?;
            for (k, (net, network)) in field.networks.iter().zip(&self.networks).enumerate() {
                let x = from_columns(&feed[field.first_feed(k)..][..net.n_in])?;
                let (output, mut of_network) = network.rhs(t, &x)?;
                evaluation.append(&mut of_network);
                symbols.extend(columns(&output.affine(net.output_scale, 0.0)?)?);
            }
        }
        let mut rates = field.rates.evaluate_tensors(&symbols)?;
        let mut dz = Vec::with_capacity(field.dim());
        for (k, &factor) in field.inverse_scales.iter().enumerate() {
            dz.push(field.rates.output_tensor(k, &rates).affine(factor, 0.0)?);
        }
        dz.resize(field.dim(), t.zeros_like()?);
        evaluation.append(&mut rates);
        Ok((from_columns(&dz)?, evaluation))
    }

    fn vjp(&mut self, evaluation: &[Tensor], cotangent: &Tensor) -> Result<Tensor> {
        let field = self.field;
        let (feed_values, mut of_networks, rates_values) = self.parts(evaluation);
        let scaled = |(v, &factor): (&Tensor, &f64)| v.affine(factor, 0.0);
        let cotangents = columns(cotangent)?;
        let zeros = cotangents[0].zeros_like()?;
        let rates: Vec<Tensor> = cotangents.iter().zip(&field.inverse_scales).map(scaled).collect::<Result<_>>()?;
        let mut bars = field.rates.vjp_tensors(rates_values, &rates)?;
        let mut outputs = bars.split_off(field.n_symbols()).into_iter();
        let mut feed = Vec::with_capacity(field.inverse_feed_scales.len());
        for (net, network) in field.networks.iter().zip(&mut self.networks) {
            let output: Vec<Tensor> =
                outputs.by_ref().take(net.n_out).map(|bar| bar.unwrap_or_else(|| zeros.clone())).collect();
            let (of_network, behind) = of_networks.split_at(network.evaluation_len());
            let input = network.vjp(of_network, &from_columns(&output)?.affine(net.output_scale, 0.0)?)?;
            feed.extend(columns(&input)?);
            of_networks = behind;
        }
        if !field.networks.is_empty() {
            let feed: Vec<Tensor> = feed.iter().zip(&field.inverse_feed_scales).map(scaled).collect::<Result<_>>()?;
            let through_networks = field.feed.vjp_tensors(feed_values, &feed)?;
            for (bar, more) in bars.iter_mut().zip(through_networks) {
                if let Some(more) = more {
                    add(bar, &more)?;
                }
            }
        }
        let (of_states, of_parameters) = bars[1..].split_at(field.scales.len());
        let (of_own, of_shared) = of_parameters.split_at(field.n_individual);
        let mut z_bar = Vec::with_capacity(field.dim());
        for (bar, &s) in of_states.iter().zip(&field.scales) {
            z_bar.push(bar.as_ref().map_or_else(|| Ok(zeros.clone()), |bar| bar.affine(s, 0.0))?);
        }
        z_bar.extend(of_own.iter().map(|bar| bar.clone().unwrap_or_else(|| zeros.clone())));
        z_bar.resize(field.dim(), zeros);
        for (sum, bar) in self.shared_bar.iter_mut().zip(of_shared) {
            if let Some(bar) = bar {
                add(sum, &bar.sum_all()?)?;
            }
        }
        from_columns(&z_bar)
    }

    fn take_gradient(&mut self, parameter_bar: &mut [f64]) -> Result<()> {
        for (sum, bar) in parameter_bar.iter_mut().zip(&mut self.shared_bar) {
            if let Some(bar) = bar.take() {
                *sum += bar.to_scalar::<f64>()?;
            }
        }
        for (net, network) in self.field.networks.iter().zip(&mut self.networks) {
            network.take_gradient(&mut parameter_bar[net.first_parameter..][..net.mlp.n_parameters()])?;
        }
        Ok(())
    }
}
