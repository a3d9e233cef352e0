from __future__ import annotations

import configparser
import tomllib

import pytest

from check_versions import problems
from workspace import ROOT, Package, packages

PACKAGES = packages()
CORE = next(package for package in PACKAGES if package.name == "rlmodule-core")
EVERY = pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
FILES = ("LICENSE", "README.md", "CHANGELOG.md", "towncrier.toml", "changes")


@EVERY
def test_a_package_is_complete(package: Package) -> None:
    paths = [*(package.path / name for name in FILES), package.source / "py.typed"]
    assert [str(path.relative_to(ROOT)) for path in paths if not path.exists()] == []


@EVERY
def test_a_package_carries_the_license_of_the_repository(package: Package) -> None:
    assert (package.path / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert package.project["license"] == "Apache-2.0"


@EVERY
def test_a_package_is_named_after_its_folder_and_promises_the_same_python(package: Package) -> None:
    assert package.name == package.path.name
    assert package.project["requires-python"] == CORE.project["requires-python"]


@EVERY
def test_a_package_follows_the_major_of_the_core_interface(package: Package) -> None:
    (major, minor), (core_major, core_minor) = package.about["INTERFACE"], CORE.about["INTERFACE"]
    assert major == core_major
    assert minor <= core_minor


def test_every_local_version_satisfies_every_local_requirement() -> None:
    assert problems(PACKAGES) == []


BACKENDS = {"packages/rlmodule-torch", "packages/rlmodule-tf"}


@pytest.mark.parametrize(
    ("environment", "backends"),
    [("test", BACKENDS), ("default", {"packages/rlmodule-torch"}), ("tf", {"packages/rlmodule-tf"})],
)
def test_hatch_installs_every_package_but_the_backends_that_are_not_asked_for(
    environment: str, backends: set[str]
) -> None:
    described = tomllib.loads((ROOT / "hatch.toml").read_text("utf-8"))["envs"][environment]
    members = {entry if isinstance(entry, str) else entry["path"] for entry in described["workspace"]["members"]}
    assert members == {f"packages/{package.name}" for package in PACKAGES} - (BACKENDS - backends)


def test_the_import_contracts_cover_every_package() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter", encoding="utf-8")
    roots = contracts["importlinter"]["root_packages"].split()
    assert sorted(roots) == [package.module for package in PACKAGES]
