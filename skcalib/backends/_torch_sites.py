"""Which dropout a torch module calls, and whether anything else in it is random."""

from contextlib import contextmanager

import numpy as np
import torch

from skcalib.backends._arrays import map_arrays, sort_inputs
from skcalib.backends._outputs import get_only_output
from skcalib.backends._sampling import CannotDraw, NoSites
from skcalib.backends._torch_draws import Recorder, compare_runs
from skcalib.backends._torch_modules import (
    as_python,
    call_on_tensors,
    in_drawing_mode,
    in_evaluation_mode,
    name_of,
    to_tensors,
)

FEW_RUNS, MANY_RUNS = 4, 30  # of a few rows, to see whether anything else is random
MOST_ROUNDING = 0.05  # of the largest answer
NOTHING_RANDOM = (
    "{} has no dropout that is on, so that every draw would be the same. Train it with "
    "torch.nn.Dropout before its last layer."
)


def find_sites(model, batch, every_site):
    """Return pairs of a Site and the axis of its rows, and whether own code trains meanwhile.

    Raises
    ------
    NoSites
        If nothing is random.
    CannotDraw
        If the module is random, or different in training, in other ways.
    """
    name = name_of(model)
    batch = map_arrays(lambda part: part if len(part) > 1 else np.repeat(part, 2, 0), batch)
    found, reason = {}, None
    for own_code in (True, False):
        try:
            found[own_code] = _find(model, batch, every_site, own_code, name)
            break
        except _Different as error:
            reason = reason or error
            found[own_code] = error.sites
    else:
        raise reason
    if not own_code and len(found[True]) != len(found[False]):
        raise reason
    if not found[own_code]:
        raise NoSites(NOTHING_RANDOM.format(name))
    return found[own_code], own_code


def is_random(model, batch):
    """Tell whether a module drops, or draws otherwise, at prediction, too."""
    plain = torch.nn.Sequential, torch.nn.ModuleList
    known = (
        isinstance(part, plain) or type(part).__module__.split(".")[0] == "torch"
        for part in model.modules()
    )
    if all(known):
        return False
    recorder = Recorder(False, lambda: "", name_of(model))
    with in_evaluation_mode(model), as_python(), _keep_random_state(), torch.no_grad():
        rows = to_tensors(model, sort_inputs(batch))
        _run(model, rows, recorder)
        runs = [_as_array(model_output(model, rows)) for _ in range(3)]
    return bool(recorder.found) or any(not _are_close(run, runs[0]) for run in runs)


@contextmanager
def running(model, own_code):
    """Have a module drop, and no more, while its random state and its buffers are kept."""
    buffers = [(part, part.clone()) for part in model.buffers()]
    with in_drawing_mode(model, own_code), as_python(), _keep_random_state(), torch.no_grad():
        try:
            yield
        finally:
            for part, before in buffers:
                if not torch.equal(part, before):
                    part.copy_(before)


def model_output(model, inputs):
    """Call a module on tensors, of which it may write to copies."""
    inputs = map_arrays(torch.clone, inputs)
    return get_only_output(call_on_tensors(model, inputs), name_of(model))


class _Different(CannotDraw):
    """Own code does something else in training."""

    def __init__(self, text, sites):
        super().__init__(text)
        self.sites = sites


def _find(model, batch, every_site, own_code, name):
    """Return the sites that runs of two and of three rows show."""
    more = map_arrays(lambda part: np.concatenate([part, part[:1]]), batch)
    rows, many = (to_tensors(model, sort_inputs(part)) for part in (batch, more))
    with in_evaluation_mode(model), as_python(), _keep_random_state(), torch.no_grad():
        plain = [_as_array(model_output(model, rows)) for _ in range(2)]
        nudged = _as_array(model_output(model, map_arrays(_nudge, rows)))
    with running(model, own_code), _note_modules(model) as where:
        few = Recorder(every_site, where, name)
        state = torch.get_rng_state()
        try:
            answer = _run(model, rows, few)
        except Exception as error:  # such as several outputs, in training only
            raise _Different(
                f"{name} cannot run in training mode: {error}", few.found
            ) from error
        drew = not torch.equal(torch.get_rng_state(), state)
        longer = Recorder(every_site, where, name)
        _run(model, many, longer)
        for _ in range(MANY_RUNS if drew else FEW_RUNS):
            calls = Recorder(every_site, where, name)
            again = _run(model, rows, calls)
            if calls.found != few.found or not _are_close(again, answer):
                always = "" if _are_close(*plain) else ", also at prediction"
                raise CannotDraw(
                    f"{name} draws random numbers that are no dropout{always} (noise or "
                    "stochastic depth of its own making, say), which are not known here. Use "
                    "torch.nn.Dropout or torch.nn.functional.dropout."
                )
    rounding = np.abs(nudged - plain[0]).max(initial=0) if nudged.shape == answer.shape else 0
    if _are_close(*plain) and not _are_close(answer, plain[0], 4 * rounding):
        raise _Different(
            f"{name} computes something else in training than at prediction, apart from its "
            "dropout, so that draws would not be of the network that predicts.",
            few.found,
        )
    return compare_runs(few.found, longer.found, 2, 3, name)


def _run(model, rows, calls):
    with calls:
        return _as_array(model_output(model, rows))


def _as_array(out):
    return out.detach().float().cpu().numpy()


def _nudge(part):
    """Change numbers in their last digits, as rounding does."""
    if not part.is_floating_point():
        return part
    return part * (1 + 2 * torch.finfo(part.dtype).eps)


def _are_close(one, other, rounding=0.0):
    """Tell whether answers are the same, or differ as much as `rounding` explains, up to 5 %.

    A product in TF32 or in half precision lets a change in the last digit grow a
    thousandfold.
    """
    if one.shape != other.shape:
        return False
    largest = np.abs(other[np.isfinite(other)]).max(initial=0)
    limit = min(max(1e-4 * largest, np.nan_to_num(rounding)), MOST_ROUNDING * largest)
    return np.allclose(one, other, rtol=1e-3, atol=limit, equal_nan=True)


@contextmanager
def _keep_random_state():
    """Keep the states of torch's generators: of the CPU, and of a card that is in use."""
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if _uses_cuda() else []):
        yield


def _uses_cuda():
    return torch.cuda.is_available() and torch.cuda.is_initialized()


@contextmanager
def _note_modules(model):
    """Give a function that returns the name of the module that runs."""
    running, handles = [], []

    def leave(module, args, output):
        running.pop()

    try:
        for name, module in model.named_modules():
            handles += [
                module.register_forward_pre_hook(lambda *args, n=name: running.append(n)),
                module.register_forward_hook(leave),
            ]
        yield lambda: running[-1] if running else ""
    finally:
        for handle in handles:
            handle.remove()
