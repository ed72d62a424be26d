"""torchdiffeq's side of scripts/bench_ode: dopri5, the batch as one system, both gradients."""

import importlib.metadata
import json
import sys
import time

import torch
import torchdiffeq

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)

MODES = {"odeint": torchdiffeq.odeint, "odeint_adjoint": torchdiffeq.odeint_adjoint}


class Field(torch.nn.Module):
    def __init__(self, problem):
        super().__init__()
        sizes, flat, at = problem["sizes"], torch.tensor(problem["weights"]), 0
        self.power, self.layers = problem["power"], torch.nn.ModuleList()
        for n_in, n_out in zip(sizes, sizes[1:]):
            layer = torch.nn.Linear(n_in, n_out)
            with torch.no_grad():
                layer.weight.copy_(flat[at : at + n_in * n_out].reshape(n_out, n_in))
                at += n_in * n_out
                layer.bias.copy_(flat[at : at + n_out])
                at += n_out
            self.layers.append(layer)

    def forward(self, t, y):
        y = y**self.power if self.power != 1 else y
        for layer in self.layers[:-1]:
            y = torch.tanh(layer(y))
        return self.layers[-1](y)


def prepare(problem):
    y0, times = torch.tensor(problem["y0"]), torch.tensor(problem["times"])
    target = torch.tensor(problem["target"]).reshape(len(y0), len(times), y0.shape[1])
    return Field(problem), y0, times, target


def main():
    with open(sys.argv[1]) as file:
        problems = json.load(file)
    versions = f"torchdiffeq {importlib.metadata.version('torchdiffeq')}, torch {torch.__version__}"
    print(json.dumps({"versions": versions, "modes": list(MODES)}), flush=True)
    ready = {name: prepare(problem) for name, problem in problems.items()}

    def step(request):
        field, y0, times, target = ready[request["problem"]]
        field.zero_grad()
        tolerance = {"rtol": request["tolerance"], "atol": request["tolerance"]}
        ys = MODES[request["mode"]](field, y0, times, method="dopri5", **tolerance)
        loss = torch.mean((ys.transpose(0, 1) - target) ** 2)
        loss.backward()
        return loss.item(), torch.cat([p.grad.reshape(-1) for p in field.parameters()])

    for line in sys.stdin:
        request = json.loads(line)
        loss, gradient = step(request)
        before, n = time.process_time(), 0
        while time.process_time() - before < request.get("seconds", 0.0):
            step(request)
            n += 1
        ms = 1e3 * (time.process_time() - before) / max(n, 1)
        print(json.dumps({"ms": ms, "loss": loss, "gradient": gradient.tolist()}), flush=True)


main()
