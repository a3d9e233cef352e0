"""Functions of the user's own, called by the training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rlmodule_algorithms import Algorithm, PPOConfig
from rlmodule_core import ConfigError


def test_every_callback_is_called_in_its_place(small_ppo: PPOConfig, build: Any, tmp_path: Path) -> None:
    calls: list[tuple[str, Any]] = []

    def noting(name: str, argument: str) -> Any:
        return lambda algorithm, **rest: calls.append((name, rest[argument] if argument else algorithm.iteration))

    names = {
        "on_algorithm_init": "",
        "on_sample_end": "rollout",
        "on_train_result": "result",
        "on_evaluate_end": "evaluation_metrics",
        "on_checkpoint_saved": "directory",
        "on_checkpoint_loaded": "directory",
    }
    config = small_ppo.callbacks(**{name: noting(name, argument) for name, argument in names.items()})
    algorithm = build(config.evaluation(evaluation_interval=1))
    result = algorithm.train()
    algorithm.save(tmp_path)
    Algorithm.from_checkpoint(tmp_path, config=config).stop()
    assert [name for name, _ in calls] == [
        *("on_algorithm_init", "on_sample_end", "on_evaluate_end", "on_train_result"),
        *("on_checkpoint_saved", "on_checkpoint_loaded"),
    ]
    by_name = dict(calls)
    assert by_name["on_sample_end"].num_steps == algorithm.env_steps
    assert by_name["on_evaluate_end"] == result["evaluation"]
    assert by_name["on_train_result"] is result
    assert by_name["on_checkpoint_saved"] == by_name["on_checkpoint_loaded"] == tmp_path


def test_several_functions_are_called_in_order_and_may_add_to_the_result(small_ppo: PPOConfig, build: Any) -> None:
    def first(algorithm: Any, result: Any) -> None:
        result["mine"] = [1]

    def second(*, result: Any, **_: Any) -> None:
        result["mine"].append(2)

    assert build(small_ppo.callbacks(on_train_result=[first, second])).train()["mine"] == [1, 2]


def test_what_a_callback_raises_reaches_the_caller_as_it_is(small_ppo: PPOConfig, build: Any) -> None:
    class Enough(Exception):  # noqa: N818
        pass

    def stop(algorithm: Any, result: Any) -> None:
        raise Enough

    with pytest.raises(Enough):
        build(small_ppo.callbacks(on_train_result=stop)).train()


@pytest.mark.parametrize("callback", [3, "print", [print, 3], {"f": print}])
def test_what_is_no_function_is_refused(small_ppo: PPOConfig, callback: Any) -> None:
    with pytest.raises(ConfigError, match="'on_train_result' must be a function"):
        small_ppo.callbacks(on_train_result=callback).build()


def test_a_function_with_other_arguments_is_refused_before_anything_runs(small_ppo: PPOConfig) -> None:
    with pytest.raises(ConfigError, match=r"can be called as on_train_result\(algorithm=..., result=...\)"):
        small_ppo.callbacks(on_train_result=lambda result: None).build()


def test_an_async_function_is_refused_because_nobody_would_await_it(small_ppo: PPOConfig) -> None:
    async def later(algorithm: Any, result: Any) -> None:
        raise AssertionError

    with pytest.raises(ConfigError, match="'on_train_result' must be a plain function, got the async function"):
        small_ppo.callbacks(on_train_result=later).validate()
