"""Where torch cannot compile, a module runs as it is, and one warning says why."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from typing import Any

import pytest
import torch

from rlmodule_torch import TorchActorCriticRLModule

pytestmark = pytest.mark.usefixtures("fresh_compiler")


def outputs(module: TorchActorCriticRLModule, batch: Any) -> list[torch.Tensor]:
    """The distribution inputs that each of the three forwards gives."""
    forwards = (module.forward_train, module.forward_exploration, module.forward_inference)
    return [forward(batch)["action_dist_inputs"] for forward in forwards]


def test_without_a_compiler_the_module_runs_and_one_warning_says_why(module: TorchActorCriticRLModule, batch: Any):
    def broken(graph: Any, inputs: Any) -> Any:
        raise OSError("no C++ compiler found in /usr/bin")

    expected = outputs(module, batch)
    module.compile(backend=broken)
    text = r"TorchActorCriticRLModule runs uncompiled.*OSError: no C\+\+ compiler found in /usr/bin.*install g\+\+"
    with pytest.warns(RuntimeWarning, match=text) as caught:
        torch.testing.assert_close(outputs(module, batch), expected)
    assert len(caught) == 1
    torch.testing.assert_close(outputs(module, batch), expected)
    with warnings.catch_warnings(record=True) as again:
        warnings.simplefilter("always")
        module.compile(backend=broken)
        outputs(module, batch)
    assert again == []


def test_where_torch_cannot_compile_at_all_the_module_runs(
    module: TorchActorCriticRLModule, batch: Any, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("torch.compile is not supported on Python 9.9")

    monkeypatch.setattr(torch, "compile", refuse)
    with pytest.warns(RuntimeWarning, match=r"not supported on Python 9\.9"):
        module.compile()
    assert outputs(module, batch)


_NO_COMPILER = """
import warnings
import torch
from torch import nn
from rlmodule_torch import TorchRLModule

class Linear(TorchRLModule):
    def setup(self):
        self.net = nn.Linear(4, 3)
    def _forward_train(self, batch):
        return {"action_dist_inputs": self.net(batch["obs"]).tanh()}
    _forward_exploration = _forward_inference = _forward_train

module = Linear()
module.compile()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for forward in (module.forward_train, module.forward_exploration, module.forward_inference):
        print(forward({"obs": torch.ones(2, 4)})["action_dist_inputs"].shape)
print(*(warning.message for warning in caught if warning.category is RuntimeWarning), sep="|")
"""


@pytest.mark.learning
def test_inductor_without_a_compiler_falls_back(tmp_path: Any):
    hidden = {**os.environ, "CXX": str(tmp_path / "g++"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", _NO_COMPILER], env=hidden, capture_output=True, text=True, check=True)
    *shapes, warning = done.stdout.splitlines()
    assert shapes == ["torch.Size([2, 3])"] * 3
    assert warning.count("|") == 0
    assert "Linear runs uncompiled" in warning
    assert "No working C++ compiler found" in warning
