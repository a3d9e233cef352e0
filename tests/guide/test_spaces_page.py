"""The tables of the page on spaces say what the catalogs really build."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector.utils import batch_space, iterate

from rlmodule_catalogs import PPOCatalog
from rlmodule_core import CNNEncoderConfig, UnsupportedSpaceError, to_env_actions
from rlmodule_core.plans import Branches, Conv2D, Dense, Fusion, Plan, Record, Scale, weight_shapes
from rlmodule_core.testing.batches import observations
from workspace import ROOT

PAGE = (ROOT / "docs" / "pages" / "spaces.md").read_text("utf-8")
NAMES = {**vars(gym.spaces), **vars(np), "inf": np.inf}
SMALL = gym.spaces.Discrete(2)
VECTOR = gym.spaces.Box(-1.0, 1.0, (4,))


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in cells}) == 1
    assert set("".join(cells[1])) <= {"-", ":"}
    return cells[2:]


def space_of(cell: str) -> Any:
    return eval(cell.strip("`"), dict(NAMES))


def words(record: Record) -> str:
    match record:
        case Dense():
            return f"Dense {record.inputs} to {record.outputs}"
        case Conv2D():
            (height, width), (down, across) = record.kernel, record.stride
            same = "" if any(record.padding) or (height, width) == (down, across) else " valid"
            kernel, stride = (f"{a}" if a == b else f"{a} x {b}" for a, b in ((height, width), (down, across)))
            return f"Conv {record.outputs} of {kernel} by {stride}{same}"
        case Scale():
            return f"/ {record.divisor:g}"
        case _:
            return type(record).__name__


def steps(plan: Any) -> Iterator[str]:
    """The layers that decide sizes; activations and the joining of vectors go without saying."""
    if isinstance(plan, Fusion):
        for key, branch in branches(plan.inputs):
            yield f"{key}: {', '.join(steps(branch))};"
        yield f"all: {', '.join(steps(plan.net))}"
        return
    yield from (words(record) for record in plan.records if type(record).__name__ not in ("Activation", "Concat"))


def branches(plan: Branches, prefix: str = "") -> Iterator[tuple[str, Plan]]:
    for key, net in plan.children().items():
        if isinstance(net, Branches):
            yield from branches(net, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", net


def said_of_observations(space: gym.Space[Any]) -> list[str]:
    catalog = PPOCatalog(space, SMALL, {})
    plan: Any = catalog.get_encoder_config().plan()
    text = ", ".join(steps(plan.net)).replace(";,", ";")
    weights = sum(prod(shape) for shape in weight_shapes(plan).values())
    return [text, f"{weights:,}"]


def said_of_actions(space: gym.Space[Any]) -> list[str]:
    catalog = PPOCatalog(VECTOR, space, {"fcnet_hiddens": [8]})
    descriptor, dist_cls = catalog.get_action_descriptor(), catalog.get_action_dist_cls("numpy")
    latents = catalog.build_actor_critic_encoder("numpy")({"obs": observations(VECTOR)})["encoder_out"]["actor"]
    inputs = catalog.build_pi_head("numpy")(latents)
    assert inputs.shape[-1] == descriptor.input_dim == dist_cls.required_input_dim(space)
    taken = to_env_actions(descriptor, space, dist_cls.from_logits(inputs).sample())
    actions = list(iterate(batch_space(space, 6), taken))
    assert all(map(space.contains, actions))
    return [f"`{type(descriptor).__name__}`", str(descriptor.input_dim), kind_of(actions[0])]


def kind_of(action: Any) -> str:
    if isinstance(action, dict):
        return f"dict of {', '.join(f'{key}: {kind_of(part)}' for key, part in action.items())}"
    if isinstance(action, tuple):
        return f"({', '.join(map(kind_of, action))})"
    return f"{action.dtype}{list(action.shape) if action.shape else ''}"


def said_of_an_image(height: int, width: int) -> list[str]:
    config = CNNEncoderConfig(input_dims=(height, width, 3))
    plan: Any = config.plan()
    convolutions = ", ".join(words(record) for record in plan.net.records if isinstance(record, Conv2D))
    first = next(record for record in plan.net.records if isinstance(record, Dense))
    return [convolutions, f"{first.inputs:,}"]


@pytest.mark.parametrize("row", rows_of("Observations"), ids=lambda row: row[0])
def test_an_observation_space_becomes_what_the_page_says(row: list[str]) -> None:
    assert row[1:] == said_of_observations(space_of(row[0]))


@pytest.mark.parametrize("row", rows_of("Images"), ids=lambda row: row[0])
def test_an_image_gets_the_convolutions_that_the_page_says(row: list[str]) -> None:
    height, width = map(int, re.findall(r"\d+", row[0]))
    assert row[1:] == said_of_an_image(height, width)


@pytest.mark.parametrize("row", rows_of("Actions"), ids=lambda row: row[0])
def test_an_action_space_has_the_distribution_that_the_page_says(row: list[str]) -> None:
    assert row[1:] == said_of_actions(space_of(row[0]))


@pytest.mark.parametrize("row", rows_of("What is refused"), ids=lambda row: row[0])
def test_what_the_page_calls_refused_names_the_override_that_the_page_names(row: list[str]) -> None:
    space, override = space_of(row[0]), row[2].strip("`")
    spaces = (space, SMALL) if row[1] == "observations" else (VECTOR, space)
    # The head asks for the latents' width, so that neither space can hide.
    with pytest.raises(UnsupportedSpaceError, match=rf"Catalog\.{override}"):
        PPOCatalog(*spaces, {}).build_pi_head("numpy")


def test_every_supported_kind_of_space_has_a_row() -> None:
    kinds = {"Box", "Discrete", "MultiDiscrete", "MultiBinary", "Dict", "Tuple"}
    for heading in ("Observations", "Actions"):
        assert {row[0].strip("`").split("(")[0] for row in rows_of(heading)} == kinds
    assert {row[0].strip("`").split("(")[0] for row in rows_of("What is refused")} >= {
        "Text",
        "Sequence",
        "Graph",
        "OneOf",
    }
