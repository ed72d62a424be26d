"""Reference NLL and gradients of the families with another support, several columns or a covariance.

A case has the unconstrained location of a block, all columns of its other parameters, the observed
vector, the joint NLL and its gradient with respect to location and parameters. The densities are
written in textbook form at 80 digits, where nothing cancels; gradients are central differences at
that precision. (Distribution functions and scores: `marginal.py`; the families on the real line:
`likelihood.py`.)

Usage: python scripts/reference/likelihood_families.py   (needs mpmath)
"""

import itertools
import json
import pathlib

import mpmath as mp

mp.mp.dps = 80
FOLDER = pathlib.Path(__file__).parents[2] / "crates/objective/tests/reference/likelihood"


def sigmoid(z):
    return 1 / (1 + mp.exp(-z))


def poisson(location, _, y):
    rate = mp.exp(location[0])
    return -mp.log(rate**y[0] * mp.exp(-rate) / mp.gamma(y[0] + 1))


def negative_binomial(location, p, y):
    mean, r = mp.exp(location[0]), 1 / p[0]
    log_choose = mp.loggamma(y[0] + r) - mp.loggamma(r) - mp.loggamma(y[0] + 1)
    return -(log_choose + r * mp.log(r / (r + mean)) + y[0] * mp.log(mean / (r + mean)))


def beta(location, p, y):
    a, b = sigmoid(location[0]) * p[0], sigmoid(-location[0]) * p[0]
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(p[0])
    return log_beta - (a - 1) * mp.log(y[0]) - (b - 1) * mp.log(1 - y[0])


def gamma(location, p, y):
    k, rate = p[0], p[0] / mp.exp(location[0])
    return mp.loggamma(k) - k * mp.log(rate) - (k - 1) * mp.log(y[0]) + rate * y[0]


def log_normal(location, p, y):
    z = (mp.log(y[0]) - location[0]) / p[0]
    return mp.log(y[0]) + mp.log(2 * mp.pi * p[0] ** 2) / 2 + z**2 / 2


def von_mises(location, p, y):
    angle = mp.atan2(location[1], location[0])
    return mp.log(2 * mp.pi * mp.besseli(0, p[0])) - p[0] * mp.cos(y[0] - angle)


def quantile(p):
    """Of the standard normal."""
    return mp.sqrt(2) * mp.erfinv(2 * p - 1)


def gaussian_mixture(location, p, y):
    k = len(location)
    logits, scales = p[:k], p[k:]
    centres = [location[i] + quantile((mp.mpf(i) + mp.mpf(1) / 2) / k) for i in range(k)]
    weights = [mp.exp(z) for z in logits]
    density = sum(
        w / sum(weights) * mp.exp(-(((y[0] - c) / s) ** 2) / 2) / (s * mp.sqrt(2 * mp.pi))
        for w, c, s in zip(weights, centres, scales)
    )
    return -mp.log(density)


def bernoulli(location, _, y):
    return -mp.log(sigmoid(location[0]) if y[0] == 1 else sigmoid(-location[0]))


def categorical(location, _, y):
    powers = [mp.exp(z) for z in location]
    return -sum(t * mp.log(power / sum(powers)) for t, power in zip(y, powers))


def covariance(p, d):
    """L L^T with L = diag(s) U."""
    lower = mp.matrix(d, d)
    mixing = iter(p[d:])
    for i in range(d):
        for j in range(i):
            lower[i, j] = p[i] * next(mixing)
        lower[i, i] = p[i]
    return lower * lower.T


def mahalanobis(location, matrix, y):
    residual = mp.matrix([a - b for a, b in zip(y, location)])
    return (residual.T * mp.inverse(matrix) * residual)[0]


def multivariate_normal(location, p, y):
    d = len(y)
    matrix = covariance(p, d)
    return (d * mp.log(2 * mp.pi) + mp.log(mp.det(matrix)) + mahalanobis(location, matrix, y)) / 2


def multivariate_t(location, matrix, df, y):
    half = mp.mpf(len(y)) / 2
    return (
        mp.loggamma(df / 2)
        - mp.loggamma(df / 2 + half)
        + half * mp.log(df * mp.pi)
        + mp.log(mp.det(matrix)) / 2
        + (df / 2 + half) * mp.log(1 + mahalanobis(location, matrix, y) / df)
    )


def multivariate_student_t(location, p, y):
    return multivariate_t(location, covariance(p[:-1], len(y)), p[-1], y)


def normal_inverse_wishart(location, p, y):
    nu, d = p[-1], len(y)
    df = nu - d + 1
    return multivariate_t(location, covariance(p[:-1], d) * ((1 + nu) / (nu * df)), df, y)


