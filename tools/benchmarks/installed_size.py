"""How large a distribution is, with all that it requires."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path


def installed_mb(name: str) -> dict[str, float]:
    """The size of the files of a distribution and of its requirements in this environment, the largest first."""
    sizes = {found.name: _bytes(found) / 1e6 for found in closure(name)}
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def closure(name: str) -> list[Distribution]:
    """A distribution and, without extras, whatever it requires, directly or not."""
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        key = _normalised(waiting.pop())
        if key in found:
            continue
        try:
            found[key] = distribution(key)
        except PackageNotFoundError:
            # A requirement for another system or Python.
            continue
        requirements = found[key].requires
        waiting += [_name(line) for line in ([] if requirements is None else requirements) if "extra ==" not in line]
    return list(found.values())


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _bytes(found: Distribution) -> int:
    files = set() if found.files is None else {Path(str(found.locate_file(file))).resolve() for file in found.files}
    return sum(file.stat().st_size for file in files | _editable_files(found) if file.is_file())


def _editable_files(found: Distribution) -> set[Path]:
    """The sources of a distribution that is installed as a link to them."""
    spec = find_spec(_normalised(found.name).replace("-", "_"))
    folders = () if spec is None or spec.submodule_search_locations is None else spec.submodule_search_locations
    sources = (file for folder in folders for file in Path(folder).rglob("*"))
    return {file.resolve() for file in sources if "__pycache__" not in file.parts}
