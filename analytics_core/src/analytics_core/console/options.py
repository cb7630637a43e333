"""The options of the commands, each declared once."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

import typer


class Cost(str, Enum):  # noqa: UP042 - StrEnum shows its members differently in --help
    """The ground costs to choose from."""

    learned = "learned"
    reference = "reference"
    tree = "tree"


class Volumes(str, Enum):  # noqa: UP042 - as above
    """The rules for the volume of a line to choose from."""

    site = "site"
    poured = "poured"


LAYOUTS = ("auto", "cocktaildb", "bar-assistant", "table")


def _known(layout: str) -> str:
    if layout in LAYOUTS or layout.endswith(".toml"):
        return layout
    raise typer.BadParameter(
        f"there is no layout {layout!r}; choose {', '.join(LAYOUTS)}, or name a TOML file"
    )


def plain_scheme(place: str) -> str:
    """Return an address of S3 with its scheme in small letters; what is none stays as it is."""
    scheme, separator, rest = place.partition("://")
    return f"s3://{rest}" if separator and scheme.lower() == "s3" else place


def _database(place: str) -> str:
    """Refuse what names no database, with what to write instead."""
    place = plain_scheme(place)
    if not place.strip():
        raise typer.BadParameter("it is empty; name a SQLite file, or s3://bucket/key")
    scheme, separator, rest = place.partition("://")
    if separator and scheme.lower() == "file":
        raise typer.BadParameter(f"{place}: write the path alone, {unquote(rest) or '/path'}")
    if separator and scheme != "s3" and scheme.isalnum():
        raise typer.BadParameter(
            f"{place}: nothing is read over {scheme}; download the file and name it, or put it"
            " under s3://bucket/key"
        )
    return place


_FROM_HELP = "A folder or s3://bucket/prefix with published documents."
Database = Annotated[
    str,
    typer.Option(
        "--db",
        envvar="DB_PATH",
        callback=_database,
        help="The database: a path or s3://….",
    ),
]
Layout = Annotated[
    str,
    typer.Option(
        "--layout",
        envvar="DB_LAYOUT",
        callback=_known,
        help="What the database is: cocktaildb, bar-assistant, table (CSV, TSV), a TOML file that"
        " maps another program's tables, or auto.",
    ),
]
Bar = Annotated[
    str | None,
    typer.Option("--bar", envvar="DB_BAR", help="Which of several bars in it: id or slug."),
]
Upload = Annotated[
    str,
    typer.Option(
        "--source",
        envvar="LOAD_SOURCE",
        callback=plain_scheme,
        help="The upload: s3://bucket/key.",
    ),
]
Target = Annotated[
    str,
    typer.Option(
        "--db", envvar="DB_PATH", callback=_database, help="The file to replace, or to make."
    ),
]
EvenInUse = Annotated[
    bool,
    typer.Option(
        "--even-in-use",
        envvar="LOAD_EVEN_IN_USE",
        help="Replace it even while another process has it open; what that writes is lost.",
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        envvar="ANALYTICS_OUTPUT",
        help="Where to publish: a folder or s3://bucket/prefix. Default: ANALYTICS_BUCKET.",
    ),
]
Published = Annotated[
    str | None, typer.Option("--from", envvar="ANALYTICS_OUTPUT", help=f"{_FROM_HELP} Default: out")
]
Bucket = Annotated[
    str | None,
    typer.Option("--bucket", envvar="ANALYTICS_BUCKET", help="A bucket, when no place is named."),
]
CostOption = Annotated[
    Cost,
    typer.Option(
        "--cost",
        envvar="ANALYTICS_COST",
        help="What a swap costs: learned from what else is in the glass, by the site's first"
        " algorithm (reference), or by the distance in the hierarchy of ingredients (tree).",
    ),
]
VolumesOption = Annotated[
    Volumes | None,
    typer.Option(
        "--volumes",
        envvar="ANALYTICS_VOLUMES",
        help="How much a piece is: always 1 ml (site), or its usual size (poured). Default: poured"
        " with the learned cost, else site.",
    ),
]
Neighbors = Annotated[
    int,
    typer.Option(
        "--neighbors", envvar="ANALYTICS_NEIGHBORS", min=0, max=1000, help="Neighbors per recipe."
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", envvar="ANALYTICS_SEED", min=0, max=2**32 - 1, help="Same seed, same map."
    ),
]
Threads = Annotated[
    int | None,
    typer.Option("--threads", envvar="ANALYTICS_THREADS", min=1, help="Default: all cores."),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        envvar="ANALYTICS_WORKSPACE",
        help="Keep finished stages here (a folder or s3://…), so that a retry goes on from them.",
    ),
]
Scratch = Annotated[
    Path | None,
    typer.Option(
        "--scratch", envvar="ANALYTICS_SCRATCH", help="Folder for the snapshot of the database."
    ),
]
Page = Annotated[
    bool, typer.Option("--page/--no-page", envvar="ANALYTICS_PAGE", help="Publish the page too.")
]
KeepRuns = Annotated[
    int,
    typer.Option(
        "--keep-runs", envvar="ANALYTICS_KEEP_RUNS", min=2, help="Runs that stay in the output."
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        envvar="ANALYTICS_FORCE",
        help="Publish also what differs so much that the earlier set would stay (exit 5).",
    ),
]
Shards = Annotated[
    int,
    typer.Option(
        "--shards", envvar="ANALYTICS_SHARDS", min=1, help="Machines that search for neighbors."
    ),
]
ShardMinutes = Annotated[
    float | None,
    typer.Option(
        "--shard-minutes",
        envvar="ANALYTICS_SHARD_MINUTES",
        min=0.01,
        help="Use fewer machines, so that each searches for about this many minutes.",
    ),
]
Index = Annotated[
    int,
    typer.Option(
        "--index",
        envvar=["AWS_BATCH_JOB_ARRAY_INDEX", "ANALYTICS_SHARD_INDEX"],
        min=0,
        help="Which shard, from 0.",
    ),
]
NewPlan = Annotated[
    str | None,
    typer.Option("--plan", envvar="ANALYTICS_PLAN", help="The plan's id. Default: a new one."),
]
PlanId = Annotated[
    str | None,
    typer.Option("--plan", envvar="ANALYTICS_PLAN", help="Which plan. Default: the latest."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="Compute here what shards did not leave.")
]
FixSql = Annotated[
    str | None,
    typer.Option(
        "--fix-sql",
        help="Write SQL for what is certain into this file, to be read and run by you (only for"
        " the layout cocktaildb); - is standard output.",
    ),
]
Title = Annotated[str, typer.Option(help="What the page is called.")]
RecipeUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where recipes are on the site, as https://example.com/cocktails/{id}; {name} is"
        " the name as addresses have it.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