def gradient(nll, location, p, y):
    values = [*location, *p]
    partial = []
    for i, value in enumerate(values):
        h = max(abs(value), mp.mpf(10) ** -3) * mp.mpf(10) ** -25

        def along(v):
            moved = values[:i] + [v] + values[i + 1 :]
            return nll(moved[: len(location)], moved[len(location) :], y)

        partial.append(float((along(value + h) - along(value - h)) / (2 * h)))
    return partial


def grid(*axes):
    return [list(case) for case in itertools.product(*axes)]


PAIR, TRIPLE = [0.5, 2.0, 0.7], [0.5, 2.0, 0.1, 0.7, -0.3, 1.2]
CASES = {
    "poisson": grid([[-50.0], [-3.0], [1.4350845252893227], [12.0]], [[]], [[0.0], [1.0], [7.0], [160000.0]]),
    "negative_binomial": grid(
        [[-20.0], [1.4350845252893227], [9.0]],
        [[1e-10], [1e-6], [1e-3], [0.5], [30.0], [1e4]],
        [[0.0], [1.0], [7.0], [3000.0]],
    ),
    "beta": grid(
        [[-50.0], [-0.4054651081081644], [3.0], [50.0]],
        [[1e-3], [5.0], [440.2784], [2e6]],
        [[1e-9], [0.3], [0.4000001], [1 - 2.0**-30]],
    ),
    "gamma": grid([[-4.0], [0.3], [6.0]], [[1e-4], [1.0], [7.0], [2e6]], [[1e-6], [1.0], [1.35], [500.0]]),
    "log_normal": grid([[-4.0], [0.3], [6.0]], [[1e-3], [0.5], [30.0]], [[1e-6], [1.35], [500.0]]),
    "von_mises": grid(
        [[1.0, 0.3], [-2.0, 1e-3], [1e-6, -3e-6], [0.9553364891256060, 0.29552020666133955]],
        [[1e-5], [2.5], [92.0], [1e5]],
        [[1.0], [0.3], [3.1415], [-3.1415]],
    ),
    "gaussian_mixture": grid([[0.3, -0.4], [-30.0, 40.0]], [[0.0, 0.0, 0.5, 2.0], [50.0, -50.0, 1e-3, 0.1], [1.0, 3.0, 0.2, 0.3]], [[0.2], [-1.0], [35.0]])
    + grid([[0.3, -0.4, 0.1]], [[0.2, -1.0, 0.6, 0.5, 2.0, 0.1]], [[0.2], [7.0]]),
    "bernoulli": grid([[-50.0], [-3.0], [0.0], [17.0], [50.0]], [[]], [[0.0], [1.0]]),
    "categorical": grid([[0.3, -1.0, 0.6], [50.0, -50.0, 0.0], [0.0, 0.0, 0.0]], [[]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    "multivariate_normal": grid([[0.1, -0.2]], [PAIR, [1e-3, 30.0, 0.0]], [[0.1, -0.2], [0.4, -0.7], [30.0, 10.0]])
    + grid([[0.1, -0.2, 0.3]], [TRIPLE], [[0.4, -0.7, 0.2], [30.0, 10.0, -5.0]]),
    "multivariate_student_t": grid(
        [[0.1, -0.2]], [[*PAIR, 4.0], [*PAIR, 0.3], [*PAIR, 1e8]], [[0.1, -0.2], [0.4, -0.7], [30.0, 10.0]]
    )
    + grid([[0.1, -0.2, 0.3]], [[*TRIPLE, 5.0]], [[0.4, -0.7, 0.2], [30.0, 10.0, -5.0]]),
    "normal_inverse_wishart": grid(
        [[0.1, -0.2]], [[*PAIR, 3.001], [*PAIR, 8.0], [*PAIR, 1e7]], [[0.1, -0.2], [0.4, -0.7], [30.0, 10.0]]
    )
    + grid([[0.1, -0.2, 0.3]], [[*TRIPLE, 6.0]], [[0.4, -0.7, 0.2], [30.0, 10.0, -5.0]]),
}

for name, cases in CASES.items():
    nll = globals()[name]
    lines = []
    for location, p, y in cases:
        exact = [[mp.mpf(v) for v in group] for group in (location, p, y)]
        case = {"location": location, "parameters": p, "y": y, "nll": float(nll(*exact)), "gradient": gradient(nll, *exact)}
        lines.append("  " + json.dumps(case))
    (FOLDER / f"{name}.json").write_text('{"cases": [\n' + ",\n".join(lines) + "\n]}\n")
    print(name, len(cases))
