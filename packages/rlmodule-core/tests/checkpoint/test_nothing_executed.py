"""Whatever a checkpoint names, loading it runs nothing, imports nothing, writes nothing and reads no other file.

Run as a script, this file loads each checkpoint of a directory under an audit hook, and prints what the hook heard.
"""

from __future__ import annotations

import importlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium as gym

from rlmodule_core import (
    ActorCriticEncoderConfig,
    Categorical,
    MLPEncoderConfig,
    MLPHeadConfig,
    ModulePlans,
    Policy,
    RLModule,
    RLModuleConfig,
    RLModuleError,
)
from rlmodule_core.checkpoint import load_modules, read_checkpoint, read_weights
from rlmodule_core.checkpoint.document import decode_document, encode_document
from rlmodule_core.checkpoint.payload import PayloadRecord
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule

JSON = "rl_module.json"
PAYLOAD = "rl_module.default_policy"
ENTRY = "rl_module.modules.default_policy"
CONFIG = f"{ENTRY}.config"
CALL = "canary:sing"
"""Where the canary is imported, or sings, a file appears."""

CANARY = "open(__file__ + '.sung', 'w').close()\ndef sing(*args, **options): open(__file__ + '.sung', 'w').close()\n"
LOUD = ("import", "exec", "compile", "marshal.", "pickle.", "subprocess.", "socket.", "ctypes.", "shutil.", "code.")
LOUD_OS = ("system", "exec", "posix_spawn", "spawn", "fork", "remove", "rename", "mkdir", "rmdir", "symlink", "chmod")


@cache
def good_files() -> dict[str, bytes]:
    """A module's checkpoint: file names and bytes."""
    base = MLPEncoderConfig(input_dims=(4,), hidden_layer_dims=(8,), hidden_layer_activation="tanh")
    encoder = ActorCriticEncoderConfig(base_encoder_config=base).plan()
    pi, vf = (MLPHeadConfig(input_dims=(8,), hidden_layer_dims=(), output_layer_dim=width).plan() for width in (2, 1))
    spaces = gym.spaces.Box(-1, 1, (4,)), gym.spaces.Discrete(2)
    config = RLModuleConfig(*spaces, plans=ModulePlans(encoder, pi, vf, *[Categorical(2)] * 3))
    with TemporaryDirectory() as directory:
        NumpyActorCriticRLModule(config).save_to_checkpoint(directory)
        return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


def put(directory: Path, files: Mapping[str, bytes]) -> None:
    directory.mkdir(parents=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)


def forge(directory: Path, path: str, value: Any) -> None:
    """A checkpoint of which a field of the document was changed, and signed."""
    document = decode_document(good_files()[JSON], "")
    del document["digest"]
    *parents, last = path.split(".")
    place: Any = document
    for key in parents:
        place = place[key]
    place[last] = value
    if path == f"{ENTRY}.class":
        # Where no framework is recorded a class is refused before anyone looks at its name.
        place["framework"] = "numpy"
    put(directory, {**good_files(), JSON: encode_document(document)})


def forge_payload(directory: Path, data: bytes) -> None:
    record = PayloadRecord.of(data)
    forge(directory, "payloads", {PAYLOAD: record.to_dict()})
    (directory / payload_name()).unlink()
    (directory / record.file).write_bytes(data)


def payload_name() -> str:
    return next(name for name in good_files() if name != JSON)


def without_plans(catalog: str) -> dict[str, Any]:
    spaces = {"observation_space": {"type": "Discrete", "n": 2, "start": 0, "dtype": "int64"}, "action_space": None}
    return {**spaces, "model_config_dict": {"custom_model": CALL}, "catalog": catalog, "plans": None}


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


FIELDS = {
    f"{ENTRY}.class": (CALL, "canary", "os:system", "builtins:exec", "antigravity:fly", "json.tool:main", "canary:a.b"),
    f"{ENTRY}.architecture": (CALL, "canary", "../canary", "os.system"),
    f"{ENTRY}.framework": (CALL, "canary", "../canary", "os"),
    CONFIG: tuple(map(without_plans, (CALL, "canary", "os:system", "../canary", "gymnasium:make"))),
    f"{CONFIG}.observation_space": ({"type": CALL}, {"type": "Box", "shape": [1], "dtype": CALL, "low": 0, "high": 1}),
    f"{CONFIG}.plans.pi": ({"type": CALL}, {"type": "Activation", "name": CALL}, {"type": "__import__('canary')"}),
    f"{CONFIG}.plans.train": ({"type": CALL}, {"type": "eval", "source": "__import__('canary')"}),
    "rl_module.container": ({"class": CALL, "config": {"modules": {}}}, {"class": "os:system", "config": None}),
    "rl_module.versions": ({"canary": "__import__('canary')"}, CALL),
    "algorithm": ({"name": "canary", "config": {"env": f"{CALL}-v0", "env_config": {"callable": "os:system"}}},),
}


