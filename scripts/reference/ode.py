"""Reference solutions and gradients for crates/ode, by scipy's DOP853 (Radau where the problem is
stiff) at the tightest tolerances.

The gradient of L = 1/2 sum (y(t_d) - 0.1)^2 over all states and data times comes from forward
sensitivities dS/dt = J S + P, integrated together with the states; J and P are complex-step
derivatives (exact to rounding), so nothing here shares a formula with the discrete adjoint.

Usage: python scripts/reference/ode.py   (needs numpy and scipy; writes crates/ode/tests/reference)
"""

import json
import pathlib

import numpy as np
from scipy.integrate import solve_ivp

TARGET = 0.1
TIGHT = {"method": "DOP853", "rtol": 2.3e-14, "atol": 1e-14}
FOLDER = pathlib.Path(__file__).parents[2] / "crates/ode/tests/reference"


def cubic_spiral(t, y, p):
    """dy/dt = A y^3 (elementwise cube), p = A row-major."""
    return p.reshape(2, 2) @ y**3


def lotka_volterra(t, y, p):
    """dx/dt = a x - b x y, dy/dt = -c y + d x y."""
    a, b, c, d = p
    return np.array([a * y[0] - b * y[0] * y[1], -c * y[1] + d * y[0] * y[1]])


def damped_pendulum(t, y, p):
    """d(angle)/dt = w, dw/dt = -damping w - stiffness sin(angle)."""
    return np.array([y[1], -p[0] * y[1] - p[1] * np.sin(y[0])])


def mlp(sizes, activation, time_input):
    """Layers of p: weight [out, in] row-major, then bias."""

    def field(t, y, p):
        x = np.append(y, t) if time_input else y
        at = 0
        for k, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:])):
            weight = p[at : at + n_in * n_out].reshape(n_out, n_in)
            at += n_in * n_out
            z = weight @ x + p[at : at + n_out]
            at += n_out
            x = z if k == len(sizes) - 2 else activation(z)
        return x

    return field


def hybrid(t, z, p):
    """Formulas around a 2-5-4-2 tanh network, in states divided by (2, 0.5).

    dx/dt = alpha x - u x, dy/dt = -delta y + x u / 2 + cos(t) v / 10, with (u, v) = 1.5 N(x/2, y/0.5).
    """
    alpha, delta = p[:2]
    u, v = 1.5 * mlp([2, 5, 4, 2], np.tanh, False)(t, z, p[2:])
    x, y = 2.0 * z[0], 0.5 * z[1]
    rates = np.array([alpha * x - u * x, -delta * y + 0.5 * u * x + 0.1 * np.cos(t) * v])
    return rates / np.array([2.0, 0.5])


def robertson(t, z, p):
    """Robertson's kinetics in states divided by (1, 1e-4, 1)."""
    a, b, c = z[0], 1e-4 * z[1], z[2]
    slow, fast, back = p[0] * a, p[1] * b * b, p[2] * b * c
    return np.array([-slow + back, (slow - fast - back) / 1e-4, fast])


def pendulum(t, y, p):
    """dq/dt = p, dp/dt = -g sin q."""
    return np.array([y[1], -p[0] * np.sin(y[0])])


def lorenz(t, y, p):
    """E. N. Lorenz, J. Atmos. Sci. 20 (1963) 130, eqs. 25-27; p = (sigma, rho, beta)."""
    return np.array([p[0] * (y[1] - y[0]), y[0] * (p[1] - y[2]) - y[1], y[0] * y[1] - p[2] * y[2]])


def van_der_pol(t, y, p):
    """dx/dt = v, dv/dt = mu (1 - x^2) v - x."""
    return np.array([y[1], p[0] * (1 - y[0] * y[0]) * y[1] - y[0]])


def sir(t, y, p):
    """Susceptible, infected and removed shares of a population; p = (infection, recovery)."""
    new, over = p[0] * y[0] * y[1], p[1] * y[1]
    return np.array([-new, new - over, over])


def michaelis_menten(t, y, p):
    """Substrate, enzyme, complex, product: S + E <-> C -> P + E; p = (kf, kr, kcat)."""
    bind, release, turn = p[0] * y[0] * y[1], p[1] * y[2], p[2] * y[2]
    return np.array([release - bind, release + turn - bind, bind - release - turn, turn])


def swing(t, y, p):
    """Rotor angle and speed deviation of a generator on an infinite bus:
    d(angle)/dt = w, inertia dw/dt = power - amplitude sin(angle) - damping w."""
    inertia, damping, power, amplitude = p
    return np.array([y[1], (power - amplitude * np.sin(y[0]) - damping * y[1]) / inertia])


def complex_step(function, x):
    """Jacobian of a real-analytic function."""
    columns = []
    for i in range(len(x)):
        z = x.astype(complex)
        z[i] += 1e-30j
        columns.append(function(z).imag / 1e-30)
    return np.stack(columns, axis=1)


