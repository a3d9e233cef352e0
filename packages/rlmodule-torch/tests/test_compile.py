from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rlmodule_core import ConfigError, RLModule, SpecCheckingError
from rlmodule_torch import TorchActorCriticRLModule, TorchRLModule

pytestmark = pytest.mark.usefixtures("fresh_compiler")

PHASES = ("train", "exploration", "inference")


class Graphs:
    """A torch.compile backend that counts: how many graphs it was given, how often one has run."""

    def __init__(self) -> None:
        self.made = self.run = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.made += 1

        def run(*arguments: Any) -> Any:
            self.run += 1
            return graph(*arguments)

        return run


class Phases(TorchRLModule):
    """Tells its mode, drops in training, and lets one forward call another."""

    def setup(self) -> None:
        self.net = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"]), "training": self.training}

    def _forward_exploration(self, batch: Any) -> Any:
        return {**self._forward_train(batch), "graph": torch.is_grad_enabled()}

    _forward_inference = _forward_exploration


def outputs(module: RLModule, batch: Any) -> dict[str, dict[str, Any]]:
    return {phase: dict(getattr(module, f"forward_{phase}")(batch)) for phase in PHASES}


def require_equal(one: Any, other: Any, *, tolerance: float = 1e-6) -> None:
    for phase in PHASES:
        assert one[phase].keys() == other[phase].keys()
        for key, value in one[phase].items():
            torch.testing.assert_close(value, other[phase][key], rtol=tolerance, atol=tolerance)
            assert value.requires_grad is other[phase][key].requires_grad


@pytest.mark.parametrize("name", ["eager", "aot_eager"])
def test_compiled_forwards_compute_the_same(module: TorchActorCriticRLModule, batch: Any, name: str):
    expected = outputs(module, batch)
    module.compile(backend=name)
    for _ in range(2):
        require_equal(outputs(module, batch), expected)
    wider = {"obs": torch.cat([batch["obs"]] * 3)}
    assert outputs(module, wider)["train"]["vf_preds"].shape == (18,)


def test_gradients_are_those_of_the_uncompiled_module(module: TorchActorCriticRLModule, batch: Any):
    def gradients(of: Any) -> list[torch.Tensor]:
        out = of.forward_train(batch)
        return list(torch.autograd.grad(out["vf_preds"].square().sum() + out["action_dist_inputs"].sum(), of.weights))

    module.weights = tuple(module.parameters())
    expected = gradients(module)
    module.compile(backend="aot_eager")
    torch.testing.assert_close(gradients(module), expected)


def test_each_forward_is_one_graph_that_runs(module: TorchActorCriticRLModule, batch: Any):
    graphs = Graphs()
    module.compile(backend=graphs)
    assert graphs.made == 0
    outputs(module, batch)
    # Exploration and inference of the standard module are two functions.
    assert (graphs.made, graphs.run) == (3, 3)
    outputs(module, batch)
    module.evaluate_train(batch)
    assert graphs.run == 7


def test_compiling_twice_compiles_once(module: TorchActorCriticRLModule, batch: Any):
    graphs, others = Graphs(), Graphs()
    for _ in range(2):
        module.compile(backend=graphs)
        outputs(module, batch)
    assert (graphs.made, graphs.run) == (3, 6)
    module.compile(backend=others)
    outputs(module, batch)
    assert others.run == 3
    assert graphs.run == 6


def test_weights_that_are_set_afterwards_are_used(module: TorchActorCriticRLModule, batch: Any):
    graphs = Graphs()
    module.compile(backend=graphs)
    outputs(module, batch)
    twin = copy.deepcopy(module)
    for seed in (1, 2):
        twin.set_state({name: array + 0.1 * seed for name, array in module.get_state().items()})
        module.set_state(twin.get_state())
        require_equal(outputs(module, batch), outputs(twin, batch))
    assert (graphs.made, graphs.run) == (3, 9)


@pytest.mark.parametrize("way", ["deepcopy", "pickle", "checkpoint"])
def test_copies_and_loaded_modules_are_not_compiled(
    module: TorchActorCriticRLModule, batch: Any, way: str, tmp_path: Any
):
    graphs = Graphs()
    module.compile(backend=graphs)
    expected, ran = outputs(module, batch), graphs.run
    twins = {
        "deepcopy": lambda: copy.deepcopy(module),
        "pickle": lambda: pickle.loads(pickle.dumps(module)),
        "checkpoint": lambda: RLModule.from_checkpoint(module.save_to_checkpoint(tmp_path)),
    }
    twin = twins[way]()
    require_equal(outputs(twin, batch), expected)
    assert graphs.run == ran
    twin.compile(backend=graphs)
    require_equal(outputs(twin, batch), expected)
    assert graphs.run == ran + 3
    outputs(module, batch)
    assert graphs.run == ran + 6