def hostile_checkpoints(directory: Path) -> None:
    """Fill the directory with checkpoints that say: run me."""
    for path, values in FIELDS.items():
        for number, value in enumerate(values):
            forge(directory / f"{path}-{number}", path, value)
    forge_payload(directory / "a pickle", pickle.dumps(Bomb()))
    metadata = json.dumps({"__metadata__": {"class": CALL, "__reduce__": "os:system"}}).encode()
    forge_payload(directory / "metadata", len(metadata).to_bytes(8, "little") + metadata)
    outside = directory.parent / "secret"
    outside.write_bytes(b"secret")
    for name, place in (("upwards", "../../secret"), ("absolute", str(outside))):
        honest = PayloadRecord.of(b"secret").to_dict()
        forge(directory / name, "payloads", {PAYLOAD: {**honest, "file": place}})
    for kind, name in (("payload", payload_name()), ("json", JSON)):
        put(directory / f"linked {kind}", good_files())
        (directory / f"linked {kind}" / name).unlink()
        (directory / f"linked {kind}" / name).symlink_to(outside)


def naive(directory: Path) -> Any:
    """A loader such as others have: it imports the class, and unpickles the payload."""
    content = json.loads((directory / JSON).read_text())
    name = content["rl_module"]["modules"]["default_policy"]["class"]
    if name is not None:
        return getattr(importlib.import_module(name.partition(":")[0]), name.partition(":")[2])
    return [pickle.loads(path.read_bytes()) for path in directory.glob("state-*")]


LOADERS: dict[str, Callable[[Path], Any]] = {
    "RLModule": RLModule.from_checkpoint,
    "Policy": Policy.from_checkpoint,
    "numpy Policy": lambda directory: Policy.from_checkpoint(directory, framework="numpy"),
    "modules": load_modules,
    "weights": read_weights,
    "payloads": lambda directory: read_checkpoint(directory).verify(),
}


def listen(loaders: dict[str, Callable[[Path], Any]], hostile: Path, harmless: Path) -> dict[str, list[str]]:
    """What is heard by checkpoint and loader, and every error that is none of ours."""
    heard: list[str] = []
    armed: list[Path] = []

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if not armed:
            return
        kind, _, call = event.partition(".")
        if event.startswith(LOUD) or (kind == "os" and call.startswith(LOUD_OS)):
            heard.append(event)
        elif event == "open" and isinstance(args[0], str | os.PathLike):
            heard.extend(_surprise(os.path.realpath(args[0]), args[2], armed[0]))

    sys.addaudithook(hook)
    found = {}
    for name, load in loaders.items():
        # First a good one and an odd one: what Python imports and compiles on first use is not the checkpoint's doing.
        for checkpoint in (*sorted(harmless.iterdir()), *sorted(hostile.iterdir())):
            if checkpoint.parent == hostile:
                armed.append(checkpoint)
            heard.clear()
            try:
                load(checkpoint)
            except RLModuleError:
                pass
            except Exception as error:
                heard.append(repr(error))
            armed.clear()
            if checkpoint.parent == hostile and heard:
                found[f"{name} of {checkpoint.name}"] = list(heard)
    return found


def _surprise(path: str, flags: int, directory: Path) -> list[str]:
    if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        return [f"write {path}"]
    # Python itself reads where plugins are registered; nothing else that the test made is to be read.
    ours = Path(path).is_relative_to(directory.parents[1].resolve())
    return [f"read {path}"] if ours and not Path(path).is_relative_to(directory.resolve()) else []


def run(tmp_path: Path, loaders: str) -> dict[str, list[str]]:
    hostile_checkpoints(tmp_path / "hostile")
    put(tmp_path / "harmless" / "good", good_files())
    forge(tmp_path / "harmless" / "odd framework", f"{ENTRY}.framework", "unheard-of")
    forge(tmp_path / "harmless" / "odd catalog", CONFIG, without_plans("unheard-of"))
    forge(tmp_path / "harmless" / "odd container", "rl_module.container", {"class": None, "config": None})
    (tmp_path / "canary.py").write_text(CANARY)
    command = [sys.executable, __file__, loaders, str(tmp_path / "hostile"), str(tmp_path / "harmless")]
    search = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    environment = {**os.environ, "PYTHONPATH": search, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    heard: dict[str, list[str]] = json.loads(done.stdout)
    return heard


def test_hostile_checkpoints_make_no_sound(tmp_path: Path) -> None:
    assert run(tmp_path, "ours") == {}
    assert not (tmp_path / "canary.py.sung").exists()


def test_the_same_ears_hear_a_naive_loader(tmp_path: Path) -> None:
    heard = run(tmp_path, "naive")
    assert {"compile", "exec", f"read {tmp_path / 'canary.py'}"} <= set(heard[f"naive of {ENTRY}.class-0"])
    assert {"pickle.find_class", "os.system"} <= set(heard["naive of a pickle"])
    assert (tmp_path / "canary.py.sung").exists()


if __name__ == "__main__":
    chosen = {"ours": LOADERS, "naive": {"naive": naive}}[sys.argv[1]]
    print(json.dumps(listen(chosen, Path(sys.argv[2]), Path(sys.argv[3]))))
