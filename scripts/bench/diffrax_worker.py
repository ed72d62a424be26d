"""diffrax's side of scripts/bench_ode: Tsit5 and, stiff, Kvaerno3 and Kvaerno5; both ways to batch, checkpoints as they come and every step kept."""

import json
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)

import diffrax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

# Room for every step: the reference needs many, the steps that are timed few.
MAX_STEPS = 4096
FEW_STEPS = 256

ADJOINTS = {
    # as a user gets it
    "recursive": lambda few: (diffrax.RecursiveCheckpointAdjoint(), MAX_STEPS),
    # every step is kept, nothing is computed twice
    "recursive, all kept": lambda few: (diffrax.RecursiveCheckpointAdjoint(checkpoints=few), few),
}


def layers(flat, sizes):
    at, out = 0, []
    for n_in, n_out in zip(sizes, sizes[1:]):
        weight = flat[at : at + n_in * n_out].reshape(n_out, n_in)
        at += n_in * n_out
        out.append((weight, flat[at : at + n_out]))
        at += n_out
    return out


def network(layers, y):
    """y is [dim] or [n, dim]."""
    for weight, bias in layers[:-1]:
        y = jnp.tanh(y @ weight.T + bias)
    weight, bias = layers[-1]
    return y @ weight.T + bias


SOLVERS = {"vmap": diffrax.Tsit5, "one system": diffrax.Tsit5, "kvaerno3": diffrax.Kvaerno3, "kvaerno5": diffrax.Kvaerno5}


def step(problem, batching, adjoint_name):
    adjoint, max_steps = ADJOINTS[adjoint_name](MAX_STEPS if "mu" in problem else FEW_STEPS)
    y0, times = jnp.array(problem["y0"]), jnp.array(problem["times"])
    n, dim = y0.shape
    target = jnp.array(problem["target"]).reshape(n, len(times), dim)
    power, sizes, stiff = problem["power"], problem["sizes"], "mu" in problem
    observed = jnp.array(problem["observed"])

    def oscillator(t, y, args):
        mu, layers = args
        x, v = y
        return jnp.stack([v, mu * ((1.0 - x**2) * v) - x + network(layers, jnp.stack([x, v / 100.0]))[0]])

    def solve(weights, y0, tolerance):
        field = diffrax.ODETerm(oscillator if stiff else lambda t, y, args: network(args, y**power))
        solution = diffrax.diffeqsolve(
            field,
            SOLVERS[batching](),
            times[0],
            times[-1],
            None,
            y0,
            args=(weights[0], layers(weights[1:], sizes)) if stiff else layers(weights, sizes),
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            adjoint=adjoint,
            max_steps=max_steps,
        )
        return solution.ys

    def loss(weights, tolerance):
        if stiff:
            ys = solve(weights, y0[0], tolerance)[None]
        elif batching == "vmap":
            ys = jax.vmap(lambda y0: solve(weights, y0, tolerance))(y0)
        else:
            ys = jnp.swapaxes(solve(weights, y0, tolerance), 0, 1)
        return jnp.mean(observed * (ys - target) ** 2)

    return jax.jit(jax.value_and_grad(loss))


def main():
    with open(sys.argv[1]) as file:
        problems = json.load(file)
    modes = [f"{batching}, {adjoint}" for batching in SOLVERS for adjoint in ADJOINTS]
    print(json.dumps({"versions": f"diffrax {diffrax.__version__}, jax {jax.__version__}", "modes": modes}), flush=True)
    steps = {}
    for line in sys.stdin:
        request = json.loads(line)
        name, (batching, adjoint) = request["problem"], request["mode"].split(", ", 1)
        if request["tolerance"] <= 1e-9:
            adjoint = "recursive"  # the reference, and what is close to it
        key = (name, batching, adjoint)
        if key not in steps:
            steps[key] = step(problems[name], batching, adjoint)
        weights = jnp.array(problems[name]["weights"])
        loss, gradient = jax.block_until_ready(steps[key](weights, request["tolerance"]))
        before, n = time.process_time(), 0
        while time.process_time() - before < request.get("seconds", 0.0):
            jax.block_until_ready(steps[key](weights, request["tolerance"]))
            n += 1
        ms = 1e3 * (time.process_time() - before) / max(n, 1)
        print(json.dumps({"ms": ms, "loss": float(loss), "gradient": gradient.tolist()}), flush=True)


main()
