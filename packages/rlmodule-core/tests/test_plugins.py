from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlmodule_core import (
    INTERFACE,
    BackendNotFoundError,
    ConfigError,
    PluginError,
    check_interface,
    get_backend,
    get_training_backend,
    plugins,
)
from rlmodule_core.backend import default_backend_name
from rlmodule_core.numpy_backend import NumpyBackend

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Lays down a distribution, as pip does, that registers one entry point to one module."""

    def lay_down(distribution: str, name: str, *, source: str = "", group: str = plugins.BACKENDS) -> None:
        package = distribution.replace("-", "_")
        site = tmp_path / distribution
        info = site / f"{package}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {package}:Thing\n")
        (site / f"{package}.py").write_text(source)
        monkeypatch.syspath_prepend(site)

    yield lay_down
    plugins.load.cache_clear()
    get_backend.cache_clear()


def _only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Hide the backends that happen to be installed beside core."""
    real = importlib.metadata.entry_points

    def entry_points(**query: str) -> list[importlib.metadata.EntryPoint]:
        return [point for point in real(**query) if point.name in names]

    monkeypatch.setattr(plugins, "entry_points", entry_points)


def test_a_registered_backend_is_found_and_made_once():
    assert type(get_backend("numpy")) is NumpyBackend
    assert get_backend("numpy") is get_backend("numpy")


@pytest.mark.parametrize(("name", "package"), [("tf2", "rlmodule-tf"), ("torch", "rlmodule-torch")])
def test_a_missing_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch, name: str, package: str):
    _only(monkeypatch, "numpy")
    get_backend.cache_clear()
    with pytest.raises(BackendNotFoundError) as caught:
        get_backend(name)
    expected = f"No backend named '{name}' is installed (found: numpy). Install it: pip install {package}"
    assert str(caught.value) == expected
    assert isinstance(caught.value, ImportError)


def test_where_another_framework_is_installed_it_is_offered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plugins, "names", lambda group: ["numpy", "tf2"])
    get_backend.cache_clear()
    with pytest.raises(BackendNotFoundError, match=r"rlmodule-torch, or take what is installed: framework 'tf2'$"):
        get_backend("torch")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("tensorflow", "tf2"), ("TF2", "tf2"), ("tf", "tf2"), ("keras", "tf2"), ("PyTorch", "torch"), ("Torch", "torch")],
)
def test_the_names_that_everyone_types_first_lead_to_the_right_ones(name: str, meant: str):
    with pytest.raises(BackendNotFoundError, match=rf"Did you mean '{meant}'\?$"):
        get_backend(name)


def test_all_installed_backends_are_listed(install: Install, monkeypatch: pytest.MonkeyPatch):
    install("their-backend", "theirs")
    _only(monkeypatch, "numpy", "theirs")
    with pytest.raises(BackendNotFoundError, match=r"'tf2' is installed \(found: numpy, theirs\)\."):
        get_backend("tf2")


def test_a_misspelt_backend_gets_the_nearest_name():
    with pytest.raises(BackendNotFoundError, match=r"Did you mean 'numpy'\?"):
        get_backend("nunpy")


def test_numpy_cannot_train():
    with pytest.raises(ConfigError, match="'numpy' only runs forwards"):
        get_training_backend("numpy")


TRAINS = """
from rlmodule_core import TrainingBackend
from rlmodule_core.numpy_backend import NumpyBackend

class Thing(NumpyBackend, TrainingBackend):
    make_optimizer = update_epoch = limited_threads = None
"""


@pytest.mark.parametrize(
    ("registered", "first"),
    [
        (["numpy", "tf2", "theirs", "torch"], "torch"),
        (["a-backend", "numpy", "tf2"], "tf2"),
        (["torch"], "torch"),
        ([], "numpy"),
    ],
)
def test_the_default_is_the_first_known_framework_that_is_registered_and_nothing_is_loaded(
    monkeypatch: pytest.MonkeyPatch, registered: list[str], first: str
):
    monkeypatch.setattr(plugins, "names", lambda group: registered if group == plugins.BACKENDS else [])
    monkeypatch.setattr(plugins, "load", lambda group, name: pytest.fail(f"{name} was loaded"))
    assert default_backend_name() == first


def test_the_default_is_numpy_where_nothing_else_trains(install: Install, monkeypatch: pytest.MonkeyPatch):
    install("forward-backend", "a-forward", source="from rlmodule_core.numpy_backend import NumpyBackend as Thing\n")
    install("broken-backend", "a-broken", source="raise RuntimeError('no licence found')\n")
    _only(monkeypatch, "a-broken", "a-forward", "numpy")
    assert default_backend_name() == "numpy"


