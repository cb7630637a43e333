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
    from analytics_core.pipeline import refresh
    from analytics_core.publishing import RefreshResult
    from analytics_core.settings import RefreshSettings
    from analytics_core.similarity.ground_cost import CostSettings, LearnedCost, learn_cost
    from analytics_core.similarity.hierarchy import IngredientTree
    from analytics_core.similarity.mixture import Mixtures
    from analytics_core.similarity.neighbors import KnnGraph, nearest_neighbors
    from analytics_core.similarity.transport import (
        TransportPlan,
        emd,
        emd_matrix,
        emd_pairs,
        transport_plan,
    )
    from analytics_core.source.catalog import Catalog
    from analytics_core.source.layouts import load_catalog
    from analytics_core.store import LocalStorage, S3Storage, Storage, open_storage
    from analytics_core.store.ranges import read_recipe

__version__ = "0.1.0"

_LAZY = {
    "Catalog": "source.catalog",
    "CostSettings": "similarity.ground_cost",
    "IngredientTree": "similarity.hierarchy",
    "KnnGraph": "similarity.neighbors",
    "LearnedCost": "similarity.ground_cost",
    "LocalStorage": "store.local",
    "Mixtures": "similarity.mixture",
    "RefreshResult": "publishing",
    "RefreshSettings": "settings",
    "S3Storage": "store.s3",
    "Storage": "store.base",
    "TransportPlan": "similarity.transport",
    "emd": "similarity.transport",
    "emd_matrix": "similarity.transport",
    "emd_pairs": "similarity.transport",
    "learn_cost": "similarity.ground_cost",
    "load_catalog": "source.layouts",
    "nearest_neighbors": "similarity.neighbors",
    "open_storage": "store",
    "read_recipe": "store.ranges",
    "refresh": "pipeline",
    "transport_plan": "similarity.transport",
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
    "read_recipe",
    "refresh",
    "transport_plan",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
