"""A contributed catalog with a network of its own: the example package docs/snippets/graph-catalog."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from graph_catalog import INTERFACE, GraphCatalog, GraphEncoder, GraphEncoderConfig
from graph_task import TwoSteps
from graph_task import config as task_config

from rlmodule_algorithms import Algorithm
from rlmodule_core import (
    ActorCriticRLModule,
    CheckpointError,
    ConfigError,
    MLPEncoderConfig,
    MultiStreamEncoderConfig,
    Policy,
    RLModule,
    SingleAgentRLModuleSpec,
    build_network,
    get_backend,
    plugins,
)
from rlmodule_core import __about__ as about
from rlmodule_core.testing.batches import native_batch
from rlmodule_torch import TorchActorCriticRLModule
from workspace import ROOT

PACKAGE = ROOT / "docs" / "snippets" / "graph-catalog"
SPACES = TwoSteps().observation_space, TwoSteps().action_space
SHARING = pytest.mark.parametrize("shared", [True, False])


def _module(*, catalog: Any = GraphCatalog, shared: bool = True, framework: str = "torch") -> Any:
    settings = {"fcnet_hiddens": [8], "vf_share_layers": shared}
    with get_backend(framework).initialising(0):
        return SingleAgentRLModuleSpec(ActorCriticRLModule, *SPACES, settings, catalog).build(framework=framework)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The package as pip would register it, by what its pyproject.toml says."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    info = tmp_path / "site" / "graph_catalog-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    ((name, value),) = project["entry-points"]["rlmodule.catalogs"].items()
    (info / "entry_points.txt").write_text(f"[rlmodule.catalogs]\n{name} = {value}\n")
    monkeypatch.syspath_prepend(info.parent)
    plugins.load.cache_clear()
    yield name
    plugins.load.cache_clear()


def _by_hand(config: GraphEncoderConfig, weights: dict[str, Any], graph: dict[str, Any]) -> Any:
    hidden = np.maximum(graph["nodes"] @ weights["embed.weight"].T + weights["embed.bias"], 0)
    for number in range(config.rounds):
        weight, bias = weights[f"rounds.{number}.weight"], weights[f"rounds.{number}.bias"]
        heard = np.zeros_like(hidden)
        for node, row in enumerate(graph["edges"]):
            neighbours = np.flatnonzero(row)
            heard[node] = hidden[neighbours].mean(0) if len(neighbours) else 0
        hidden = np.maximum(np.concatenate([hidden, heard], -1) @ weight.T + bias, 0)
    return hidden.mean(0)


def test_the_encoder_passes_messages_along_the_edges() -> None:
    config = GraphEncoderConfig(features=2, width=6)
    env, backend, network = TwoSteps(), get_backend("torch"), config.build("torch")
    env.reset(seed=0)
    for answer in (0, 1):
        graph = env.drawn(answer)
        batch = {"obs": backend.batch(SPACES[0], {key: array[None] for key, array in graph.items()})}
        expected = _by_hand(config, backend.get_weights(network), graph)
        np.testing.assert_allclose(network(batch)["encoder_out"][0].detach(), expected, rtol=1e-4, atol=1e-5)


@SHARING
def test_a_gradient_reaches_every_weight(shared: bool) -> None:
    module = _module(shared=shared)
    outputs = module.forward_train(native_batch(module, SPACES[0], rows=32))
    (outputs["action_dist_inputs"].square().sum() + outputs["vf_preds"].square().sum()).backward()
    parts = {name.rsplit(".embed", 1)[0] for name in module.get_state() if ".embed" in name}
    assert parts == ({"encoder.shared"} if shared else {"encoder.actor", "encoder.critic"})
    assert [name for name, weight in module.named_parameters() if not weight.grad.abs().sum() > 0] == []


def test_acting_does_not_run_the_critic_s_encoder() -> None:
    module = _module(shared=False)
    ran = []
    for name, layer in module.named_modules():
        if isinstance(layer, GraphEncoder):
            layer.register_forward_hook(lambda *_, name=name: ran.append(name))
    module.forward_exploration(native_batch(module, SPACES[0]))
    assert ran == ["encoder.k_actor.k_"]


def test_other_observations_are_encoded_as_ever() -> None:
    catalog = GraphCatalog(SPACES[0]["nodes"], SPACES[1], {"fcnet_hiddens": [8]})
    assert type(catalog.get_encoder_config()) is MLPEncoderConfig


def test_a_graph_may_stand_beside_other_observations() -> None:
    streams = {"graph": GraphEncoderConfig(features=2, width=6), "goal": MLPEncoderConfig(input_dims=(3,))}
    config = MultiStreamEncoderConfig(base_encoder_configs=streams, hidden_layer_dims=(5,))
    network = config.build("torch")
    assert "inputs.graph.embed.weight" in get_backend("torch").get_weights(network)
    graph = get_backend("torch").batch(SPACES[0], {"nodes": np.ones((4, 5, 2)), "edges": np.ones((4, 5, 5), np.int8)})
    out = network({"obs": {"graph": graph, "goal": torch.ones(4, 3)}})["encoder_out"]
    assert out.shape == (4, *config.output_dims)


@SHARING
def test_it_comes_back_from_a_checkpoint_bit_for_bit(tmp_path: Path, shared: bool) -> None:
    module = _module(shared=shared)
    loaded = RLModule.from_checkpoint(module.save_to_checkpoint(tmp_path))
    assert type(loaded) is TorchActorCriticRLModule
    batch = native_batch(module, SPACES[0])
    for name, expected in module.forward_train(batch).items():
        assert torch.equal(loaded.forward_train(batch)[name], expected)


def test_numpy_is_refused_naming_the_part_and_the_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"GraphEncoderConfig.*exists for torch only, not for 'numpy'"):
        _module(framework="numpy")
    module = _module()
    with pytest.raises(ConfigError, match=r"its part 'encoder\.shared', which GraphEncoderConfig builds by itself"):
        module.to_framework("numpy")
    module.save_to_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"tied to it by its part 'encoder\.shared', which GraphEncoderConfig"):
        Policy.from_checkpoint(tmp_path, framework="numpy")
    assert "encoder.shared" in module.summary()


def test_a_backend_without_a_registered_network_is_refused_too() -> None:
    with pytest.raises(ConfigError, match="for torch only, not for 'tf2'"):
        build_network(GraphEncoderConfig(features=2), "tf2")


LOAD = """
import sys
from rlmodule_core import Policy
for directory in sys.argv[1:]:
    try:
        Policy.from_checkpoint(directory, framework="torch")
    except Exception as error:
        print(type(error).__name__, error)