def test_another_backend_that_trains_is_the_default_where_no_known_one_is_installed(
    install: Install, monkeypatch: pytest.MonkeyPatch
):
    install("broken-backend", "a-broken", source="raise RuntimeError('no licence found')\n")
    for name in ("the-later", "the-first"):
        install(name, name, source=TRAINS)
    _only(monkeypatch, "a-broken", "numpy", "the-first", "the-later")
    assert default_backend_name() == "the-first"


def test_a_third_party_s_plugin_is_found_and_loaded_on_use(install: Install, tmp_path: Path):
    install("their-catalog", "theirs", source="class Thing: pass\n", group=plugins.CATALOGS)
    assert "theirs" in plugins.names(plugins.CATALOGS)
    assert plugins.load(plugins.CATALOGS, "theirs").__name__ == "Thing"


def test_two_distributions_that_claim_one_name_are_both_named(install: Install):
    install("one-backend", "claimed")
    install("two-backend", "claimed")
    with pytest.raises(PluginError, match=r"'claimed' in .* is claimed by one-backend and by two-backend"):
        get_backend("claimed")


def test_a_plugin_that_raises_at_import_breaks_only_itself(install: Install):
    install("broken-backend", "broken", source="raise RuntimeError('no licence found')\n")
    with pytest.raises(PluginError) as caught:
        get_backend("broken")
    text = str(caught.value)
    assert all(part in text for part in ("'broken'", "broken-backend", "RuntimeError: no licence found"))
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert "broken" in plugins.names(plugins.BACKENDS)
    assert type(get_backend("numpy")) is NumpyBackend


def test_a_plugin_without_its_object_is_named(install: Install):
    install("empty-backend", "empty")
    with pytest.raises(PluginError, match=r"empty-backend.*failed to load.*Thing"):
        get_backend("empty")


def test_a_backend_must_be_a_backend_class(install: Install):
    install("false-backend", "false", source="class Thing: pass\n")
    with pytest.raises(PluginError, match=r"'false' must be a subclass of rlmodule_core\.Backend"):
        get_backend("false")


@pytest.mark.parametrize("interface", [(INTERFACE[0] + 1, 0), (INTERFACE[0], INTERFACE[1] + 1)])
def test_a_plugin_for_a_newer_core_says_to_upgrade_core(install: Install, interface: tuple[int, int]):
    number = f"{interface[0]}-{interface[1]}"
    install(f"future-{number}", "future", source=f"INTERFACE = {interface}\nclass Thing: pass\n")
    with pytest.raises(PluginError, match=rf"future-{number} was written for.*pip install --upgrade rlmodule-core"):
        plugins.load(plugins.BACKENDS, "future")


def test_a_plugin_of_the_same_interface_is_accepted(install: Install):
    install("same-plugin", "same", source=f"INTERFACE = {INTERFACE}\nclass Thing: pass\n")
    assert plugins.load(plugins.BACKENDS, "same").__name__ == "Thing"


def test_a_package_for_an_older_major_is_to_be_upgraded_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rlmodule_core.interface.INTERFACE", (2, 5))
    for accepted in ((2, 0), (2, 5)):
        check_interface("rlmodule-x", accepted)
    with pytest.raises(PluginError, match=r"interface 1\.9.*has 2\.5.*--upgrade rlmodule-x"):
        check_interface("rlmodule-x", (1, 9))
    for newer in ((2, 6), (3, 0)):
        with pytest.raises(PluginError, match="--upgrade rlmodule-core"):
            check_interface("rlmodule-x", newer)


@pytest.mark.parametrize(
    ("group", "name", "package"),
    [
        (plugins.CATALOGS, "ppo", "rlmodule-catalogs"),
        (plugins.MULTI_AGENT, "default", "rlmodule-marl"),
        (plugins.ALGORITHMS, "PPO", "rlmodule-algorithms"),
    ],
)
def test_a_missing_package_of_ours_is_to_be_installed(
    monkeypatch: pytest.MonkeyPatch, group: str, name: str, package: str
):
    plugins.load.cache_clear()
    _only(monkeypatch)
    with pytest.raises(PluginError, match=rf"{name!r} in {group}.* pip install {package}$"):
        plugins.load(group, name)


def test_an_installed_package_is_not_to_be_installed(install: Install):
    install("rlmodule-catalogs", "standard", group=plugins.CATALOGS)
    with pytest.raises(PluginError) as caught:
        plugins.load(plugins.CATALOGS, "standart")
    assert "Did you mean 'standard'?" in str(caught.value)
    assert "pip install" not in str(caught.value)


def test_an_unknown_name_lists_what_is_there():
    with pytest.raises(PluginError, match=r"'actor-critik\.numpy' in rlmodule\.modules.*Did you mean 'actor-critic"):
        plugins.load(plugins.MODULES, "actor-critik.numpy")
