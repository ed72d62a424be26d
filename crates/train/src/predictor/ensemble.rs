//! A deep ensemble: M models of one kind that differ by the seeds of their initial weights, behind the
//! interface of one (Lakshminarayanan, Pritzel & Blundell 2017, Simple and scalable predictive
//! uncertainty estimation using deep ensembles, algorithm 1).
//!
//! The members see the same batches and lie side by side in every prediction. The objective sums their
//! losses and scores the mixture of their distributions; nothing is shared between them, so each
//! member's gradient is that of its own loss. One member is the model itself, under its own names.

use candle_core::Tensor;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use surprisal_core::prediction::GroupTarget;
use surprisal_core::{Cotangent, Parameters, Prediction, rng};

use super::{Interpretable, NamedValues, NetworkAlong, OwnTerm, Predictor};
use crate::{GradientCheck, TrainError};

/// Several models of one kind, trained together and predicting as a mixture.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnsembleConfig {
    /// How many, at least 1; the first is the model that is trained without an ensemble.
    pub members: usize,
}

impl EnsembleConfig {
    /// The first impossible value, in words that begin with the key in backticks.
    pub fn problem(&self) -> Option<String> {
        (self.members == 0).then(|| "`members` must be at least 1, found 0".into())
    }
}

/// The members and all their parameters: `member.K.…`, or the names of the one.
pub struct Ensemble<P: Predictor> {
    members: Vec<P>,
    parameters: Parameters,
}

impl<P: Predictor> Ensemble<P> {
    /// `members` models, each built from its own seed under `seed`.
    pub fn new<E>(members: usize, seed: u64, build: impl Fn(u64) -> Result<P, E>) -> Result<Self, E> {
        let members = (0..members).map(|k| build(rng::member_seed(seed, k))).collect::<Result<Vec<P>, E>>()?;
        let mut parameters = Parameters::new();
        for (k, member) in members.iter().enumerate() {
            match members.len() {
                1 => member.parameters().iter().for_each(|p| parameters.share(p.clone())),
                _ => parameters.share_member(k, member.parameters()),
            }
        }
        Ok(Self { members, parameters })
    }

    /// In order.
    pub fn members(&self) -> &[P] {
        &self.members
    }

    /// In order.
    pub fn into_members(self) -> Vec<P> {
        self.members
    }
}

impl<P: Predictor> Predictor for Ensemble<P> {
    type Group = P::Group;
    /// Of each member.
    type Tape = Vec<P::Tape>;

    fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    fn shard_size(&self) -> usize {
        self.members[0].shard_size()
    }

