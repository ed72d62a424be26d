#!/usr/bin/env python3
"""Independent numbers for the studies on generated tables: experiments/*/expected.toml quotes them.

    python3 scripts/reference/studies.py data/examples

Needs numpy, scipy and statsmodels. Maximum-likelihood fits are statsmodels'; the lasso is solved by
scipy as a smooth problem with weights w = a - b, a and b not negative; CVaR by scipy as
min over (loc, scale, tau) of tau + E(l - tau)+ / a (Rockafellar & Uryasev 2000).
"""

import csv
import json
import pathlib
import sys

import numpy as np
import scipy.optimize
import statsmodels.api as sm
from statsmodels.othermod.betareg import BetaModel


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(table, names):
    return np.column_stack([np.array(table[name], float) for name in names])


def counts(folder):
    table = read(folder / "outcomes.csv")
    x, y = sm.add_constant(numbers(table, ["x1", "x2"])), np.array(table["burst"], float)
    poisson = sm.Poisson(y, x).fit(disp=0, method="newton", maxiter=200)
    binomial = sm.NegativeBinomial(y, x, loglike_method="nb2").fit(
        disp=0, method="bfgs", maxiter=2000, gtol=1e-9, start_params=[*poisson.params, 0.5]
    )
    return {
        "poisson": {"log_likelihood": poisson.llf, "coefficients": list(poisson.params)},
        "negative_binomial": {
            "log_likelihood": binomial.llf,
            "coefficients": list(binomial.params[:-1]),
            "dispersion": binomial.params[-1],
        },
    }


def shares(folder):
    table = read(folder / "outcomes.csv")
    x, y = sm.add_constant(numbers(table, ["x1", "x2"])), np.array(table["share"], float)
    beta = BetaModel(y, x).fit(disp=0, maxiter=2000, gtol=1e-9)
    return {"log_likelihood": beta.llf, "coefficients": list(beta.params[:-1]), "precision": np.exp(beta.params[-1])}


def lasso(folder, weight=0.03):
    table = read(folder / "sparse.csv")
    x = numbers(table, [f"x{i}" for i in range(1, 11)])
    x = (x - x.mean(0)) / x.std(0)
    y = np.array([label == "yes" for label in table["outcome"]], float)
    n, k = x.shape

    def loss(theta):
        w, z = theta[1 : k + 1] - theta[k + 1 :], 0.0
        z = x @ w + theta[0]
        value = np.mean(np.logaddexp(0.0, z) - y * z) + weight * theta[1:].sum()
        r = (1.0 / (1.0 + np.exp(-z)) - y) / n
        g = x.T @ r
        return value, np.concatenate([[r.sum()], g + weight, -g + weight])

    bounds = [(None, None)] + [(0.0, None)] * (2 * k)
    fit = scipy.optimize.minimize(
        loss, np.zeros(2 * k + 1), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 100000, "maxfun": 100000, "ftol": 1e-16, "gtol": 1e-11},
    )
    w = fit.x[1 : k + 1] - fit.x[k + 1 :]
    return {"objective": fit.fun, "intercept": fit.x[0], "coefficients": list(w)}


def worst_cases(folder, fraction=0.05):
    y = np.array(read(folder / "outliers.csv")["y"], float)

    def nll(loc, log_scale):
        return 0.5 * np.log(2.0 * np.pi) + log_scale + 0.5 * ((y - loc) / np.exp(log_scale)) ** 2

    def cvar(theta):
        worst = np.sort(nll(theta[0], theta[1]))[::-1]
        k = fraction * len(y)
        whole = int(np.floor(k))
        return (worst[:whole].sum() + (k - whole) * worst[min(whole, len(y) - 1)]) / k

    start = [y.mean(), np.log(y.std())]
    for _ in range(20):
        start = scipy.optimize.minimize(
            cvar, start, method="Nelder-Mead", options={"xatol": 1e-12, "fatol": 1e-14, "maxiter": 20000}
        ).x
    return {
        "mean": {"scale": y.std(), "nll": nll(y.mean(), np.log(y.std())).mean()},
        "cvar": {"loc": start[0], "scale": np.exp(start[1]), "cvar": cvar(start), "nll": nll(*start).mean()},
    }


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    examples = pathlib.Path(sys.argv[1])
    found = {f.__name__: f(examples) for f in (counts, shares, lasso, worst_cases)}
    print(json.dumps(found, indent=2, default=float))
