"""A read-only server of the Model Context Protocol; needs ``analytics-core[mcp]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import Field

from analytics_core import __version__
from analytics_core.answers.questions import NEEDED, Answers
from analytics_core.errors import AnalyticsError
from analytics_core.store import Storage, read_manifest, read_published

_ABOUT = """Exact similarity of cocktail recipes, from one published set. Names may be in any
spelling; unknown ones are answered with near ones. Distances: 0 is the same mix, under 0.1 almost
the same, under 0.25 a twist. Quote `words` as they are."""

Recipe = Annotated[str | int, Field(description="A recipe's name, or its id.")]
Count = Annotated[int, Field(ge=1, le=1000, description="How many at most.")]


class _Latest:
    """The answers of the set that is published now, read anew when another one is."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._run_id = ""
        self._answers: Answers | None = None

    def __call__(self) -> Answers:
        if self._answers is None or read_manifest(self._storage)["run_id"] != self._run_id:
            documents = read_published(self._storage, kinds=NEEDED)
            self._answers = Answers(documents)
            self._run_id = documents["manifest"]["run_id"]
        return self._answers


def _asked(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Answer, or say in our own words why not."""
    try:
        return ask()
    except AnalyticsError as error:
        raise ToolError(str(error)) from error


def make_server(storage: Storage) -> MCPServer[Any]:
    """Make the server with its four tools.

    Parameters
    ----------
    storage : Storage
        Where a set is published.

    Returns
    -------
    MCPServer

    Raises
    ------
    StorageError
        Nothing is published there, or it is damaged.
    """
    latest = _Latest(storage)
    latest()  # what is wrong with the set is said at the start
    server: MCPServer[Any] = MCPServer(
        "cocktail-analytics", instructions=_ABOUT, version=__version__, log_level="ERROR"
    )
    reads = ToolAnnotations(
        read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
    )

    @server.tool(annotations=reads)
    def similar(recipe: Recipe, count: Count = 5) -> dict[str, Any]:
        """Tell which drinks are made most like one, and in words what to pour differently."""
        return _asked(lambda: latest().similar(recipe, count))

    @server.tool(annotations=reads)
    def swap(from_recipe: Recipe, to_recipe: Recipe) -> dict[str, Any]:
        """Tell how one drink becomes another: steps and words, by way of others if need be."""
        return _asked(lambda: latest().swap(from_recipe, to_recipe))

    @server.tool(annotations=reads)
    def makeable(
        ingredients: Annotated[list[str], Field(description="Names of what is on the shelf.")],
        pantry: Annotated[
            bool, Field(description="Count sugar, citrus, eggs, soda and the like as there.")
        ] = False,
        count: Count = 50,
    ) -> dict[str, Any]:
        """Tell which drinks can be made of a shelf, and which lack one thing."""
        return _asked(lambda: latest().makeable(ingredients, pantry=pantry, count=count))

    @server.tool(annotations=reads)
    def substitutes(
        ingredient: Annotated[str | int, Field(description="An ingredient's name, or its id.")],
    ) -> dict[str, Any]:
        """Tell what stands in for an ingredient, with how many recipes speak for it."""
        return _asked(lambda: latest().substitutes(ingredient))

    return server


def serve(storage: Storage) -> None:
    """Serve on standard input and output until the input ends.

    Parameters
    ----------
    storage : Storage
        Where a set is published.
    """
    make_server(storage).run("stdio")