    fn target<'a>(&self, group: &'a P::Group) -> GroupTarget<'a> {
        self.members[0].target(group)
    }

    fn describe(&self, group: &P::Group) -> String {
        self.members[0].describe(group)
    }

    fn initialize(&self, groups: &[&P::Group]) -> Result<Vec<String>, TrainError> {
        let done = self.members.iter().map(|member| member.initialize(groups)).collect::<Result<Vec<_>, _>>()?;
        Ok(done.concat())
    }

    fn in_training(&self, group: &P::Group, epoch: usize) -> Option<P::Group> {
        self.members[0].in_training(group, epoch)
    }

    /// Of all members: each is a model of its own.
    fn batch_term(&self, tapes: &mut [&mut Self::Tape], epoch: usize) -> Option<(&'static str, f64)> {
        let terms = self.members.iter().enumerate().filter_map(|(k, member)| {
            let mut of_member: Vec<&mut P::Tape> = tapes.iter_mut().filter_map(|tape| tape.get_mut(k)).collect();
            member.batch_term(&mut of_member, epoch)
        });
        terms.reduce(|(name, sum), (_, value)| (name, sum + value))
    }

    fn begin_step(&self, step: u64) {
        self.members.iter().for_each(|member| member.begin_step(step));
    }

    fn predict(&self, shard: &[&P::Group]) -> Result<(Prediction, Self::Tape), TrainError> {
        let parts = self.members.par_iter().map(|member| member.predict(shard)).collect::<Result<Vec<_>, _>>()?;
        let (predictions, tapes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        Ok((Prediction::side_by_side(&predictions)?, tapes))
    }

    fn evaluate(&self, shard: &[&P::Group]) -> Result<Prediction, TrainError> {
        let parts = self.members.par_iter().map(|member| member.evaluate(shard)).collect::<Result<Vec<_>, _>>()?;
        Ok(Prediction::side_by_side(&parts)?)
    }

    fn pullback(&self, tapes: Self::Tape, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
        let cotangents = cotangent.members(self.members.len())?;
        let parts = (self.members.par_iter().zip(tapes).zip(cotangents))
            .map(|((member, tape), cotangent)| member.pullback(tape, &cotangent))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(parts.concat())
    }

    /// Of all members: each is a model of its own.
    /// Of the first member, which stands for all.
    fn gradient_check(&self, groups: &[&P::Group]) -> Result<Option<GradientCheck>, TrainError> {
        self.members.first().map_or(Ok(None), |member| member.gradient_check(groups))
    }

    fn own_term(&self) -> Result<Option<OwnTerm>, TrainError> {
        let terms = self.members.iter().map(P::own_term).collect::<Result<Vec<_>, _>>()?;
        let Some(name) = terms.iter().flatten().map(|term| term.name).next() else { return Ok(None) };
        let value = terms.iter().flatten().map(|term| term.value).sum();
        let gradient = terms.into_iter().flatten().flat_map(|term| term.gradient).collect();
        Ok(Some(OwnTerm { name, value, gradient }))
    }

    /// Of each member, its number behind the name where there are several.
    fn named_values(&self) -> Result<Vec<NamedValues>, TrainError> {
        let mut all = vec![];
        for (k, member) in self.members.iter().enumerate() {
            let values = member.named_values()?.into_iter();
            all.extend(values.map(|named| match self.members.len() {
                1 => named,
                _ => NamedValues { name: format!("member.{k}.{}", named.name), ..named },
            }));
        }
        Ok(all)
    }

    fn is_scaffold(&self, tensor: &str) -> bool {
        match self.members.as_slice() {
            [one] => one.is_scaffold(tensor),
            _ => false,
        }
    }

    /// As those of [`Predictor::named_values`].
    fn diagnostic_names(&self) -> Vec<String> {
        match self.members.as_slice() {
            [one] => one.diagnostic_names(),
            several => (several.iter().enumerate())
                .flat_map(|(k, member)| member.diagnostic_names().into_iter().map(move |n| format!("member.{k}.{n}")))
                .collect(),
        }
    }

    fn diagnostics(&self) -> Result<Vec<f64>, TrainError> {
        let found = self.members.iter().map(P::diagnostics).collect::<Result<Vec<_>, _>>()?;
        Ok(found.concat())
    }

    /// Of the one model; several have no parameters in common that an interval could be for.
    fn interpretable(&self) -> Vec<Interpretable> {
        match self.members.as_slice() {
            [one] => one.interpretable(),
            _ => vec![],
        }
    }

    /// Each member's along its own solutions.
    fn networks(&self, shard: &[&P::Group]) -> Result<Vec<NetworkAlong>, TrainError> {
        let mut members = self.members.iter().map(|member| member.networks(shard));
        let mut all = members.next().transpose()?.unwrap_or_default();
        for member in members {
            for (all, one) in all.iter_mut().zip(member?) {
                all.input.extend(one.input);
                all.output.extend(one.output);
                all.reference.extend(one.reference);
            }
        }
        Ok(all)
    }

    fn refined(&self, group: &P::Group, parts: &[usize]) -> Option<P::Group> {
        self.members[0].refined(group, parts)
    }

    fn features(&self, shard: &[&P::Group]) -> Result<Option<Tensor>, TrainError> {
        match self.members.as_slice() {
            [one] => one.features(shard),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use surprisal_core::Role;

    use super::*;

    /// A number with the prior ½x².
    struct Number(Parameters);

    impl Number {
        fn new(seed: u64) -> candle_core::Result<Self> {
            let mut parameters = Parameters::new();
            let start = rng::uniform(&mut rng::stream(seed, "number", 0));
            parameters.add_values("x", Role::Bias, vec![start], &[1], DType::F64, &Device::Cpu)?;
            Ok(Self(parameters))
        }

        fn value(&self) -> candle_core::Result<Tensor> {
            Ok(self.0.iter().next().expect("one parameter").var.as_detached_tensor())
        }
    }

    impl Predictor for Number {
        type Group = ();
        type Tape = usize;

        fn parameters(&self) -> &Parameters {
            &self.0
        }

        fn shard_size(&self) -> usize {
            1
        }

        fn target<'a>(&self, _: &'a ()) -> GroupTarget<'a> {
            GroupTarget { values: &[0.0], observed: &[], energy: None, attributes: &[], weight: 1.0 }
        }

        fn describe(&self, _: &()) -> String {
            String::new()
        }

        fn predict(&self, shard: &[&()]) -> Result<(Prediction, usize), TrainError> {
            Ok((self.evaluate(shard)?, shard.len()))
        }

        fn evaluate(&self, shard: &[&()]) -> Result<Prediction, TrainError> {
            Ok(Prediction::new(self.value()?.unsqueeze(0)?.repeat((shard.len(), 1))?, None))
        }

        fn pullback(&self, _: usize, cotangent: &Cotangent) -> Result<Vec<Tensor>, TrainError> {
            Ok(vec![cotangent.location.sum(0)?])
        }

        fn own_term(&self) -> Result<Option<OwnTerm>, TrainError> {
            let x = self.value()?;
            let value = 0.5 * x.to_vec1::<f64>()?[0].powi(2);
            Ok(Some(OwnTerm { name: "prior", value, gradient: vec![x] }))
        }

        fn named_values(&self) -> Result<Vec<NamedValues>, TrainError> {
            Ok(vec![NamedValues { name: "x".into(), values: self.value()?.to_vec1()? }])
        }
    }

    /// Priors add up and pull on their own member alone; named values say whose they are.
    #[test]
    fn what_the_members_have_of_their_own_stays_theirs() -> Result<(), TrainError> {
        let ensemble = Ensemble::new(3, 5, Number::new)?;
        let flat = |tensors: &[Tensor]| -> candle_core::Result<Vec<f64>> {
            Ok(tensors.iter().map(Tensor::to_vec1).collect::<candle_core::Result<Vec<_>>>()?.concat())
        };
        let x = flat(&ensemble.parameters().snapshot()?)?;
        assert!(x[0] != x[1] && x[1] != x[2]);
        let term = ensemble.own_term()?.expect("a prior");
        assert!((term.value - 0.5 * x.iter().map(|x| x * x).sum::<f64>()).abs() < 1e-15);
        assert_eq!((flat(&term.gradient)?, term.name), (x.clone(), "prior"));
        let named = ensemble.named_values()?;
        let expected = (0..3).map(|k| NamedValues { name: format!("member.{k}.x"), values: vec![x[k]] });
        assert_eq!(named, expected.collect::<Vec<_>>());
        assert_eq!(Ensemble::new(1, 5, Number::new)?.named_values()?[0].name, "x");
        Ok(())
    }
}
