"""The code in the documentation's pages runs, block after block, as a reader would paste it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

from rlmodule_catalogs import ModelSettings, PPOCatalog
from workspace import ROOT

PAGES, SNIPPETS = ROOT / "docs" / "pages", ROOT / "docs" / "snippets"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
CHECKED = {"checkpoints.md", "masks.md", "spaces.md", "tasks.md"}
ELSEWHERE = {
    "learner.md": "Its blocks are pieces of two scripts: tests/learning.",
    "tensorflow.md": "It needs TensorFlow: test_tensorflow_page.py.",
    **dict.fromkeys(("memory.md", "normalisation.md", "writing-a-catalog.md"), "It needs torch: test_torch_pages.py."),
}

Run = Callable[[str], list[str]]


def _with_code() -> set[str]:
    return {page.name for page in PAGES.glob("*.md") if BLOCK.search(page.read_text(encoding="utf-8"))}


def test_every_other_page_with_code_runs(run: Run) -> None:
    assert _with_code() >= CHECKED | ELSEWHERE.keys()
    for page in _with_code() - CHECKED - ELSEWHERE.keys():
        run(page)


def test_the_page_on_checkpoints_runs(run: Run, tmp_path: Path) -> None:
    assert run("checkpoints.md")[0].startswith("1 ")
    assert (tmp_path / "runs/mine/algorithm.json").exists()


def test_the_page_on_masks_runs(run: Run) -> None:
    mean, *inputs = run("masks.md")
    assert float(mean) == 1.0
    assert [line.count("-1") + line.count("-1.") > 0 for line in inputs] == [True, True]


def test_the_page_on_memory_has_every_setting() -> None:
    text = (PAGES / "memory.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\|.*\|$", text, re.MULTILINE)))
    starts = ("use_", "lstm_", "attention_", "max_seq_len")
    declared = {field.name: field.default for field in fields(ModelSettings) if field.name.startswith(starts)}
    # It may only repeat another.
    assert {name for name in named if name in declared} == declared.keys() - {"attention_memory_training"}
    for line in re.findall(r"^\| (`(?:lstm|attention|max)_.*) \| (.*) \| .* \|$", text, re.MULTILINE):
        defaults = [declared[name] for name in re.findall(r"`(\w+)`", line[0])]
        shown = [ast.literal_eval(value) for value in line[1].split(", ")]
        assert defaults == shown * (len(defaults) // len(shown))


def test_the_page_on_spaces_runs(run: Run) -> None:
    lines = run("spaces.md")
    assert lines[0] == "inputs:"
    assert "Conv2D(4, 32, (8, 8), stride=(4, 4))" in "\n".join(lines)
    assert [line.split("(")[0] for line in lines[-3:-1]] == ["DiagGaussian", "SquashedGaussian"]
    assert lines[-1] == "(8,)"


def test_the_page_on_tasks_runs(run: Run) -> None:
    assert run("tasks.md") == ["(5, 5, 1) [1.  0.5] Discrete(5)", "True"]


def test_the_page_on_writing_a_catalog_shows_the_example_package_as_it_is() -> None:
    files = [*SNIPPETS.glob("graph-catalog/**/*.py"), SNIPPETS / "graph_task.py"]
    written = dict(found for file in files for found in _definitions(file.read_text(encoding="utf-8")))
    text = (PAGES / "writing-a-catalog.md").read_text(encoding="utf-8")
    shown = dict(found for block in BLOCK.findall(text) for found in _definitions(block))
    classes = {"GraphEncoderConfig", "GraphEncoder", "GraphSettings", "GraphCatalog", "TwoSteps", "TestGraphCatalog"}
    for name in (*classes, "_", "INTERFACE", "GRAPHS", "Graph"):
        assert shown[name] == written[name], name
    project = (SNIPPETS / "graph-catalog/pyproject.toml").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```toml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert [line for line in lines.splitlines() if line not in project.splitlines()] == []
    tree = {str(file.relative_to(SNIPPETS / "graph-catalog")) for file in files[:-1]} | {"README.md", "pyproject.toml"}
    assert tree <= set(text.splitlines())


def _definitions(code: str) -> Iterator[tuple[str, str]]:
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name, ast.dump(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, ast.dump(node)


def test_the_page_on_writing_a_catalog_lists_every_override_point() -> None:
    text = (PAGES / "writing-a-catalog.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\|[^|]*\| `(\w+)` \|", text, re.MULTILINE)
    points = [name for name in dir(PPOCatalog) if name.startswith(("get_", "build_"))]
    assert sorted([*listed, "build_encoder"]) == sorted([*points, "settings_class"])
