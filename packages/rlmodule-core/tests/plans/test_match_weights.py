from __future__ import annotations

import numpy as np
import pytest

from rlmodule_core import StateError, get_backend
from rlmodule_core.plans import Chain, Dense, Weights


@pytest.fixture
def network():
    return get_backend("numpy").lower(Chain((Dense(3, 2), Dense(2, 1))))


def _weights(network: object) -> Weights:
    return get_backend("numpy").get_weights(network)


def test_weights_come_back_as_copies(network: object):
    _weights(network)["0.weight"][...] = 9.0
    assert not (_weights(network)["0.weight"] == 9.0).any()


def test_weights_are_copied_into_the_same_arrays(network):
    arrays = {id(array) for layer in network.children.values() for array in layer.weights.values()}
    wanted = {name: np.full_like(array, 0.5) for name, array in _weights(network).items()}
    get_backend("numpy").set_weights(network, wanted)
    wanted["0.weight"][...] = 7.0
    assert (_weights(network)["0.weight"] == 0.5).all()
    assert {id(array) for layer in network.children.values() for array in layer.weights.values()} == arrays


def test_the_network_computes_with_the_weights_set(network):
    ones = {name: np.ones_like(array) for name, array in _weights(network).items()}
    get_backend("numpy").set_weights(network, ones)
    assert network(np.ones((1, 3), np.float32)).item() == (3 + 1) * 2 + 1


def test_everything_that_does_not_fit_is_named_at_once_and_nothing_changes(network: object):
    before = _weights(network)
    wrong = {name: array + 1.0 for name, array in before.items()}
    del wrong["0.bias"]
    wrong["extra"] = np.zeros(5)
    wrong["1.weight"] = np.zeros((2, 1))
    with pytest.raises(StateError) as caught:
        get_backend("numpy").set_weights(network, wrong)
    text = str(caught.value)
    assert "missing: 0.bias (2,)" in text
    assert "unexpected: extra (5,)" in text
    assert "mis-shaped: 1.weight expected (1, 2), got (2, 1)" in text
    assert "nothing was changed" in text
    for name, array in _weights(network).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("dtype", [object, str, complex])
def test_weights_that_are_no_real_numbers_are_refused_by_name(network: object, dtype: type):
    before = _weights(network)
    with pytest.raises(StateError, match=r"no real numbers: 0\.weight"):
        get_backend("numpy").set_weights(network, {**before, "0.weight": before["0.weight"].astype(dtype)})
    assert all((before[name] == array).all() for name, array in _weights(network).items())


def test_weights_without_names_are_refused(network: object):
    with pytest.raises(StateError, match="must be arrays by name, got a NoneType"):
        get_backend("numpy").set_weights(network, None)  # type: ignore[arg-type]
