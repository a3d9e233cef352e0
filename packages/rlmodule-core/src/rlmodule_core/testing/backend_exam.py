"""What the suites about one backend share."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from rlmodule_core import plugins
from rlmodule_core.backend import Backend, TrainingBackend, get_backend, get_training_backend
from rlmodule_core.errors import PluginError
from rlmodule_core.testing.compare import Array
from rlmodule_core.testing.guard import Exam


class BackendExam(Exam):
    """A suite about the backend registered as `backend_name`."""

    backend_name: ClassVar[str]

    @property
    def backend(self) -> Backend:
        """The examinee."""
        return get_backend(self.given("backend_name"))

    @property
    def training_backend(self) -> TrainingBackend:
        """The examinee, where it can train; the test is skipped where it cannot."""
        name: str = self.given("backend_name")
        if not can_train(name):
            pytest.skip(f"The backend {name!r} runs forwards only.")
        return get_training_backend(name)

    def tensor(self, array: Any) -> Any:
        """A native tensor of the array."""
        return self.backend.batch(None, array)

    def array(self, tensor: Any) -> Array:
        """A numpy array of the native tensor."""
        array: Array = self.backend.to_numpy(tensor)
        return array


def can_train(name: str) -> bool:
    """Whether the backend of that name trains, or runs forwards only."""
    return isinstance(get_backend(name), TrainingBackend)


def installed_backends(architecture: str | None = None) -> list[str]:
    """The names of all backends that load here; with an architecture, of those that have a module class for it."""
    loaded, modules = filter(_loads, plugins.names(plugins.BACKENDS)), plugins.names(plugins.MODULES)
    return [name for name in loaded if architecture is None or f"{architecture}.{name}" in modules]


def _loads(name: str) -> bool:
    try:
        get_backend(name)
    except PluginError:
        return False
    return True
