"""Likelihoods and gradients of latent ODEs for crates/train, by scipy's DOP853 and complex steps.

Encoder, field and decoder are written once for values; a derivative is the imaginary part of the loss
at a parameter moved by 1e-30 i, so nothing of an adjoint or of a chain rule is shared with the crate.
Units (standardisation, times of the encoder and of the solution) are computed here from the
trajectories. The decoder gives location and scale of a normal for each column: scale = exp(15 tanh(raw/15)),
both in standardised units, and the likelihood is in those of the data.

Usage: python scripts/reference/latent_ode.py   (needs numpy and scipy; writes crates/train/tests/reference)
"""

import json
import pathlib

import numpy as np
from scipy.integrate import solve_ivp

FILE = pathlib.Path(__file__).parents[2] / "crates/train/tests/reference/latent_ode.json"
STEP = 1e-30
ACTIVATIONS = {"tanh": np.tanh, "silu": lambda z: z / (1.0 + np.exp(-z))}


def n_parameters(sizes):
    return sum((n_in + 1) * n_out for n_in, n_out in zip(sizes[:-1], sizes[1:]))


def network(sizes, activation, p, x):
    """p [m, n_parameters], x [m, n_in] -> [m, n_out]: m parameter sets, each with its own input."""
    at = 0
    for k, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        weight = p[:, at : at + n_in * n_out].reshape(-1, n_out, n_in)
        at += n_in * n_out
        x = np.einsum("moi,mi->mo", weight, x) + p[:, at : at + n_out]
        at += n_out
        if k < len(sizes) - 2:
            x = ACTIVATIONS[activation](x)
    return x


def context_of(case, times, observed):
    """Rows of the context, its end, and the first row behind it."""
    rows = [k for k, y in enumerate(observed) if np.isfinite(y).any()]
    if "observations" in case["context"]:
        n = case["context"]["observations"]
        end = times[rows[n - 1]]
    else:
        end = case["context"]["until"]
        n = sum(times[k] <= end for k in rows)
    return rows[:n], end, sum(t <= end for t in times)


