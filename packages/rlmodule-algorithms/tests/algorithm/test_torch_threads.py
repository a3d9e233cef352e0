"""On how many threads torch computes: that of small networks is the library's choice, and only while it lasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from rlmodule_algorithms import PPOConfig


@pytest.fixture
def two_threads() -> Iterator[None]:
    original = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(original)


@pytest.mark.usefixtures("two_threads")
def test_the_number_of_threads_is_given_back(small_ppo: PPOConfig, build: Any) -> None:
    build(small_ppo.framework("torch")).train()
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_a_small_module_learns_on_one_thread(small_ppo: PPOConfig, build: Any, monkeypatch: Any) -> None:
    algorithm = build(small_ppo.framework("torch"))
    counts: list[int] = []
    update = algorithm.learner.update
    monkeypatch.setattr(
        algorithm.learner, "update", lambda *args, **kw: counts.append(torch.get_num_threads()) or update(*args, **kw)
    )
    algorithm.train()
    assert counts == [1]