"""


def _loaded_elsewhere(*directories: Path) -> list[str]:
    """What a process says of each that cannot import the package."""
    command = [sys.executable, "-c", LOAD, *map(str, directories)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_without_the_package_the_error_says_what_to_install(installed: str, tmp_path: Path) -> None:
    assert installed == "graph"
    assert plugins.load(plugins.CATALOGS, installed) is GraphCatalog
    by_name = _module(catalog=installed)
    assert type(by_name.encoder.by_key["shared"].by_key[""]) is GraphEncoder
    tie = (
        "tied to torch by its part 'encoder.shared', which GraphEncoderConfig builds by itself (its catalog is that of "
        "the distribution graph-catalog)"
    )
    directories = by_name.save_to_checkpoint(tmp_path / "name"), _module().save_to_checkpoint(tmp_path / "class")
    named, classed = _loaded_elsewhere(*directories)
    assert named.startswith("PluginError Nothing is registered as 'graph' in rlmodule.catalogs (found: base, ppo).")
    assert classed.startswith("CheckpointError The checkpoint was written by the class graph_catalog.catalog:GraphCat")
    assert "Import graph_catalog.catalog first" in classed
    assert tie in named
    assert tie in classed


def test_the_package_was_written_against_this_interface() -> None:
    assert INTERFACE[0] == about.INTERFACE[0]
    assert INTERFACE[1] <= about.INTERFACE[1]


def test_it_is_trained_saved_and_resumed(tmp_path: Path, build: Any) -> None:
    config = task_config().training(train_batch_size=64, minibatch_size=32, num_epochs=1)
    algorithm = build(config)
    before = algorithm.get_module().get_state()
    result = algorithm.train()
    assert np.isfinite(result["learners"]["default_policy"]["policy_loss"])
    assert algorithm.acting_framework == "torch"
    trained = algorithm.get_module().get_state()
    assert [name for name in before if np.array_equal(before[name], trained[name])] == []
    algorithm.save(tmp_path)
    resumed = Algorithm.from_checkpoint(tmp_path, config=config)
    resumed.stop()
    restored = resumed.get_module().get_state()
    assert all(np.array_equal(restored[name], trained[name]) for name in trained)