def test_checks_fire_before_and_after(module: TorchActorCriticRLModule, batch: Any):
    module.compile(backend="eager")
    outputs(module, batch)
    for phase in PHASES:
        forward = getattr(module, f"forward_{phase}")
        with pytest.raises(SpecCheckingError, match=f"forward_{phase} \\(input\\)"):
            forward({"obs": batch["obs"].double()})
        with pytest.raises(SpecCheckingError, match="'obs', which is missing"):
            forward({})

    class Silent(Phases):
        def _forward_inference(self, batch: Any) -> Any:
            return {"nothing": self.net(batch["obs"])}

    silent = Silent()
    silent.compile(backend="eager")
    with pytest.raises(SpecCheckingError, match=r"Silent\.forward_inference \(output\).*action_dist_inputs"):
        silent.forward_inference(batch)


def test_a_layer_that_torch_cannot_see_is_still_named(batch: Any):
    class Hidden(Phases):
        def setup(self) -> None:
            super().setup()
            self.layers = [nn.Linear(4, 64)]

    hidden = Hidden()
    hidden.compile(backend="eager")
    with pytest.raises(ConfigError, match=r"Hidden\.layers hides a Linear"):
        hidden.forward_train(batch)


def test_phases_and_gradients_are_kept(batch: Any):
    compiled = Phases()
    compiled.compile(backend="aot_eager")
    for _ in range(2):
        out = outputs(compiled, batch)
        assert [out[phase]["training"] for phase in PHASES] == [True, False, False]
        assert [out[phase]["action_dist_inputs"].requires_grad for phase in PHASES] == [True, False, False]
        assert not out["exploration"]["graph"]
        assert (out["train"]["action_dist_inputs"] == 0).float().mean() > 0.3
        assert (out["inference"]["action_dist_inputs"] == 0).float().mean() < 0.1
        assert not compiled.evaluate_train(batch)["training"]
    weight = torch.ones(64, requires_grad=True)
    (out["inference"]["action_dist_inputs"] * weight).sum().backward()
    assert weight.grad is not None
    assert torch.is_grad_enabled()


def test_a_layer_added_after_compiling_runs(batch: Any):
    module = Phases()
    module.compile(backend="eager")
    module.forward_inference(batch)
    module.net.append(nn.Linear(64, 3))
    module.invalidate()
    assert module.forward_inference(batch)["action_dist_inputs"].shape == (6, 3)


def test_a_forward_replaced_after_compiling_runs(batch: Any):
    module = Phases()
    module.compile(backend="eager")
    module._forward_inference = lambda batch: {"actions": "mine"}
    assert module.forward_inference(batch) == {"actions": "mine"}


def test_an_error_of_the_forward_itself_is_raised_as_it_is(batch: Any):
    class Failing(Phases):
        def _forward_train(self, batch: Any) -> Any:
            return {"out": batch["obs"] @ torch.ones(len(batch["obs"]), 1)}

        def _forward_inference(self, batch: Any) -> Any:
            raise KeyError("mine")

    graphs, module = Graphs(), Failing()
    module.compile(backend=graphs)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            module.forward_train(batch)
        with pytest.raises(KeyError, match="mine"):
            module.forward_inference(batch)
    assert module.forward_train({"obs": batch["obs"][:4]})["out"].shape == (4, 1)
    assert graphs.run == 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"backend": "inducter"}, r"backend=\.\.\.\) must be one of .*inductor.*Did you mean 'inductor'\?"),
        ({"backend": 3}, r"backend=\.\.\.\) must be one of .*got 3"),
        ({"mode": "reduce-overheads"}, r"mode=\.\.\.\) must be one of .*Did you mean 'reduce-overhead'\?"),
        ({"mode": []}, r"mode=\.\.\.\) must be one of .*got \[\]"),
        ({"backend": "eager", "mode": "default"}, "is for the backend 'inductor' alone, got 'eager'"),
    ],
)
def test_an_option_that_torch_does_not_know_is_refused(module: TorchActorCriticRLModule, options: Any, text: str):
    with pytest.raises(ConfigError, match=text):
        module.compile(**options)


def test_a_module_is_one_graph_within_a_larger_function(module: TorchActorCriticRLModule, batch: Any):
    def loss(columns: Any) -> Any:
        return module.forward_train(columns)["vf_preds"].square().mean()

    for compiled_itself in (False, True):
        graphs = Graphs()
        larger = torch.compile(loss, backend=graphs, fullgraph=True)
        torch.testing.assert_close(larger(batch), loss(batch))
        assert graphs.made == 1
        if not compiled_itself:
            module.compile(backend="eager")


@pytest.mark.learning
def test_inductor_computes_the_same(module: TorchActorCriticRLModule, batch: Any):
    expected = outputs(module, batch)
    module.compile()
    for rows in (6, 3, 5):
        part = {"obs": batch["obs"][:rows]}
        got = outputs(module, part)
        for phase in PHASES:
            for key, value in got[phase].items():
                torch.testing.assert_close(value, expected[phase][key][:rows], rtol=1e-5, atol=1e-5)


def test_a_numpy_twin_takes_compile_and_has_nothing_to_do(module: TorchActorCriticRLModule, batch: Any):
    twin = module.to_framework("numpy")
    rows = {"obs": batch["obs"].numpy()}
    expected = twin.forward_inference(rows)["action_dist_inputs"]
    twin.compile()
    np.testing.assert_array_equal(twin.forward_inference(rows)["action_dist_inputs"], expected)