def reference(field, p, y0, times, **how):
    p, y0, times = (np.asarray(v, dtype=float) for v in (p, y0, times))
    n, m = len(y0), len(p)

    def augmented(t, u):
        y, s = u[:n], u[n:].reshape(n, n + m)
        ds = complex_step(lambda z: field(t, z, p), y) @ s
        ds[:, n:] += complex_step(lambda z: field(t, y, z), p)
        return np.concatenate([field(t, y, p), ds.ravel()])

    start = np.concatenate([y0, np.eye(n, n + m).ravel()])
    solution = solve_ivp(augmented, (times[0], times[-1]), start, t_eval=times, **(TIGHT | how))
    assert solution.success
    states = solution.y[:n].T
    sensitivities = solution.y[n:].T.reshape(len(times), n, n + m)
    gradient = np.einsum("di,dij->j", states - TARGET, sensitivities)
    return {
        "parameters": p.tolist(),
        "y0": y0.tolist(),
        "times": times.tolist(),
        "states": states.ravel().tolist(),
        "loss": float(0.5 * ((states - TARGET) ** 2).sum()),
        "gradient": {"y0": gradient[:n].tolist(), "parameters": gradient[n:].tolist()},
    }


def network(rng, sizes):
    blocks = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:]):
        blocks += [rng.normal(size=n_in * n_out) / np.sqrt(n_in), 0.1 * rng.normal(size=n_out)]
    return np.round(np.concatenate(blocks), 6)


def main():
    rng = np.random.default_rng(20240229)
    tanh_sizes, silu_sizes = [3, 8, 7, 3], [3, 9, 2]
    problems = {
        "cubic_spiral": (cubic_spiral, [-0.1, 2.0, -2.0, -0.1], [2.0, 0.0], np.linspace(0.0, 5.0, 21)),
        "lotka_volterra": (lotka_volterra, [1.5, 1.0, 3.0, 1.0], [1.0, 1.2], np.linspace(0.0, 8.0, 17)),
        "damped_pendulum": (damped_pendulum, [0.25, 5.0], [2.5, 0.0], np.linspace(1.0, 11.0, 31)),
        "mlp_tanh": (mlp(tanh_sizes, np.tanh, False), network(rng, tanh_sizes), [0.7, -0.4, 0.2], np.linspace(0.0, 3.0, 7)),
        "mlp_silu_time": (
            mlp(silu_sizes, lambda z: z / (1 + np.exp(-z)), True),
            network(rng, silu_sizes),
            [0.5, -0.3],
            np.linspace(-1.0, 1.5, 6),
        ),
    }
    weights = network(np.random.default_rng(7), [2, 5, 4, 2])
    problems["hybrid"] = (hybrid, np.append([0.9, 0.7], weights), [0.6, 1.4], np.linspace(0.5, 4.0, 8))
    problems |= {
        "pendulum": (pendulum, [1.3], [1.2, 0.3], np.linspace(0.0, 6.0, 13)),
        "lorenz": (lorenz, [10.0, 28.0, 8.0 / 3.0], [1.0, 1.0, 1.0], np.linspace(0.0, 4.0, 9)),
        "sir": (sir, [0.5, 0.12], [0.99, 0.01, 0.0], np.linspace(0.0, 60.0, 13)),
        "michaelis_menten": (
            michaelis_menten,
            [10.0, 1.0, 2.0],
            [1.0, 0.2, 0.0, 0.0],
            [0.0, 0.1, 0.3, 1.0, 2.0, 4.0, 8.0],
        ),
        "swing": (swing, [0.1, 0.05, 0.8, 1.5], [0.9, 0.4], np.linspace(0.0, 5.0, 11)),
    }
    stiff = {"method": "Radau", "rtol": 1e-12, "atol": 1e-14}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, problem in problems.items():
        text = json.dumps(reference(*problem), indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n")
    kinetics = reference(robertson, [0.04, 3e7, 1e4], [1.0, 0.0, 0.0], [0.0, 0.4, 4.0, 40.0, 400.0], **stiff)
    (FOLDER / "robertson.json").write_text(json.dumps(kinetics, indent=1) + "\n")
    # the first slow phase; it ends with a jump at t = 807
    slow = reference(van_der_pol, [1000.0], [2.0, 0.0], [0.0, 1.0, 100.0, 400.0, 700.0], **stiff)
    (FOLDER / "van_der_pol.json").write_text(json.dumps(slow, indent=1) + "\n")
    jumps = reference(van_der_pol, [1000.0], [2.0, 0.0], [0.0, 700.0, 1200.0, 2100.0], **stiff)
    (FOLDER / "van_der_pol_jumps.json").write_text(json.dumps(jumps, indent=1) + "\n")


if __name__ == "__main__":
    main()
