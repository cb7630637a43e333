"""Whether the numeric libraries load and compute on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from analytics_core.errors import AnalyticsError


def check() -> Iterator[str]:
    """Load each library and solve a problem; yield a line for each."""
    from importlib import import_module
    from importlib.metadata import version

    libraries: dict[str, Callable[[], object]] = {
        "numpy": lambda: import_module("numpy"),
        "scipy": lambda: import_module("scipy.sparse"),
        "numba": lambda: import_module("numba"),
        "POT": lambda: import_module("ot"),
        "boto3": lambda: import_module("boto3"),
    }
    for name, load in libraries.items():
        started = time.monotonic()
        load()
        yield (f"{name} {version(name)}  loaded in {time.monotonic() - started:.1f} s")

    import numpy as np

    from analytics_core.similarity.transport import emd

    half = np.array([0.5, 0.5])
    distance = emd(half, np.array([0.25, 0.75]), np.array([[0.0, 1.0], [1.0, 0.0]]))
    if abs(distance - 0.25) > 1e-12:
        raise AnalyticsError(f"the solver is broken: it found {distance}, not 0.25")
    yield ("solver  exact")
