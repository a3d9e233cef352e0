from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.measuring import Comparison, figure, in_turn, markdown_table, microseconds
from workspace import ROOT

BENCHMARKS = ROOT / "tools" / "benchmarks"
TINY = {
    "latency.py": ["--block-ms", "0.1"],
    "ppo_throughput.py": ["--steps", "1024", "--warmup", "0"],
    "families.py": ["--steps", "256", "--warmup", "0", "--only", "masked Discrete(30)", "image 36 x 36 x 3 and vector"],
    "frameworks.py": ["--block-ms", "0.1", "--iterations", "1", "--warmup", "0", "--only", "CartPole"],
    "time_to_475.py": ["--steps", "1024"],
    "recurrent_ppo.py": ["--steps", "1024", "--seeds", "1", "--budget", "1024"],
    "footprint.py": ["--iterations", "1"],
}
SHOWN = {
    "latency.py": ["bare network", "forward_inference, checks off", "Policy, numpy", "eight leaves in"],
    "ppo_throughput.py": ["rlmodule, native", "rlmodule, plain", "stable-baselines3", "skrl", "single-file loop"],
    "families.py": ["rlmodule, steps/s", "masked Discrete(30)", "image 36 x 36 x 3 and vector"],
    "frameworks.py": ["tf2, no graph", "Keras, eager", "numpy", "PPO, CartPole"],
    "time_to_475.py": ["rlmodule, native", "stable-baselines3", "0 of 1"],
    "recurrent_ppo.py": ["rlmodule, whole rollouts", "sb3-contrib", "CartPole-v1 without velocities", "0 of 1"],
    "footprint.py": ["import rlmodule_core, over gymnasium", "rlmodule --help", "rlmodule, native", "total"],
}

times = st.floats(min_value=1e-3, max_value=1e3)
rounds = st.lists(st.tuples(times, times, st.floats(min_value=1.0, max_value=100.0)), min_size=1, max_size=9)


def compare(ours: Sequence[float], theirs: Sequence[float]) -> Comparison:
    return Comparison("speed", "steps/s", {"ours": ours, "theirs": theirs}, baseline="theirs")


def test_a_ratio_is_the_median_over_the_rounds_and_not_the_ratio_of_the_medians() -> None:
    ratio = compare([2.0, 30.0, 4.0], [1.0, 10.0, 8.0]).ratio("ours")
    assert (ratio.median, ratio.low, ratio.high) == (2.0, 0.5, 3.0)


@given(rounds)
def test_what_slows_down_a_whole_round_does_not_change_the_ratios(rounds: list[tuple[float, float, float]]) -> None:
    ours, theirs, disturbances = (list(column) for column in zip(*rounds, strict=True))
    quiet = compare(ours, theirs).ratio("ours")
    disturbed = compare(
        [a * slower for a, slower in zip(ours, disturbances, strict=True)],
        [b * slower for b, slower in zip(theirs, disturbances, strict=True)],
    ).ratio("ours")
    assert vars(disturbed) == pytest.approx(vars(quiet))
    assert quiet.median == pytest.approx(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)))
    assert quiet.low <= quiet.median <= quiet.high


def test_the_baseline_is_one_times_itself() -> None:
    assert vars(compare([1.0, 2.0], [3.0, 4.0]).ratio("theirs")) == {"median": 1.0, "low": 1.0, "high": 1.0}


def test_a_comparison_without_a_baseline_shows_no_ratios() -> None:
    comparison = Comparison("size", "MB", {"core": [80.0]})
    assert "ratio" not in "\n".join(comparison.lines())
    with pytest.raises(ValueError, match="baseline"):
        comparison.ratio("core")


def test_a_library_that_is_not_installed_is_listed() -> None:
    comparison = Comparison("speed", "steps/s", {"ours": [1.0]}, baseline="ours", missing=["theirs"])
    assert [line for line in comparison.lines() if "theirs" in line and "not installed" in line]
    assert comparison.to_dict()["not_installed"] == ["theirs"]


def test_every_round_measures_everybody_once_and_starts_with_another_one() -> None:
    calls: list[str] = []

    def measure(name: str) -> Callable[[], float]:
        def measured() -> float:
            calls.append(name)
            return float(len(calls))

        return measured

    samples = in_turn({name: measure(name) for name in "abc"}, rounds=4)
    assert "".join(calls) == "abc" + "bca" + "cab" + "abc"
    assert samples == {"a": [1.0, 6.0, 8.0, 10.0], "b": [2.0, 4.0, 9.0, 11.0], "c": [3.0, 5.0, 7.0, 12.0]}


@pytest.mark.parametrize("seconds_a_call", [1e-6, 3e-4, 2.0])
def test_the_time_of_one_call_is_the_time_of_a_block_over_its_calls(seconds_a_call: float) -> None:
    now = 0.0

    def call() -> None:
        nonlocal now
        now += seconds_a_call

    measure = microseconds(call, clock=lambda: now, block_s=1e-3)
    before = now
    assert measure() == pytest.approx(1e6 * seconds_a_call)
    assert now - before >= 1e-3


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0, "0.000"), (0.0834, "0.083"), (1.683, "1.68"), (24.16, "24.2"), (450.4, "450"), (26_397.0, "26,397")],
)
def test_figures_show_what_can_be_trusted(number: float, shown: str) -> None:
    assert figure(number) == shown


def test_a_table_is_as_wide_in_every_line() -> None:
    table = markdown_table(["", "MB"], [["numpy", "71.4"], ["rlmodule-core", "0.359"]])
    assert len({len(line) for line in table}) == 1
    assert table[2] == "| numpy         |  71.4 |"


@pytest.mark.parametrize("script", TINY)
def test_each_script_runs_alone_and_shows_its_rows(script: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, str(BENCHMARKS / script), "--rounds", "1", *TINY[script], "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [shown for shown in SHOWN[script] if shown not in done.stdout] == []
    document = json.loads(file.read_text("utf-8"))
    assert (document["script"], document["options"]["rounds"]) == (script, 1)
    assert document["tables"]
