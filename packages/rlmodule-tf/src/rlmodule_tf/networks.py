"""The variables of networks, modules and whatever else holds some."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from rlmodule_core import ConfigError, RLModule
from rlmodule_core.plans import escape_key, join_name, walk_weights


def named_variables(network: Any) -> dict[str, Any]:
    """Every variable, of TensorFlow's or Keras' own kind, by name; one that appears twice takes its first name.

    Lowered networks give canonical names, everything else its attribute path; the layers of a Keras model count from 0.
    """
    named: dict[str, Any] = {}
    seen: set[int] = set()
    for path, variable in walk_weights(network, lambda node: isinstance(node, tf.Variable | keras.Variable), _inside):
        if id(native(variable)) not in seen:
            seen.add(id(native(variable)))
            named[join_name(*map(escape_key, path))] = variable
    return named


def keras_layers(network: Any) -> Iterator[Any]:
    """The Keras layers that are parts of no other Keras layer.

    Raises:
        ConfigError: Keras computes with another framework.
    """
    for _, layer in walk_weights(network, lambda node: isinstance(node, keras.layers.Layer), _inside):
        _require_tensorflow()
        yield layer


def native(variable: Any) -> Any:
    """TensorFlow's variable behind one of Keras'."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def _inside(node: Any) -> Mapping[str, Any] | None:
    if isinstance(node, RLModule | tf.Module):
        # The config describes a module, it holds no variables of it; TensorFlow keeps what it tracks twice.
        return {key: part for key, part in vars(node).items() if key != "config" and not key.startswith("_self_")}
    if isinstance(node, keras.layers.Layer):
        return _layer_parts(node)
    return None


def _layer_parts(layer: Any) -> dict[str, Any]:
    """The layers of a Keras model by number, and variables by their names inside the layer."""
    children = layer.layers if isinstance(layer, keras.Model) else ()
    parts: dict[str, Any] = {str(index): child for index, child in enumerate(children)}
    known = {id(variable) for child in children for variable in child.variables}
    for variable in layer.variables:
        if id(variable) not in known:
            _nest(parts, _path_inside(layer, variable), variable)
    return parts


def _path_inside(layer: Any, variable: Any) -> list[str]:
    *folders, leaf = variable.path.split("/")
    inside = folders[len(folders) - folders[::-1].index(layer.name) :] if layer.name in folders else []
    # Keras numbers names process-wide, so that they differ from one instance of a module to the next.
    return [re.sub(r"(?<=.)_\d+$", "", name) for name in (*inside, leaf)]


def _nest(parts: dict[str, Any], path: list[str], variable: Any) -> None:
    *folders, leaf = path
    for folder in folders:
        parts = parts.setdefault(folder, {})
    numbered = (leaf, *(f"{leaf}_{number}" for number in range(1, len(parts) + 1)))
    parts[next(name for name in numbered if name not in parts)] = variable


def _require_tensorflow() -> None:
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"Keras computes with {keras.backend.backend()!r} in this process, but layers of a TfRLModule need "
            "'tensorflow'. Set the environment variable KERAS_BACKEND=tensorflow before keras is imported."
        )
