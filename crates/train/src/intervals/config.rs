//! The `[intervals]` table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Intervals of the parameters that mean something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalsConfig {
    /// Where they come from. By default "hessian" for equations with no more than 25 parameters that mean
    /// something ("gauss_newton" where `networks` is "marginal"), and "none" for everything else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
    /// What becomes of weights of networks. By default "marginal" where no more than 25 numbers are
    /// trained in all, else "fixed".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Nuisance>,
    /// For the method "profile": which parameters have profiles, by name. By default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profiles: Option<Vec<String>>,
}

/// Where intervals come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// There are none.
    None,
    /// The second derivative of the training loss at the weights kept.
    Hessian,
    /// Its generalised Gauss–Newton approximation, which needs no minimum of the weights of networks.
    GaussNewton,
    /// The second derivative, and beside it the profile of the likelihood: each parameter is held at values on both
    /// sides while all others are fitted again; costs some hundred gradients per parameter.
    Profile,
}

/// What becomes of trained numbers that mean nothing by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nuisance {
    /// They are taken as known: intervals are too narrow where a network can stand in for a parameter.
    Fixed,
    /// They are uncertain too, each with a standard normal prior; costs two predictions or gradients per
    /// weight.
    Marginal,
}
