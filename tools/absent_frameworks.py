"""For pytest: leaves out the test files that import a framework that is not installed here."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

FRAMEWORKS = {"torch": ("torch", "rlmodule_torch"), "tensorflow": ("tensorflow", "keras", "rlmodule_tf")}
"""What each framework is imported by."""


def absent_imports() -> tuple[str, ...]:
    """The names that cannot be imported here."""
    return tuple(name for names in FRAMEWORKS.values() for name in names if find_spec(name) is None)


ABSENT = absent_imports()


def imports_any(source: str, names: tuple[str, ...]) -> bool:
    """Whether a line of the file, at the left margin, imports from one of these."""
    return any(re.search(rf"^(import|from) {name}\b", source, re.MULTILINE) for name in names)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the file out, where it is one of those."""
    if not ABSENT or collection_path.suffix != ".py" or not collection_path.is_file():
        return None
    # None lets others decide; False would let them not.
    return imports_any(collection_path.read_text("utf-8"), ABSENT) or None


def pytest_report_header() -> str:
    """Say what is missing, so that nobody takes a part for the whole."""
    missing = [framework for framework, names in FRAMEWORKS.items() if find_spec(names[0]) is None]
    return f"without: {', '.join(missing)} (tests that import them are left out)" if missing else "with every framework"
