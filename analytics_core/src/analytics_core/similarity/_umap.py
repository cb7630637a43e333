"""UMAP without its neighbor search.

UMAP imports pynndescent to find approximate neighbors; this package hands it exact ones.
Importing pynndescent compiles, or loads from a cache, some 45 functions that are never called: most
of what `import umap` takes. So a stand-in is there while UMAP is imported. Whoever calls UMAP's
search later, in the same process, gets the real one.
"""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any


class NNDescent:
    """Makes the real `pynndescent.NNDescent` when somebody asks for one after all."""

    def __new__(cls, *arguments: Any, **named: Any) -> Any:
        """Import pynndescent now; ImportError where it is left out."""
        from pynndescent import NNDescent as Real

        return Real(*arguments, **named)


def _stand_ins() -> dict[str, ModuleType]:
    package = ModuleType("pynndescent")
    distances = ModuleType("pynndescent.distances")
    sparse = ModuleType("pynndescent.sparse")
    vars(distances)["named_distances"] = {}
    vars(sparse)["sparse_named_distances"] = {}
    vars(package).update(
        NNDescent=NNDescent, distances=distances, sparse=sparse, __path__=[], __version__="0"
    )
    return {module.__name__: module for module in (package, distances, sparse)}


def load() -> tuple[Any, Any]:
    """Return the modules `umap.umap_` and `umap.layouts`, their compiled loops cached on disk."""
    borrowed = {} if {"umap", "pynndescent"} & set(sys.modules) else _stand_ins()
    sys.modules.update(borrowed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about TensorFlow, which is not needed
            import umap.layouts
            import umap.umap_
    finally:
        for name in borrowed:
            del sys.modules[name]
    _cache_compilations(umap.layouts)
    _cache_compilations(umap.umap_)
    return umap.umap_, umap.layouts


def _cache_compilations(module: ModuleType) -> None:
    """Let Numba keep on disk what it compiles for `module`.

    UMAP leaves its optimization loop uncached, so that every process would compile it anew.
    """
    for value in vars(module).values():
        if hasattr(value, "enable_caching") and hasattr(value, "py_func") and not value.signatures:
            value.enable_caching()
