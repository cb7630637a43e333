"""What a caller may choose about a refresh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analytics_core.similarity.embedding import MapSettings
from analytics_core.similarity.ground_cost import PRESETS, CostSettings
from analytics_core.source.poured import VolumeRule
from analytics_core.store.publish import MIN_KEPT_RUNS


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """What a caller may choose.

    Attributes
    ----------
    cost : {"learned", "reference", "tree"}
        Which ingredient cost measures likeness.
    volumes : {"site", "poured"}, optional
        By which rule volumes are found. Default: ``poured`` with the cost ``learned``, else
        ``site``.
    layout : str
        Of the database: ``cocktaildb``, ``bar-assistant``, ``table``, the path of a TOML file, or
        ``auto``, whichever it is.
    bar : str, optional
        Which of several bars that share one database, by id or slug.
    neighbors : int
        Neighbors per recipe.
    seed : int
        Of the map.
    threads : int, optional
        Default: NUMBA_NUM_THREADS, else the processors this process may use.
    page : bool
        Whether to write the page beside the documents.
    keep_runs : int
        How many of the newest runs keep their folder in the output, this one included; at least 2.
    force : bool
        Publish a set also where it differs so much from the earlier one that this would stay.
    """

    cost: Literal["learned", "reference", "tree"] = "learned"
    volumes: VolumeRule | None = None
    layout: str = "auto"
    bar: str | None = None
    neighbors: int = 10
    seed: int = 42
    threads: int | None = None
    page: bool = True
    keep_runs: int = 10
    force: bool = False

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.cost not in PRESETS:
            raise ValueError(f"cost is {self.cost!r}; choose one of {', '.join(PRESETS)}")
        if self.volumes not in (None, "site", "poured"):
            raise ValueError(f"volumes is {self.volumes!r}; choose one of site, poured")
        if not 0 <= self.neighbors <= 1000:
            raise ValueError(f"neighbors is {self.neighbors}; it must lie between 0 and 1000")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed is {self.seed}; it must lie between 0 and 2**32 - 1")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}; it must be at least 1")
        if self.keep_runs < MIN_KEPT_RUNS:
            raise ValueError(f"keep_runs is {self.keep_runs}; it must be at least {MIN_KEPT_RUNS}")

    @property
    def preset(self) -> CostSettings:
        """How the cost is found."""
        return PRESETS[self.cost]

    @property
    def volume_rule(self) -> VolumeRule:
        """By which rule volumes are found: what was chosen, else what goes with the cost."""
        return self.volumes or ("poured" if self.cost == "learned" else "site")

    @property
    def map(self) -> MapSettings:
        """How maps are made."""
        return MapSettings(seed=self.seed)


DEFAULTS = RefreshSettings()
