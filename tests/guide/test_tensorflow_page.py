"""The code of the page on TensorFlow runs, where there is TensorFlow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tensorflow as tf

from workspace import ROOT

PAGE = ROOT / "docs" / "pages" / "tensorflow.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_the_page_on_tensorflow_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        exec(compile(block, PAGE.name, "exec", dont_inherit=True), names)
    learned, weights, sampled, served = capsys.readouterr().out.splitlines()
    assert (learned, sampled, served) == ("True", "1", "True")
    assert weights == str(
        [f"policy.{i}.{leaf}" for i in (0, 1) for leaf in ("kernel", "bias")] + ["value.kernel", "value.bias"]
    )
    assert names["tf"] is tf
