#!/usr/bin/env python3
"""Standard errors for crates/train/src/intervals, from statsmodels, scipy and closed forms.

Writes crates/train/tests/reference/intervals.json: rows with the least-squares standard errors of their
coefficients, and exponential decays x = a exp(-k t) with a known standard deviation: without noise, where
scipy's curve_fit covariance is the inverse information itself, and with noise, where the second
derivative of the residuals adds to it. Needs numpy, scipy, statsmodels.
"""
import json
import pathlib

import numpy as np
import scipy
import statsmodels
import statsmodels.api as sm
from scipy.optimize import curve_fit

rng = np.random.default_rng(23)

# linear regression on columns and target standardised with the population standard deviation
n = 60
inputs = rng.standard_normal((n, 2))
inputs[:, 1] = 50.0 + 20.0 * (0.6 * inputs[:, 0] + inputs[:, 1])
inputs = np.round(inputs, 6)
target = np.round(3.0 + 1.5 * inputs[:, 0] - 0.02 * inputs[:, 1] + 0.5 * rng.standard_normal(n), 6)
X = (inputs - inputs.mean(0)) / inputs.std(0)
y = (target - target.mean()) / target.std()
ols = sm.OLS(y, sm.add_constant(X)).fit()
# the maximum of the likelihood divides by n and not by n - 3
to_likelihood = np.sqrt((n - 3) / n)
sigma_ml = float(np.sqrt(np.mean(ols.resid**2)) * target.std())
linear = dict(
    inputs=inputs.tolist(),
    target=target.tolist(),
    coefficients=ols.params[1:].tolist(),
    coefficient_errors=(ols.bse[1:] * to_likelihood).tolist(),
    intercept_error=float(ols.bse[0] * to_likelihood),
    sigma=sigma_ml,
    sigma_error=sigma_ml / np.sqrt(2 * n),
)


def decay(t, a, k):
    return a * np.exp(-k * t)


t = np.linspace(0.0, 6.0, 25)
truth, sigma = (3.0, 0.7), 0.15


def curve(y):
    settings = dict(p0=(2.0, 1.0), sigma=np.full(t.size, sigma), absolute_sigma=True)
    estimate, covariance = curve_fit(decay, t, y, **settings, ftol=1e-15, xtol=1e-15, gtol=1e-15)
    a, k = (float(v) for v in estimate)
    # NLL = sum (y - f)^2/(2 sigma^2) in (ln a, ln k)
    f, r = decay(t, a, k), y - decay(t, a, k)
    first = [f, -k * t * f]
    second = [[f, -k * t * f], [-k * t * f, (k * t) ** 2 * f - k * t * f]]
    h = [[np.sum(first[i] * first[j] - r * second[i][j]) / sigma**2 for j in range(2)] for i in range(2)]
    log_errors = np.sqrt(np.diag(np.linalg.inv(np.array(h))))
    return dict(
        x=y.tolist(),
        estimate=[a, k],
        covariance=covariance.tolist(),
        log_errors=log_errors.tolist(),
    )


json.dump(
    dict(
        made_by="scripts/reference/intervals.py",
        versions=dict(numpy=np.__version__, scipy=scipy.__version__, statsmodels=statsmodels.__version__),
        linear=linear,
        decay=dict(
            t=t.tolist(),
            sigma=sigma,
            exact=curve(decay(t, *truth)),
            noisy=curve(np.round(decay(t, *truth) + sigma * rng.standard_normal(t.size), 6)),
        ),
    ),
    open(pathlib.Path(__file__).parents[2] / "crates/train/tests/reference/intervals.json", "w"),
    indent=1,
)