def units(case, data):
    """Means and deviations of the columns, the time in which they change by their size, reach and slots."""
    everything = np.concatenate([observed for _, observed in data])
    mean = np.array([np.mean(c[np.isfinite(c)]) for c in everything.T])
    deviation = np.array([np.std(c[np.isfinite(c)]) for c in everything.T])
    size = np.array([np.sqrt(np.mean(c[np.isfinite(c)] ** 2)) for c in everything.T])
    rates = []
    for times, observed in data:
        rate = np.abs(np.diff(observed, axis=0) / size / np.diff(times)[:, None])
        rates.extend(rate[np.isfinite(rate) & (rate > 0.0)])
    rates.sort()
    contexts = [(context_of(case, *one), one[0]) for one in data]
    return {
        "mean": mean,
        "deviation": deviation,
        "time": 1.0 / rates[len(rates) // 2],
        "reach": max(end - times[rows[0]] for (rows, end, _), times in contexts),
        "slots": max(len(rows) for (rows, _, _), _ in contexts),
    }


def encoder_inputs(case, unit, times, observed):
    rows, end, _ = context_of(case, times, observed)
    places = [np.zeros(1 + 2 * len(unit["mean"])) for _ in range(unit["slots"] - len(rows))]
    for k in rows[-unit["slots"] :]:
        place = [(times[k] - end) / unit["reach"]]
        for y, mean, deviation in zip(observed[k], unit["mean"], unit["deviation"]):
            place += [(y - mean) / deviation, 1.0] if np.isfinite(y) else [0.0, 0.0]
        places.append(np.array(place))
    return np.concatenate(places)


def sizes(case, unit):
    n, d = len(unit["mean"]), case["latent_dim"]
    return (
        [unit["slots"] * (1 + 2 * n), *case["encoder"], d],
        [d, *case["field"], d],
        [d, *case["decoder"], 2 * n],
    )


def losses(case, unit, data, p):
    """NLL of every observed sample for each of the m parameter sets, [m][n_samples]; nats in the data's units."""
    shapes, act = sizes(case, unit), case["activation"]
    ends = np.cumsum([n_parameters(s) for s in shapes])
    encoder, field, decoder = np.split(p, ends[:-1], axis=1)
    m, d, n = len(p), case["latent_dim"], len(unit["mean"])
    samples = []
    for times, observed in data:
        _, end, first = context_of(case, times, observed)
        x = np.tile(encoder_inputs(case, unit, times, observed), (m, 1))
        z0 = network(shapes[0], act, encoder, x)
        tau = (np.array(times[first:]) - end) / unit["time"]
        solved = solve_ivp(
            lambda _, z: network(shapes[1], act, field, z.reshape(m, d)).ravel(),
            (0.0, tau[-1]),
            z0.ravel().astype(complex),
            method="DOP853",
            t_eval=tau,
            # the interpolant has a lower order than the steps, which are therefore short
            max_step=0.02,
            rtol=1e-13,
            atol=1e-13,
        )
        for k, y in enumerate(observed[first:]):
            raw = network(shapes[2], act, decoder, solved.y[:, k].reshape(m, d))
            nll = 0.0
            for c in np.flatnonzero(np.isfinite(y)):
                scale = np.exp(15.0 * np.tanh(raw[:, n + c] / 15.0)) * unit["deviation"][c]
                residual = y[c] - (unit["mean"][c] + unit["deviation"][c] * raw[:, c])
                nll = nll + 0.5 * (residual / scale) ** 2 + np.log(scale) + 0.5 * np.log(2.0 * np.pi)
            if np.isfinite(y).any():
                samples.append(nll)
    return np.array(samples).T


def trajectories(draw, n, missing):
    """Noisy oscillations at irregular times, some values missing, one row without any."""
    data = []
    for _ in range(n):
        times = np.cumsum(draw.uniform(0.1, 0.5, size=9)) + draw.uniform(0.0, 0.6)
        phase = draw.uniform(0.0, 6.0)
        observed = np.stack([3.0 + np.cos(2.0 * times + phase), -20.0 * np.sin(2.0 * times + phase)], axis=1)
        observed += draw.normal(size=observed.shape) * [0.05, 1.0]
        observed[draw.uniform(size=observed.shape) < missing] = np.nan
        observed[-1] = np.where(np.isfinite(observed[-1]), observed[-1], 0.3)
        data.append((times, observed))
    data[0][1][7] = np.nan
    return data


def make(name, seed, context, activation, latent_dim, encoder, field, decoder, missing):
    draw = np.random.default_rng(seed)
    case = {
        "name": name,
        "context": context,
        "activation": activation,
        "latent_dim": latent_dim,
        "encoder": encoder,
        "field": field,
        "decoder": decoder,
    }
    data = [(np.round(times, 6), np.round(observed, 6)) for times, observed in trajectories(draw, 4, missing)]
    unit = units(case, data)
    p = np.round(draw.normal(scale=0.45, size=sum(n_parameters(s) for s in sizes(case, unit))), 6)
    moved = np.tile(p.astype(complex), (len(p), 1)) + 1j * STEP * np.eye(len(p))
    nll = losses(case, unit, data, moved)
    blank = lambda row: [None if not np.isfinite(y) else y for y in row]
    case |= {
        "trajectories": [{"times": list(t), "observed": [blank(y) for y in o]} for t, o in data],
        "time": unit["time"],
        "reach": unit["reach"],
        "slots": unit["slots"],
        "parameters": list(p),
        "nll": list(nll[0].real),
        "loss": float(nll[0].real.mean()),
        "gradient": list(nll.mean(axis=1).imag / STEP),
    }
    # the same values without any complex step, and one slope by ordinary differences
    real = losses(case, unit, data, np.stack([p] + [p + s * 1e-4 * np.eye(len(p))[0] for s in (1.0, -1.0)]))
    assert np.allclose(real[0].real, case["nll"], rtol=1e-11, atol=1e-11)
    slope = (real[1].real.mean() - real[2].real.mean()) / 2e-4
    assert abs(slope - case["gradient"][0]) < 1e-6, (slope, case["gradient"][0])
    return case


cases = [
    make("observations", 1, {"observations": 3}, "tanh", 3, [4], [5], [3], 0.15),
    make("until", 2, {"until": 1.4}, "silu", 2, [3, 3], [4], [], 0.1),
    make("linear", 3, {"observations": 2}, "tanh", 2, [], [3], [2], 0.0),
]
FILE.write_text(json.dumps({"cases": cases}, indent=1) + "\n")
print(FILE, FILE.stat().st_size, [(c["name"], c["loss"], len(c["parameters"])) for c in cases])
