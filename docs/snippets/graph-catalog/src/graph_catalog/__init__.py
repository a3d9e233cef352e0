"""A catalog that encodes observations of graphs."""

from graph_catalog.catalog import GraphCatalog, GraphSettings
from graph_catalog.config import GraphEncoderConfig
from graph_catalog.network import GraphEncoder

INTERFACE = (0, 1)
"""The core interface that this package was written against; checked when the catalog is loaded by its name."""

__all__ = ["INTERFACE", "GraphCatalog", "GraphEncoder", "GraphEncoderConfig", "GraphSettings"]
