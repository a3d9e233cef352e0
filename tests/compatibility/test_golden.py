"""Checkpoints that earlier versions wrote: this version reads them, and computes from them what those did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import golden_classes
from golden_arrays import decode
from make_golden import CASES, CHECKPOINT, EXPECTED, FOLDER, main, make, modules_of, outputs_of
from rlmodule_algorithms import Algorithm
from rlmodule_core import Policy, RLModule
from rlmodule_core.backend import default_backend_name
from rlmodule_core.checkpoint import read_checkpoint
from rlmodule_core.checkpoint.layout import FORMAT
from rlmodule_core.distributions import DESCRIPTORS
from rlmodule_core.plans import COMPOSITES, RECORDS
from rlmodule_core.plans.records import ACTIVATIONS
from rlmodule_core.spaces.from_dict import _READERS as SPACES
from rlmodule_core.testing.backend_exam import installed_backends
from rlmodule_marl import MultiAgentRLModule

GOLDEN = FOLDER.parent
DIRECTORIES = sorted(path.parent for path in GOLDEN.glob(f"*/*/{EXPECTED}"))
EVERY = pytest.mark.parametrize("golden", DIRECTORIES, ids=lambda path: f"{path.parent.name}/{path.name}")
ALGORITHMS = [path for path in DIRECTORIES if path.name == "algorithm"]


def expected_of(golden: Path) -> dict[str, Any]:
    expected: dict[str, Any] = decode(json.loads((golden / EXPECTED).read_text("utf-8")))
    return expected


def load(golden: Path) -> MultiAgentRLModule:
    return MultiAgentRLModule.from_checkpoint(golden / CHECKPOINT)


def documents() -> Iterator[dict[str, Any]]:
    for golden in DIRECTORIES:
        yield read_checkpoint(golden / CHECKPOINT).document


def values_of(tree: Any, key: str) -> Iterator[Any]:
    """Every value under this key, at any depth."""
    if isinstance(tree, dict):
        yield from (value for name, value in tree.items() if name == key)
    for item in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from values_of(item, key)


def require_outputs(module: RLModule, expected: dict[str, Any]) -> None:
    outputs = outputs_of(module, expected["obs"], expected.get("more", {}))
    assert outputs.keys() == expected["train"].keys()
    for name, wanted in expected["train"].items():
        # Not bit by bit: another machine may add up in another order.
        np.testing.assert_allclose(outputs[name], wanted, rtol=1e-5, atol=1e-5)


@EVERY
def test_names_shapes_dtypes_and_values_of_the_weights_are_what_they_were(golden: Path) -> None:
    modules = load(golden)
    expected = expected_of(golden)
    assert modules.keys() == expected.keys()
    for module_id, module in modules.items():
        state, wanted = module.get_state(), expected[module_id]["weights"]
        assert list(state) == list(wanted)
        for name, array in wanted.items():
            np.testing.assert_array_equal(state[name], array, strict=True)


@EVERY
def test_the_outputs_are_what_they_were(golden: Path) -> None:
    expected = expected_of(golden)
    for module_id, module in load(golden).items():
        require_outputs(module, expected[module_id])


@EVERY
@pytest.mark.parametrize("framework", installed_backends("actor-critic"))
def test_portable_modules_compute_the_same_in_every_framework(golden: Path, framework: str) -> None:
    expected = expected_of(golden)
    for module_id, module in load(golden).items():
        if module.non_portable_part() is None:
            policy = Policy.from_checkpoint(golden / CHECKPOINT, framework=framework, module_id=module_id)
            assert policy.module.framework == framework
            require_outputs(policy.module, expected[module_id])


@EVERY
def test_modules_are_built_in_the_framework_on_file_and_those_without_one_go_along(golden: Path) -> None:
    entries = read_checkpoint(golden / CHECKPOINT).document["rl_module"]["modules"]
    recorded = {entry["framework"] for entry in entries.values() if "same_as" not in entry}
    (framework,) = recorded - {None} if recorded != {None} else {default_backend_name()}
    assert {module_id: module.framework for module_id, module in load(golden).items()} == dict.fromkeys(
        entries, framework
    )


@EVERY
def test_the_spaces_are_what_they_were(golden: Path) -> None:
    written, read = modules_of(CASES[golden.name]()), load(golden)
    for module_id, module in written.items():
        assert read[module_id].config.observation_space == module.config.observation_space
        assert read[module_id].config.action_space == module.config.action_space


@EVERY
def test_what_is_loaded_is_saved_again_as_it_was(golden: Path, tmp_path: Path) -> None:
    before = read_checkpoint(golden / CHECKPOINT)
    if before.kind == "algorithm":
        pytest.skip("an algorithm that goes on has other counters")
    load(golden).save_to_checkpoint(tmp_path)
    after = read_checkpoint(tmp_path)
    sections = [checkpoint.document["rl_module"] for checkpoint in (before, after)]
    for section in sections:
        # The packages have other versions now, and what a module was saved without is a plain container.
        section.update(versions=None, container=section["container"] or {"class": None, "config": None})
    for entry in sections[0]["modules"].values():
        # It was once on file even where the module runs in every framework.
        if "framework" in entry and entry["class"] is None and entry["non_portable_part"] is None:
            entry["framework"] = None
    assert sections[0] == sections[1]
    for name in before.payload_names:
        assert list(before.payload(name)) == list(after.payload(name))
        for key, array in before.payload(name).items():
            np.testing.assert_array_equal(after.payload(name)[key], array, strict=True)


def test_what_was_shared_is_shared() -> None:
    same = load(FOLDER / "container")
    assert same["left"] is same["right"]
    shared = load(FOLDER / "shared_encoder")
    assert type(shared) is golden_classes.OneEncoder
    assert shared["red"].encoder is shared["blue"].encoder


@pytest.mark.parametrize("golden", ALGORITHMS, ids=lambda path: path.parent.name)
def test_an_algorithm_goes_on_from_where_it_was(golden: Path) -> None:
    algorithm = Algorithm.from_checkpoint(golden / CHECKPOINT)
    try:
        assert algorithm.get_state().iteration == 2
        algorithm.train()
        assert algorithm.get_state().iteration == 3
    finally:
        algorithm.stop()


def test_every_format_has_golden_checkpoints() -> None:
    assert {path.parent.name for path in DIRECTORIES} == {f"format-{number}" for number in range(1, FORMAT + 1)}


# What a later version adds to a format needs a golden checkpoint too: a new case in tools/make_golden.py.
@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("type", [cls.__name__ for cls in (*RECORDS, *COMPOSITES, *DESCRIPTORS)]),
        ("type", SPACES),
        ("name", ACTIVATIONS),
    ],
    ids=["plans", "spaces", "activations"],
)
def test_everything_that_a_checkpoint_may_name_is_in_a_golden_one(key: str, known: list[str]) -> None:
    assert set(known) - {value for document in documents() for value in values_of(document, key)} == set()


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_case_of_the_tool_is_committed(name: str) -> None:
    assert (FOLDER / name / CHECKPOINT).is_dir()


def test_the_tool_never_replaces_a_golden_checkpoint(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in GOLDEN.rglob("*.*") if path.is_file()}
    assert main(["discrete", "no-such-case"]) == 1
    assert "discrete, no-such-case" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in GOLDEN.rglob("*.*") if path.is_file()} == before


def test_the_tool_writes_what_the_tests_read(tmp_path: Path) -> None:
    make("gaussian", tmp_path / "gaussian")
    require_outputs(load(tmp_path / "gaussian")["default_policy"], expected_of(tmp_path / "gaussian")["default_policy"])
