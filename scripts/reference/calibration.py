#!/usr/bin/env python3
"""Reference numbers for crates/objective/src/calibration, from scipy, scikit-learn and
uncertainty-toolbox.

Writes crates/objective/tests/reference/calibration.json, classification.json and recalibration.json.
Needs numpy, scipy, scikit-learn, uncertainty-toolbox.
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.special
import scipy.optimize
import scipy.stats
import sklearn
from sklearn import calibration, isotonic, metrics
import uncertainty_toolbox as uct

rng = np.random.default_rng(20)
n = 240
sigma = np.round(np.exp(rng.normal(0.0, 0.5, n)), 6)
mean = np.round(rng.normal(0.0, 2.0, n), 6)
y = np.round(mean + 1.3 * sigma * rng.standard_normal(n), 6)
# Ties, where ranks matter.
sigma[10:20] = sigma[10]
error = y - mean
pit = scipy.stats.norm.cdf(error / sigma)

ks = scipy.stats.kstest(pit, "uniform")
u = scipy.stats.mannwhitneyu(sigma[100:], sigma[:100])

# A list of group means resampled by scipy: with groups of equal size the cluster bootstrap is the
# ordinary bootstrap of the group means.
groups = np.repeat(np.arange(n // 4), 4)
z2 = (error / sigma) ** 2
boot = scipy.stats.bootstrap(
    (z2.reshape(-1, 4).mean(1),), np.mean, n_resamples=200_000, method="percentile", rng=1
).confidence_interval


def ence(e, s, n_bins):
    order = np.argsort(s, kind="stable")
    parts = np.array_split(order, n_bins)
    rmv = np.array([np.sqrt(np.mean(s[p] ** 2)) for p in parts])
    rmse = np.array([np.sqrt(np.mean(e[p] ** 2)) for p in parts])
    return float(np.mean(np.abs(rmv - rmse) / rmv))


def ause(e, s):
    """Ilg et al. 2018 with relative RMSE, on data without ties."""
    by_s, by_e = np.argsort(-s), np.argsort(-np.abs(e))
    rmse = lambda order: np.array([np.sqrt(np.mean(e[order[k:]] ** 2)) for k in range(len(e))])
    gap = (rmse(by_s) - rmse(by_e)) / np.sqrt(np.mean(e**2))
    return float(np.sum((gap[1:] + gap[:-1]) / 2) / len(e))


def uct_area():
    expected, observed = uct.metrics_calibration.get_proportion_lists_vectorized(mean, sigma, y, num_bins=100)
    return float(uct.metrics_calibration.miscalibration_area_from_proportions(expected, observed))


untied = np.r_[0:10, 20:n]
lower, upper = (scipy.stats.norm.ppf(p, mean, sigma) for p in (0.05, 0.95))
reference = {
    "made_by": f"numpy {np.__version__}, scipy {scipy.__version__}, uncertainty-toolbox {uct.__version__ if hasattr(uct, '__version__') else ''}".strip(),
    "mean": mean.tolist(), "sigma": sigma.tolist(), "y": y.tolist(), "pit": pit.tolist(),
    "rmse": float(np.sqrt(np.mean(error**2))),
    "mae": float(np.mean(np.abs(error))),
    "sharpness": float(uct.metrics_calibration.sharpness(sigma)),
    "coverage_0.9": float(np.mean((y >= lower) & (y <= upper))),
    "winkler_0.9": float(np.mean((upper - lower) + 20 * np.clip(lower - y, 0, None) + 20 * np.clip(y - upper, 0, None))),
    "lower_0.9": lower.tolist(), "upper_0.9": upper.tolist(),
    "miscalibration_area": uct_area(),
    "ence_10": ence(error[untied], sigma[untied], 10),
    "ause": ause(error[untied], sigma[untied]),
    "zms": float(np.mean(z2)),
    "zms_interval_groups_of_4": [float(boot.low), float(boot.high)],
    "spearman": float(scipy.stats.spearmanr(np.abs(error), sigma).statistic),
    "auroc": float(u.statistic / (100 * (n - 100))),
    "ks_distance": float(ks.statistic),
    "ks_p_exact": float(ks.pvalue),
    "kolmogorov_survival": {str(x): float(scipy.special.kolmogorov(x)) for x in (0.1, 0.3, 0.7, 0.99, 1.2, 2.0, 3.5)},
    "ks_p_small": [
        {"n": m, "distance": d, "p": float(scipy.stats.kstwo.sf(d, m))}
        for m, d in ((10, 0.2), (10, 0.4), (50, 0.1), (50, 0.2), (1000, 0.03), (1000, 0.05))
    ],
}
folder = pathlib.Path(__file__).resolve().parents[2] / "crates/objective/tests/reference"


def write(name, values):
    (folder / name).write_text(json.dumps(values) + "\n")


write("calibration.json", reference)
print({k: v for k, v in reference.items() if not isinstance(v, list) or len(v) < 10})


# Classification: one event, and four classes of which the forecasts are too certain.
rng = np.random.default_rng(21)
n = 400
p = np.round(1 / (1 + np.exp(-rng.normal(-0.5, 1.8, n))), 5)
p[:8] = [0.1, 0.1, 0.1, 0.5, 0.5, 1.0, 0.0, 0.7]  # ties, edges of bins, certainties
o = (rng.uniform(size=n) < p**1.4).astype(float)
o[5], o[6] = 1.0, 0.0
frequency, mean_p = calibration.calibration_curve(o, p, n_bins=10, strategy="uniform")
index = np.clip(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p), 0, 9)
count = np.bincount(index, minlength=10)
gap = np.abs(frequency - mean_p)
distinct = np.round((np.argsort(np.argsort(p)) + 0.5) / n, 5)  # without ties, for equal mass
parts = np.array_split(np.argsort(distinct), 10)
mass_gap = np.array([abs(o[part].mean() - distinct[part].mean()) for part in parts])

k = 4
raw = rng.normal(0.0, 1.0, (n, k))
label = np.array([rng.choice(k, p=q) for q in scipy.special.softmax(raw, axis=1)])
logits = 2.3 * raw  # a perfect temperature of about 2.3
probabilities = scipy.special.softmax(logits, axis=1)
top = probabilities.max(1)
hit = (probabilities.argmax(1) == label).astype(float)
top_index = np.clip(np.searchsorted(np.linspace(0, 1, 16)[1:-1], top), 0, 14)
top_ece = sum(
    (top_index == b).mean() * abs(hit[top_index == b].mean() - top[top_index == b].mean()) for b in np.unique(top_index)
)


def class_nll(log_temperature):
    return metrics.log_loss(label, scipy.special.softmax(logits / np.exp(log_temperature), axis=1), labels=range(k))


temperature = np.exp(scipy.optimize.minimize_scalar(class_nll, bounds=(-3, 3), method="bounded", options={"xatol": 1e-10}).x)
# uncertainty - resolution + reliability of forecasts that only take ten values is exact without the within-bin terms.
rounded = np.round(p, 1)
values = np.unique(rounded)
weight = np.array([(rounded == v).mean() for v in values])
rate = np.array([o[rounded == v].mean() for v in values])
write("classification.json", {
    "made_by": f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
    "probability": p.tolist(), "outcome": o.tolist(), "distinct": distinct.tolist(),
    "bin_frequency": frequency.tolist(), "bin_probability": mean_p.tolist(), "bin_count": count.tolist(),
    "ece": float(np.sum(count[count > 0] * gap) / n), "mce": float(gap.max()),
    "ece_equal_mass": float(np.sum([len(part) for part in parts] * mass_gap) / n),
    "brier": float(metrics.brier_score_loss(o, p)),
    "auroc": float(metrics.roc_auc_score(o, p)),
    "murphy_of_rounded": {
        "reliability": float(np.sum(weight * (values - rate) ** 2)),
        "resolution": float(np.sum(weight * (rate - o.mean()) ** 2)),
        "uncertainty": float(o.mean() * (1 - o.mean())),
        "score": float(metrics.brier_score_loss(o, rounded)),
    },
    "classes": k, "probabilities": probabilities.ravel().tolist(), "label": label.tolist(),
    "log_loss": float(metrics.log_loss(label, probabilities, labels=range(k))),
    "multiclass_brier": float(metrics.brier_score_loss(label, probabilities, labels=range(k), scale_by_half=False)),
    "accuracy": float(metrics.accuracy_score(label, probabilities.argmax(1))),
    "recalls": metrics.recall_score(label, probabilities.argmax(1), average=None, labels=range(k)).tolist(),
    "top_ece_15": float(top_ece),
    "one_versus_rest_auroc": [float(metrics.roc_auc_score(label == c, probabilities[:, c])) for c in range(k)],
    "temperature": float(temperature),
    "log_loss_at_temperature": float(class_nll(np.log(temperature))),
})

# Recalibration: Student-t predictions that are too narrow, isotonic regression, conformal quantiles.
rng = np.random.default_rng(22)
n, df = 200, 3.5
loc = np.round(rng.normal(0, 1, n), 5)
scale = np.round(np.exp(rng.normal(-1, 0.6, n)), 5)
y = np.round(loc + 1.8 * scale * rng.standard_t(df, n), 5)


def t_nll(log_s):
    return -np.mean(scipy.stats.t.logpdf(y, df, loc, np.exp(log_s) * scale))


t_factor = np.exp(scipy.optimize.minimize_scalar(t_nll, bounds=(-2, 3), method="bounded", options={"xatol": 1e-10}).x)
values = np.round(np.sort(rng.normal(0, 1, 60)) + rng.normal(0, 0.7, 60), 5)
weights = np.round(rng.uniform(0.2, 3, 60), 5)
pit = scipy.stats.t.cdf(y, df, loc, scale)
expected, observed = np.sort(pit), np.arange(1, n + 1) / n
model = isotonic.IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(np.r_[0, expected, 1], np.r_[0, observed, 1])
at = np.linspace(0, 1, 41)
scores = np.round(np.abs(y - loc), 6)
write("recalibration.json", {
    "made_by": f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}",
    "df": df, "loc": loc.tolist(), "scale": scale.tolist(), "y": y.tolist(),
    "t_factor": float(t_factor), "t_nll": float(t_nll(0.0)), "t_nll_at_factor": float(t_nll(np.log(t_factor))),
    "pava_values": values.tolist(), "pava_weights": weights.tolist(),
    "pava": isotonic.isotonic_regression(values, sample_weight=weights).tolist(),
    "pit": pit.tolist(), "map_at": at.tolist(), "map": model.predict(at).tolist(),
    "scores": scores.tolist(),
    "conformal": {str(q): float(np.quantile(scores, np.ceil((n + 1) * q) / n, method="inverted_cdf")) for q in (0.5, 0.8, 0.9, 0.95)},
})
