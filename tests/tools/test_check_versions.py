from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from check_versions import problems
from workspace import ROOT, Package, packages

PYPROJECT = """[project]
name = "{name}"
dynamic = ["version"]
dependencies = [{requirements}]
[project.optional-dependencies]
extra = [{extras}]
"""


def write_package(root: Path, name: str, version: str, *, requires: str = "", extra: str = "") -> Package:
    folder = root / "packages" / name
    source = folder / "src" / name.replace("-", "_")
    source.mkdir(parents=True)
    (source / "__about__.py").write_text(f'__version__ = "{version}"\n')
    quoted = {"requirements": f'"{requires}"' if requires else "", "extras": f'"{extra}"' if extra else ""}
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=name, **quoted))
    return Package(folder)


@pytest.mark.parametrize("version", ["0.1.0", "0.9.3", "0.4.0.dev0"])
def test_a_version_inside_the_range_is_accepted(tmp_path: Path, version: str) -> None:
    write_package(tmp_path, "rlmodule-core", version)
    write_package(tmp_path, "rlmodule-torch", "0.1.0", requires="rlmodule-core>=0.1,<1")
    assert problems(packages(tmp_path)) == []


def test_a_version_outside_the_range_is_named_with_its_requirement(tmp_path: Path) -> None:
    write_package(tmp_path, "rlmodule-core", "1.0.0")
    write_package(tmp_path, "rlmodule-torch", "0.1.0", requires="rlmodule-core>=0.1,<1")
    assert problems(packages(tmp_path)) == [
        "rlmodule-torch requires rlmodule-core<1,>=0.1, but packages/ has version 1.0.0"
    ]


def test_the_requirements_of_an_extra_count(tmp_path: Path) -> None:
    write_package(tmp_path, "rlmodule-torch", "0.1.0")
    write_package(tmp_path, "rlmodule-algorithms", "0.1.0", extra="rlmodule-torch>=0.2,<1")
    (problem,) = problems(packages(tmp_path))
    assert "rlmodule-torch" in problem


def test_a_sibling_that_does_not_exist_is_named(tmp_path: Path) -> None:
    write_package(tmp_path, "rlmodule-torch", "0.1.0", requires="rlmodule-kore>=0.1")
    assert problems(packages(tmp_path)) == ["rlmodule-torch requires rlmodule-kore, which is not in packages/"]


def test_other_peoples_packages_are_not_our_concern(tmp_path: Path) -> None:
    write_package(tmp_path, "rlmodule-core", "0.1.0", requires="numpy>=99")
    assert problems(packages(tmp_path)) == []


def test_the_script_accepts_this_repository() -> None:
    script = [sys.executable, str(ROOT / "tools" / "check_versions.py")]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
