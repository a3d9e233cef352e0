"""What is installed, and whether it works."""

from __future__ import annotations

import importlib
import io
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from own_layers import EACH_TRAINING, TRAINING
from rich.console import Console

from rlmodule_algorithms.cli import main
from rlmodule_algorithms.cli.installed.doctor import examine
from rlmodule_algorithms.presets import PRESETS

Install = Callable[..., None]

PACKAGES = {"torch": ("rlmodule-torch", "TorchBackend"), "tf2": ("rlmodule-tf", "TfBackend")}
"""The distribution of each framework, and what it registers."""
LIBRARIES = {"torch": "torch 2", "tf2": "tensorflow 2"}


def listed(capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def diagnosed(capsys: pytest.CaptureFixture[str], code: int) -> dict[str, tuple[str, str]]:
    """The verdict and the text of each subject."""
    capsys.readouterr()
    stream = io.StringIO()
    assert examine(console=Console(file=stream, width=400, highlight=False)) == code
    rows = (re.split(r"\s{2,}", line.strip(), maxsplit=2) for line in stream.getvalue().splitlines())
    return {row[1]: (row[0], row[2]) for row in rows if row[0] in ("ok", "warn", "fail")}


def test_every_environment_of_a_preset_can_be_copied_from_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out.split()
    assert [preset.env for preset in PRESETS.values() if preset.env not in shown] == []


def test_presets_and_all_groups_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(capsys)
    assert [preset["name"] for preset in found["presets"]] == list(PRESETS)
    names = {group: [plugin["name"] for plugin in found[group]] for group in list(found)[1:]}
    assert names["algorithms"] == ["PPO"]
    frameworks = sorted(["numpy", *TRAINING])
    assert names["backends"] == frameworks
    assert "ppo" in names["catalogs"]
    assert names["modules"] == [f"actor-critic.{name}" for name in frameworks]
    assert {plugin["problem"] for group in names for plugin in found[group]} == {None}
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    for name in (*PRESETS, "algorithms", "PPOConfig"):
        assert name in out
    for plugin in found["backends"]:
        if plugin["name"] in TRAINING:
            package, class_name = PACKAGES[plugin["name"]]
            assert plugin["distribution"] == package
            assert plugin["version"] == importlib.import_module(package.replace("-", "_")).__version__
            assert f"{package} " in out
            assert class_name in out


BROKEN = {
    "raises": ("raise RuntimeError('no such chip')", "RuntimeError: no such chip"),
    "leaves": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "is another's": ("INTERFACE = (9, 0)\nthing = 1", "core interface 9.0"),
    "is odd": ("INTERFACE = 'x'\nthing = 1", "failed to load"),
    "lacks it": ("", "AttributeError"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_breaks_nothing_but_itself(
    kind: str, install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    code, expected = BROKEN[kind]
    install("their-thing", code, {"rlmodule.catalogs": "theirs = their_thing:thing"})
    found = {plugin["name"]: plugin for plugin in listed(capsys)["catalogs"]}
    assert expected in found["theirs"]["problem"]
    assert (found["theirs"]["distribution"], found["theirs"]["version"]) == ("their-thing", "2.5")
    assert found["ppo"]["problem"] is None
    assert main(["list"]) == 0
    assert expected in " ".join(capsys.readouterr().out.split())
    report = diagnosed(capsys, 2)
    assert report["catalogs theirs"][0] == "fail"
    assert expected in report["catalogs theirs"][1]
    assert [report[f"framework {name}"][0] for name in TRAINING] == ["ok"] * len(TRAINING)


def test_a_name_that_two_distributions_claim_is_shown_for_both(
    install: Install, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = "\n".join(f"{name} = their_things:thing" for name in TRAINING)
    install("their-things", "thing = 1", {"rlmodule.backends": claims})
    backends, report = listed(capsys)["backends"], diagnosed(capsys, 2)
    for name in TRAINING:
        ours, _ = PACKAGES[name]
        claimed = [plugin for plugin in backends if plugin["name"] == name]
        assert [plugin["distribution"] for plugin in claimed] == [ours, "their-things"]
        for plugin in claimed:
            assert f"claimed by {ours} and by their-things" in plugin["problem"]
        assert report[f"framework {name}"][0] == "fail"
        assert "their-things" in report[f"framework {name}"][1]
    assert report["framework"][0] == "fail"


def test_everything_works_here(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    report = diagnosed(capsys, 0)
    assert {verdict for verdict, _ in report.values()} == {"ok"}
    for name in TRAINING:
        assert report[f"framework {name}"][1].startswith("runs and trains (")
        assert LIBRARIES[name] in report[f"framework {name}"][1]
    assert report["framework numpy"][1].startswith("runs (")
    assert "CartPole-v1 runs" in report["gymnasium"][1]
    assert "core interface" in report["rlmodule-core"][1]


@pytest.fixture
def break_down(install: Install, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Lets the package of a framework fail to be imported; its name."""

    def make(framework: str) -> str:
        package = PACKAGES[framework][0].replace("-", "_")
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, package, None)
        return package

    return make


@EACH_TRAINING
def test_a_framework_that_cannot_be_imported_is_shown(
    framework: str, capsys: pytest.CaptureFixture[str], break_down: Callable[[str], str]
) -> None:
    package = break_down(framework)
    report = diagnosed(capsys, 2)
    assert package in report[f"framework {framework}"][1]
    verdicts = {name: report[f"framework {name}"][0] for name in ("numpy", *TRAINING)}
    assert verdicts == {name: "fail" if name == framework else "ok" for name in verdicts}


def test_where_no_framework_can_be_imported_nothing_trains(
    capsys: pytest.CaptureFixture[str], break_down: Callable[[str], str]
) -> None:
    for framework in TRAINING:
        break_down(framework)
    report = diagnosed(capsys, 2)
    assert report["framework"][1].startswith("none that trains works")
    assert report["framework numpy"][0] == "ok"


@pytest.mark.parametrize(
    ("setting", "verdict", "part"),
    [
        ("1", "ok", "OMP_NUM_THREADS=1 of"),
        ("many", "warn", "is no number of threads"),
        ("0", "warn", "is no number of threads"),
        ("100000", "warn", "asks for more threads than there are cores"),
        (None, "warn", "OMP_NUM_THREADS is not set"),
    ],
)
def test_the_setting_of_threads_is_explained(
    setting: str | None,
    verdict: str,
    part: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    if setting is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", setting)
    found, text = diagnosed(capsys, 0)["threads"]
    assert found == verdict
    assert part in text


def test_a_directory_that_is_gone_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        verdict, text = diagnosed(capsys, 2)["directory"]
    finally:
        os.chdir(tmp_path)
    assert verdict == "fail"
    assert "FileNotFoundError" in text


def test_without_tensorboardx_the_logs_are_fine_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert diagnosed(capsys, 0)["logs"] == (
        "ok",
        'metrics as JSON lines; for TensorBoard: pip install "rlmodule-algorithms[tensorboard]"',
    )


@pytest.mark.parametrize("line", [["list"], ["doctor"]])
def test_no_color_is_honoured(
    line: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    main(line)
    assert colour.search(capsys.readouterr().out)
    monkeypatch.setenv("NO_COLOR", "1")
    main(line)
    assert not colour.search(capsys.readouterr().out)
