#!/usr/bin/env python3
"""Reference numbers for crates/objective/src/calibration, from scipy and uncertainty-toolbox.

Writes crates/objective/tests/reference/calibration.json. Needs numpy, scipy, uncertainty-toolbox.
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.special
import scipy.stats
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
out = pathlib.Path(__file__).resolve().parents[2] / "crates/objective/tests/reference/calibration.json"
out.write_text(json.dumps(reference) + "\n")
print({k: v for k, v in reference.items() if not isinstance(v, list) or len(v) < 10})
