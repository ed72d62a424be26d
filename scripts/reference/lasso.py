#!/usr/bin/env python3
"""Reference solutions for crates/train/src/optimizer, by coordinate descent from scikit-learn.

Writes crates/train/tests/reference/lasso.json: generated rows, and lasso, elastic-net and logistic
solutions on the columns standardised with the population standard deviation. Needs numpy, scipy,
scikit-learn.
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.optimize
import sklearn
from sklearn.linear_model import ElasticNet, Lasso

rng = np.random.default_rng(11)
n, d = 60, 8
inputs = rng.standard_normal((n, d))
inputs[:, 1] = 0.8 * inputs[:, 0] + 0.6 * inputs[:, 1]  # correlated columns
inputs[:, 5] = 3.0 + 40.0 * inputs[:, 5]  # another unit
inputs = np.round(inputs, 6)
signal = 1.5 * inputs[:, 0] - 1.0 * inputs[:, 2] + 0.02 * inputs[:, 5]
y = np.round(4.0 + signal + 0.5 * rng.standard_normal(n), 6)
label = (signal - signal.mean() + rng.logistic(size=n) > 0).astype(float)

X = (inputs - inputs.mean(0)) / inputs.std(0)
t = (y - y.mean()) / y.std()


def objective(w, b, penalty):
    return float(0.5 * np.mean((t - X @ w - b) ** 2) + penalty(w))


squares = []
for weight, ratio in [(0.3, 1.0), (0.05, 1.0), (0.01, 1.0), (0.2, 0.5), (0.05, 0.3)]:
    settings = dict(alpha=weight, tol=1e-15, max_iter=1_000_000)
    model = Lasso(**settings) if ratio == 1.0 else ElasticNet(l1_ratio=ratio, **settings)
    model.fit(X, t)
    w, b = model.coef_, float(model.intercept_)
    value = objective(w, b, lambda w: weight * (ratio * np.abs(w).sum() + 0.5 * (1 - ratio) * (w @ w)))
    squares.append(dict(weight=weight, l1_ratio=ratio, coefficients=w.tolist(), intercept=b, objective=value))


# Logistic loss + weight·|w|₁ with a free intercept: w = p − q, p, q ≥ 0, by bounded L-BFGS (liblinear
# and saga would penalise the intercept, or stop early).
logistic = []
for weight in [0.1, 0.02, 0.005]:
    def loss(z):
        p, q, b = z[:d], z[d : 2 * d], z[-1]
        u = X @ (p - q) + b
        g = (1 / (1 + np.exp(-u)) - label) / n
        value = np.mean(np.logaddexp(0, u) - label * u) + weight * (p.sum() + q.sum())
        return value, np.concatenate([X.T @ g + weight, -X.T @ g + weight, [g.sum()]])

    start = np.zeros(2 * d + 1)
    bounds = [(0, None)] * (2 * d) + [(None, None)]
    options = dict(maxiter=100_000, maxfun=1_000_000, ftol=1e-16, gtol=1e-12)
    found = scipy.optimize.minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options)
    w, b = found.x[:d] - found.x[d : 2 * d], float(found.x[-1])
    logistic.append(dict(weight=weight, coefficients=w.tolist(), intercept=b, objective=float(found.fun)))

out = pathlib.Path(__file__).resolve().parents[2] / "crates/train/tests/reference/lasso.json"
out.write_text(
    json.dumps(
        dict(
            made_by="scripts/reference/lasso.py",
            versions=dict(numpy=np.__version__, scipy=scipy.__version__, sklearn=sklearn.__version__),
            inputs=inputs.tolist(),
            target=y.tolist(),
            label=label.tolist(),
            squares=squares,
            logistic=logistic,
        ),
        indent=1,
    )
    + "\n"
)
