"""What a checkpoint holds, shown without the framework that wrote it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import pytest
from own_layers import EACH_TRAINING, KERNEL, dense

from rlmodule_algorithms import Algorithm, PPOConfig, latest_checkpoint
from rlmodule_algorithms.cli import main
from rlmodule_core import RLModule, SingleAgentRLModuleSpec, default_backend_name
from rlmodule_core.checkpoint import read_checkpoint, write_checkpoint
from rlmodule_marl import MultiAgentRLModule

Refused = Callable[[Sequence[object]], str]


def shown(capsys: pytest.CaptureFixture[str], *line: object) -> str:
    capsys.readouterr()
    assert main(["inspect", *map(str, line)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def told(capsys: pytest.CaptureFixture[str], *line: object) -> Any:
    return json.loads(shown(capsys, *line, "--json"))


def standard_module(hiddens: list[int] | None = None, framework: str | None = None) -> RLModule:
    return SingleAgentRLModuleSpec(
        observation_space=gym.spaces.Box(-1.0, 1.0, (4,)),
        action_space=gym.spaces.Discrete(2),
        model_config_dict={"fcnet_hiddens": [8] if hiddens is None else hiddens},
        catalog_class="ppo",
        module_class=PPOConfig().default_module_spec().module_class,
    ).build(framework=default_backend_name() if framework is None else framework)


class OwnNet(RLModule):
    """A network that no plan describes."""

    def setup(self) -> None:
        self.net = dense(str(self.framework), 4, 2)

    def _forward_train(self, batch: Any) -> Any:
        return {"action_dist_inputs": self.net(batch["obs"])}

    _forward_exploration = _forward_inference = _forward_train


def test_an_algorithm_is_shown_whole(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    algorithm = Algorithm.from_checkpoint(latest_checkpoint(run))
    steps, weights = algorithm.env_steps, algorithm.get_module().get_state()
    algorithm.stop()
    out = shown(capsys, run / "iterations" / "000005")
    count = sum(array.size for array in weights.values())
    for part in (
        "checkpoint of an algorithm, format 1, 3 files, ",
        "PPO on CartPole-v1\n",
        f"5 iterations, {steps:,} steps, ",
        "train_batch_size = 128",
        "model = {'fcnet_hiddens': [8]}",
        "standard (actor-critic)",
        "framework     any: it runs on every backend\n",
        "Discrete(2)",
        f"{count:,} numbers in {len(weights)} arrays",
        "Dense(4, 8)",
        "Dense(8, 2, gain=0.01)",
        "action_dist_inputs [b, 2], vf_preds [b]",
        "algorithm.json",
        "rlmodule-catalogs ",
    ):
        assert part in out, part
    assert "rlmodule-torch" not in out
    assert "rlmodule-tf" not in out, "what trained it is not stored of what runs on every backend"
    assert "gamma" not in out, "an option that has its default value"
    assert "\x1b" not in out


def test_programs_get_the_same_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = told(capsys, run)
    assert (facts["kind"], facts["format"], facts["container"], facts["shared"]) == ("algorithm", 1, None, {})
    algorithm, (module,) = facts["algorithm"], facts["modules"]
    document = json.loads((run / "algorithm.json").read_text())
    stored = document["algorithm"]
    assert algorithm["iteration"] == stored["state"]["iteration"]
    recent = stored["state"]["recent_returns"]
    assert algorithm["recent_return_mean"] == pytest.approx(sum(recent) / len(recent))
    assert algorithm["kept_return"] == stored["kept_return"] > 0
    assert (module["id"], module["same_as"]) == ("default_policy", None)
    summary = module["summary"]
    assert (summary["framework"], summary["tied_by"], summary["state"]) == (None, None, {})
    assert list(dict.fromkeys(".".join(layer["path"][:-1]) for layer in summary["layers"])) == [
        "encoder.actor",
        "encoder.critic",
        "pi",
        "vf",
    ]
    (pi,) = (layer for layer in summary["layers"] if layer["path"] == ["pi", "0"])
    assert (pi["layer"], pi["input_dims"], pi["output_dims"], pi["numbers"]) == (
        "Dense(8, 2, gain=0.01)",
        [8],
        [2],
        18,
    )
    assert {weight["trained"] for weight in summary["weights"].values()} == {None}, "which are trained is not stored"
    on_disk = {path.name: path.stat().st_size for path in run.iterdir() if path.is_file()}
    assert {file["name"]: file["size"] for file in facts["files"]} == on_disk
    held = {name for file in facts["files"] for name in file["holds"]}
    assert held == set(document["payloads"])


def test_a_container_shows_every_id_and_what_is_shared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container = MultiAgentRLModule()
    shared = standard_module()
    container.add_module("blue", shared)
    container.add_module("red", standard_module([4, 4]))
    container.add_module("also-blue", shared)
    container.save_to_checkpoint(tmp_path / "container")
    out = shown(capsys, tmp_path / "container")
    assert [line for line in out.splitlines() if line.startswith("module ")] == [
        "module blue",
        "module red",
        "module also-blue",
    ]
    assert "same as  blue" in out
    assert "container\n" in out
    only = shown(capsys, tmp_path / "container", "--module", "red")
    assert "module red" in only
    assert "module blue" not in only
    assert [module["same_as"] for module in told(capsys, tmp_path / "container")["modules"]] == [None, None, "blue"]


@EACH_TRAINING
def test_a_module_of_the_user_s_own_shows_its_class_and_its_arrays(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], framework: str
) -> None:
    spec = SingleAgentRLModuleSpec(OwnNet, gym.spaces.Box(-1.0, 1.0, (4,)), gym.spaces.Discrete(2), {})
    spec.build(framework=framework).save_to_checkpoint(tmp_path)
    out = shown(capsys, tmp_path)
    assert f"{__name__}:OwnNet" in out
    assert f"{framework} alone" in out
    shape = {"torch": [2, 4], "tf2": [4, 2]}[framework]
    assert f"net.{KERNEL[framework]}  {shape}  float32        8" in out
    assert "10 numbers in 2 arrays, 40 B\n" in out
    (summary,) = [module["summary"] for module in told(capsys, tmp_path)["modules"]]
    assert (summary["layers"], summary["forwards"], summary["state"]) == ([], {}, None)
    assert sum(weight["numbers"] for weight in summary["weights"].values()) == 10


@EACH_TRAINING
def test_a_module_is_shown_as_its_summary_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], framework: str
) -> None:
    module = standard_module([8, 8], framework)
    module.save_to_checkpoint(tmp_path)
    # Which weights are trained is not stored, and neither is the framework.
    expected = module.summary().replace(", all trainable", "").replace(f"{framework}, runs on", "any: it runs on")
    assert expected in shown(capsys, tmp_path)


def test_a_framework_that_an_older_file_records_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    standard_module().save_to_checkpoint(tmp_path)
    stored = read_checkpoint(tmp_path)
    stored.document["rl_module"]["modules"]["default_policy"]["framework"] = "tf2"
    payloads = {name: stored.payload(name) for name in stored.payload_names}
    write_checkpoint(tmp_path, kind="rl_module", document=stored.document, payloads=payloads)
    assert "framework     tf2, runs on every backend\n" in shown(capsys, tmp_path)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_every_layer_is_shown_in_any_width(
    run: Path, width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    out = shown(capsys, run)
    assert out.count("Dense(4, 8)") == 2
    assert "Dense(8, 2, gain=0.01)  [B, 8]  [B, 2]       18\n" in out
    assert "…" not in out


def test_no_framework_is_imported(run: Path) -> None:
    code = (
        "import sys\n"
        "from rlmodule_algorithms.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "heavy = {'torch', 'tensorflow', 'keras', 'rlmodule_torch', 'rlmodule_tf', 'tensorboardX'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    for line in ([str(run)], [str(run), "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "inspect", *line], capture_output=True, text=True, check=True
        )
        assert done.stderr == "set()\n"
        assert "Dense(8, 2, gain=0.01)" in done.stdout


def test_a_run_that_has_kept_no_best_shows_its_newest(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "algorithm.json").unlink()
    assert told(capsys, run)["algorithm"]["iteration"] == 5


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda data: data[: len(data) // 2], "truncated or damaged"),
        (lambda data: b"", "got 0 bytes"),
        (lambda data: data.replace(b'"iteration"', b'"iteratoin"'), "to have the digest"),
        (lambda data: data.replace(b'"format": 1', b'"format": 9'), "written by a newer rlmodule: format 9"),
    ],
)
def test_a_damaged_checkpoint_is_named(run: Path, refused: Refused, damage: Any, expected: str) -> None:
    path = run / "algorithm.json"
    path.write_bytes(damage(path.read_bytes()))
    assert expected in refused(["inspect", run])
    assert expected in refused(["inspect", run, "--json"])


def test_a_damaged_payload_is_named(run: Path, refused: Refused) -> None:
    payload = next(run.glob("*.safetensors"))
    data = bytearray(payload.read_bytes())
    data[-1] ^= 1
    payload.write_bytes(data)
    err = refused(["inspect", run])
    assert f"in {payload}" in err
    assert "SHA-256" in err
    payload.unlink()
    assert payload.name in refused(["inspect", run])


def test_what_is_no_checkpoint_is_named(run: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    assert "missing, got nothing there" in refused(["inspect", "missing"])
    assert "file, got a file" in refused(["inspect", "file"])
    assert "in empty, got neither" in refused(["inspect", "empty"])
    assert "holds no module 'defualt_policy'" in refused(["inspect", run, "--module", "defualt_policy"])
    assert "Did you mean 'default_policy'?" in refused(["inspect", run, "--module", "defualt_policy"])


def test_statistics_of_observations_are_shown_as_not_trainable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = SingleAgentRLModuleSpec.from_module(standard_module())
    settings = {"fcnet_hiddens": [8], "normalize_observations": True}
    spec.update(SingleAgentRLModuleSpec(model_config_dict=settings)).build().save_to_checkpoint(tmp_path)
    lines = shown(capsys, tmp_path).splitlines()
    assert [line for line in lines if "Normalise(4)" in line and line.endswith("9  not trainable")]
    assert not [line for line in lines if "Dense" in line and "not trainable" in line]
