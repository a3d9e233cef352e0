from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Package:
    """One distribution of the workspace, read from its files."""

    path: Path

    @cached_property
    def project(self) -> dict[str, Any]:
        """The [project] table of its pyproject.toml."""
        table: dict[str, Any] = tomllib.loads((self.path / "pyproject.toml").read_text("utf-8"))["project"]
        return table

    @property
    def name(self) -> str:
        """The distribution, such as rlmodule-core."""
        return str(self.project["name"])

    @property
    def module(self) -> str:
        """The import name, such as rlmodule_core."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> Path:
        """The folder of the import package."""
        return self.path / "src" / self.module

    @cached_property
    def about(self) -> dict[str, Any]:
        """The constants of its __about__.py; executed alone, so that nothing else is imported."""
        constants: dict[str, Any] = {}
        exec((self.source / "__about__.py").read_text("utf-8"), constants)
        return constants

    @property
    def requirements(self) -> tuple[str, ...]:
        """Every requirement, those of the extras included."""
        extras = self.project.get("optional-dependencies", {}).values()
        return (*self.project.get("dependencies", ()), *(line for extra in extras for line in extra))


def packages(root: Path = ROOT) -> tuple[Package, ...]:
    """The packages of a checkout, in alphabetical order."""
    return tuple(Package(path.parent) for path in sorted(root.glob("packages/*/pyproject.toml")))
