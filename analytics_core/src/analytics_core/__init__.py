"""Exact similarity analytics for a cocktail recipe database.

The public names below are loaded on first use: importing the package costs
milliseconds, and the numeric libraries come in when a stage first needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from analytics_core.errors import (
    AnalyticsError,
    DataError,
    Interrupted,
    SolverError,
    StorageError,
)

if TYPE_CHECKING:
    from analytics_core.catalog import Catalog, load_catalog
    from analytics_core.ground_cost import CostSettings, LearnedCost, learn_cost
    from analytics_core.hierarchy import IngredientTree
    from analytics_core.mixture import Mixtures
    from analytics_core.neighbors import KnnGraph, nearest_neighbors
    from analytics_core.pipeline import RefreshResult, RefreshSettings, refresh
    from analytics_core.storage import LocalStorage, S3Storage, Storage, open_storage
    from analytics_core.transport import (
        TransportPlan,
        emd,
        emd_matrix,
        emd_pairs,
        transport_plan,
    )

__version__ = "0.1.0"

_LAZY = {
    "Catalog": "catalog",
    "CostSettings": "ground_cost",
    "IngredientTree": "hierarchy",
    "KnnGraph": "neighbors",
    "LearnedCost": "ground_cost",
    "LocalStorage": "storage",
    "Mixtures": "mixture",
    "RefreshResult": "pipeline",
    "RefreshSettings": "pipeline",
    "S3Storage": "storage",
    "Storage": "storage",
    "TransportPlan": "transport",
    "emd": "transport",
    "emd_matrix": "transport",
    "emd_pairs": "transport",
    "learn_cost": "ground_cost",
    "load_catalog": "catalog",
    "nearest_neighbors": "neighbors",
    "open_storage": "storage",
    "refresh": "pipeline",
    "transport_plan": "transport",
}

__all__ = [
    "AnalyticsError",
    "Catalog",
    "CostSettings",
    "DataError",
    "IngredientTree",
    "Interrupted",
    "KnnGraph",
    "LearnedCost",
    "LocalStorage",
    "Mixtures",
    "RefreshResult",
    "RefreshSettings",
    "S3Storage",
    "SolverError",
    "Storage",
    "StorageError",
    "TransportPlan",
    "__version__",
    "emd",
    "emd_matrix",
    "emd_pairs",
    "learn_cost",
    "load_catalog",
    "nearest_neighbors",
    "open_storage",
    "refresh",
    "transport_plan",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
