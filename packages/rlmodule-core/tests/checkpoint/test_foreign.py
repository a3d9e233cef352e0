"""A file of the JSON's name that no checkpoint wrote is somebody's: it is not replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlmodule_core.checkpoint.store import read_checkpoint, write_checkpoint
from rlmodule_core.errors import CheckpointError

FOREIGN = [
    b"",
    b"notes",
    b"[]",
    b"{}",
    json.dumps({"kind": "algorithm", "format": 1, "digest": "", "payloads": {}}).encode(),
    json.dumps({"kind": "rl_module", "format": 1, "digest": "", "payloads": []}).encode(),
    json.dumps({"kind": "rl_module", "format": 1, "payloads": {}}).encode(),
]


def save(directory: Path, number: int = 1) -> Path:
    payloads = {"weights": {"w": np.full(3, number)}}
    return write_checkpoint(directory, kind="rl_module", document={"number": number}, payloads=payloads)


@pytest.mark.parametrize("content", FOREIGN)
def test_a_foreign_json_is_kept_and_nothing_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rl_module.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"rl_module\.json is no checkpoint .* not replaced\. Choose another"):
        save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rl_module.json"]
    assert (tmp_path / "rl_module.json").read_bytes() == content


def test_payloads_that_no_checkpoint_here_named_are_kept(tmp_path: Path) -> None:
    other = tmp_path / "state-0123456789abcdef.safetensors"
    other.write_text("another run's")
    for number in (1, 2, 3):
        save(tmp_path, number)
    assert other.read_text() == "another run's"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("field", ["digest", "number"])
def test_a_checkpoint_of_ours_is_replaced_even_when_it_was_edited(tmp_path: Path, field: str) -> None:
    path = save(tmp_path) / "rl_module.json"
    content: dict[str, Any] = json.loads(path.read_text())
    path.write_text(json.dumps({**content, field: "edited"}))
    save(tmp_path, 2)
    assert read_checkpoint(tmp_path).document == {"number": 2}
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("record", [None, {}, {"file": []}, {"file": "../mine"}, {"file": "mine"}])
def test_what_an_edited_json_names_is_not_removed_for_that(tmp_path: Path, record: Any) -> None:
    path = save(tmp_path / "run") / "rl_module.json"
    content: dict[str, Any] = json.loads(path.read_text())
    content["payloads"]["more"] = record
    path.write_text(json.dumps(content))
    for mine in (tmp_path / "mine", tmp_path / "run" / "mine"):
        mine.write_text("mine")
    save(tmp_path / "run", 2)
    assert (tmp_path / "mine").exists()
    assert (tmp_path / "run" / "mine").exists()
