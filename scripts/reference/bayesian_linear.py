"""Reference values of conjugate Bayesian linear regression, by another road than the code's.

Without weights, y ~ multivariate t with 2 a0 degrees of freedom, location 0 and shape matrix
b0/a0 (I + F F^T/lambda): its density is the marginal likelihood, and its conditional law given y is
the predictive distribution (Roth 2013, On the multivariate t distribution, eq. 7). The hyper-parameters
are those where scipy's bounded search finds the density largest. The smallest problem is also integrated
numerically over its weight and variance.

Usage: python scripts/reference/bayesian_linear.py   (needs numpy, scipy, mpmath)
"""

import json
import pathlib

import mpmath as mp
import numpy as np
from scipy.optimize import minimize
from scipy.stats import multivariate_t

TARGET = pathlib.Path(__file__).parents[2] / "crates/train/tests/reference/bayesian_linear.json"


def shape(f, g, lam, a0, b0):
    return b0 / a0 * (f @ g.T / lam)


def log_evidence(f, y, lam, a0, b0):
    n = len(y)
    return multivariate_t.logpdf(y, loc=np.zeros(n), shape=shape(f, f, lam, a0, b0) + b0 / a0 * np.eye(n), df=2 * a0)


def predict(f, y, new, lam, a0, b0):
    """Location, squared scale and degrees of freedom of an observation at each row of `new`."""
    n, df = len(y), 2 * a0
    k = shape(f, f, lam, a0, b0) + b0 / a0 * np.eye(n)
    cross = shape(new, f, lam, a0, b0)
    prior = np.diag(shape(new, new, lam, a0, b0)) + b0 / a0
    loc = cross @ np.linalg.solve(k, y)
    schur = prior - np.einsum("ij,ji->i", cross, np.linalg.solve(k, cross.T))
    scale2 = (df + y @ np.linalg.solve(k, y)) / (df + n) * schur
    return loc, scale2, df + n


def integrated(f, y, lam, a0, b0):
    """ln of the integral of likelihood and prior over one weight and the variance."""
    mp.mp.dps = 20

    def joint(w, s2):
        likelihood = mp.fprod(mp.npdf(float(t), float(x) * w, mp.sqrt(s2)) for x, t in zip(f[:, 0], y))
        gamma = mp.mpf(b0) ** a0 / mp.gamma(a0) * s2 ** (-a0 - 1) * mp.exp(-b0 / s2)
        return likelihood * mp.npdf(w, 0, mp.sqrt(s2 / lam)) * gamma

    value = mp.quad(lambda u: mp.quad(lambda w: joint(w, mp.exp(u)), [-20, -2, 0, 1, 3, 20]) * mp.exp(u), [-12, -4, -1, 1, 5, 12])
    return float(mp.log(value))


def best(f, y, a0):
    objective = lambda t: -log_evidence(f, y, np.exp(t[0]), a0, np.exp(t[1]))
    starts = [(t, u) for t in (-4, 0, 4) for u in (-3, 0)]
    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 4000}
    found = min((minimize(objective, s, method="Nelder-Mead", options=options) for s in starts), key=lambda r: r.fun)
    return float(np.exp(found.x[0])), float(np.exp(found.x[1])), float(-found.fun)


def main():
    rng = np.random.default_rng(5)
    cases = []
    for n, p, lam, a0, b0 in [(3, 1, 0.7, 1.3, 0.4), (25, 4, 0.5, 1.0, 0.3), (12, 20, 2.0, 1.5, 0.2), (80, 11, 1e-3, 2.5, 1.0)]:
        f = np.tanh(rng.normal(size=(n, p)))
        f[:, -1] = 1.0
        y = f @ (0.7 * rng.normal(size=p)) + 0.2 * rng.normal(size=n)
        new = np.vstack([np.tanh(rng.normal(size=(3, p))), 5.0 * np.ones((1, p))])
        loc, scale2, df = predict(f, y, new, lam, a0, b0)
        case = {
            "n": n, "p": p, "lambda": lam, "a0": a0, "b0": b0,
            "features": f.ravel().tolist(), "y": y.tolist(), "new": new.ravel().tolist(),
            "loc": loc.tolist(), "scale2": scale2.tolist(), "df": df,
            "log_evidence": float(log_evidence(f, y, lam, a0, b0)),
        }
        case["best_lambda"], case["best_b0"], case["best_log_evidence"] = best(f, y, a0)
        if n == 3:
            case["integrated"] = integrated(f, y, lam, a0, b0)
            assert abs(case["integrated"] - case["log_evidence"]) < 1e-6, case
        cases.append(case)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(json.dumps({"cases": cases}) + "\n")


if __name__ == "__main__":
    main()
