//! Where trajectories are solved, and what is only solved on the CPU.

use candle_core::Device;
use surprisal_ode::{GradientConfig, SolverConfig, Units};

use super::config::OdeConfig;

/// Where trajectories are solved.
#[derive(Debug, Clone, Default)]
pub enum Backend {
    /// On the CPU, by the configured solver, eight trajectories at a time where the field knows how.
    #[default]
    Lanes,
    /// By `tsit5` in tensors on a device, all trajectories of a shard at once.
    Tensors(Device),
}

impl Backend {
    /// That of a run on this device.
    pub fn of(device: &Device) -> Self {
        if device.is_cpu() { Self::Lanes } else { Self::Tensors(device.clone()) }
    }

    /// Trajectories per shard: enough for eight lanes to be kept busy, or for a device to be.
    pub(super) fn shard_size(&self) -> usize {
        match self {
            Self::Lanes => 16,
            Self::Tensors(_) => 1024,
        }
    }
}

impl OdeConfig {
    /// What of this is only solved on the CPU, for data of so many measured columns: the problem in words that
    /// begin with the key in backticks, and what to do.
    pub fn device_problem(&self, n_columns: usize) -> Option<(String, &'static str)> {
        const CPU: &str = "use --device cpu, which is fast for it";
        if !matches!(self.solver, SolverConfig::Tsit5(_)) {
            let name = self.solver.name();
            let message = format!("`solver.{name}` solves on the CPU alone; on a CUDA device there is `tsit5`");
            return Some((message, "use `[model.ode.solver.tsit5]`, or --device cpu"));
        }
        if let Some(GradientConfig::ContinuousAdjoint(_)) = &self.gradient {
            let message = "`gradient.continuous_adjoint` is solved on the CPU alone".into();
            return Some((message, "leave it out: the gradient is then that of the steps taken; or use --device cpu"));
        }
        if let Some((event, _)) = self.events.get_index(0) {
            return Some((format!("`events.{event}`: events are handled on the CPU alone"), CPU));
        }
        let field = self.field.as_ref().filter(|field| field.get().misfit(n_columns).is_none())?;
        let built = field.get().build_in(&Units::of_data(n_columns));
        let has_tensors = built.tensors(&built.initial_parameters(0), &Device::Cpu).is_some();
        (!has_tensors).then(|| (format!("`field.{}` is evaluated on the CPU alone", field.name()), CPU))
    }
}
