"""Commands about a database: what is wrong with it, written otherwise, put in place, a sample."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from analytics_core.cli.common import counted, for_example, print_json
from analytics_core.console import options
from analytics_core.console.logs import JsonLog
from analytics_core.console.run import running
from analytics_core.console.streams import harmless
from analytics_core.source.scratch import temporary

commands = typer.Typer()


@commands.command(epilog=for_example("validate --db site.db --json"))
def validate(
    db: options.Database,
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    volumes: options.VolumesOption = None,
    scratch: options.Scratch = None,
    as_json: options.AsJson = False,
    fix_sql: options.FixSql = None,
) -> None:
    """Show what is wrong with a database; exit 0 when it is usable, 3 when not."""
    with running("validate"), temporary(scratch) as folder:
        from analytics_core.console.files import STDOUT, require_writable, write_file
        from analytics_core.console.terminal import Output, findings_text
        from analytics_core.doctor import examine
        from analytics_core.doctor.instructions import read_instructions
        from analytics_core.doctor.sql import SITE_LAYOUT, repairs
        from analytics_core.similarity.hierarchy import IngredientTree
        from analytics_core.similarity.mixture import build_mixtures
        from analytics_core.source.layouts import load_catalog, read_as, take_copy
        from analytics_core.store.s3 import fetch

        if fix_sql is not None:
            require_writable(fix_sql)
        snapshot = take_copy(db, folder, layout=layout, fetch=fetch)
        catalog = load_catalog(
            snapshot,
            called=db,
            volumes="site" if volumes is options.Volumes.site else "poured",
            layout=layout,
            bar=bar,
        )
        tree = IngredientTree.from_ingredients(catalog.ingredients)
        findings = [
            *catalog.findings,
            *examine(
                catalog,
                tree,
                build_mixtures(catalog, tree),
                instructions=read_instructions(snapshot),
            ),
        ]
        if fix_sql is not None:
            if catalog.layout != SITE_LAYOUT:
                raise typer.BadParameter(
                    f"--fix-sql is for the layout {SITE_LAYOUT}, and {db} has {catalog.layout}"
                )
            write_file(fix_sql, repairs(snapshot, called=db).encode(errors="replace"))
            if fix_sql == STDOUT:
                return
        recipes, ingredients = len(catalog.recipes.names), len(catalog.ingredients.names)
        if as_json:
            print_json(
                {
                    "layout": catalog.layout,
                    "bar": catalog.bar or None,
                    "recipes": recipes,
                    "ingredients": ingredients,
                    "findings": [finding.as_row() for finding in findings],
                }
            )
            return
        out = Output(highlight=False)
        if findings:
            out.print(findings_text(findings))
        out.print(
            f"usable: {counted(recipes, 'recipe')}, {counted(ingredients, 'ingredient')};"
            f" {counted(len(findings), 'finding') if findings else 'no findings'};"
            f" {read_as(catalog)}"
        )


@commands.command(epilog=for_example("convert database.ba3.sqlite site.db --bar home"))
def convert(
    source: Annotated[
        str,
        typer.Argument(
            help="The database of any layout: a path or s3://….",
            metavar="SOURCE",
            callback=options.plain_scheme,
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="TARGET")],
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    scratch: options.Scratch = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a database of any layout in our own, which refreshes to the same neighbors."""
    with running("convert"), temporary(scratch) as folder:
        from analytics_core.source.conversion import refuse, write_catalog
        from analytics_core.source.layouts import load_catalog, read_as, take_copy
        from analytics_core.store.s3 import fetch

        if target.exists() and Path(source).exists() and target.samefile(source):
            raise typer.BadParameter(f"{target} is the source itself; write another file")
        refuse(target, overwrite=force)
        copy = take_copy(source, folder, layout=layout, fetch=fetch)
        catalog = load_catalog(copy, called=source, layout=layout, bar=bar)
        write_catalog(catalog, target, overwrite=force)
        for finding in catalog.findings:
            typer.echo(f"warning: {harmless(finding.message)}", err=True)
        typer.echo(
            f"{target}: {counted(len(catalog.recipes.names), 'recipe')},"
            f" {counted(len(catalog.ingredients.names), 'ingredient')}; {read_as(catalog)}"
        )


@commands.command(epilog=for_example("load --source s3://bucket/incoming/site.db --db site.db"))
def load(
    source: options.Upload,
    db: options.Target,
    even_in_use: options.EvenInUse = False,
    layout: options.Layout = "auto",
    bar: options.Bar = None,
) -> None:
    """Put a database uploaded to S3 in a file's place, as a whole, and remove the upload.

    The whole upload is read before anything changes, and must be usable. It may be run again after
    any end.
    """
    if "://" in db:
        raise typer.BadParameter(f"{db} is no file; a database in S3 is put there without a load")
    with running("load") as run:
        from analytics_core.load import load_database

        def on_step(step: str, facts: Mapping[str, Any]) -> None:
            if run.terminal:
                typer.echo(f"{step}: {', '.join(f'{facts[key]} {key}' for key in facts)}", err=True)
            else:
                run.log.write(f"load.{step}", **facts)

        loaded = load_database(
            source, db, even_in_use=even_in_use, layout=layout, bar=bar, on_step=on_step
        )
        already = loaded.catalog is None
        left = loaded.upload_left and f"the upload is still there: {loaded.upload_left}"
        if sys.stdout.isatty():
            typer.echo(f"{db} is in place{' since an earlier run' if already else ''}")
            if left:
                typer.echo(f"warning: {left}", err=True)
        else:
            level = "warning" if left else "info"
            facts = {"path": db, "already": already} | ({"message": left} if left else {})
            JsonLog(sys.stdout).write("load.finished", level=level, **facts)


@commands.command("sample-db", epilog=for_example("sample-db big.db --recipes 20000"))
def sample_db(
    path: Annotated[Path, typer.Argument(help="The file to write.")],
    recipes: Annotated[
        int | None,
        typer.Option("--recipes", min=0, help="How many; beyond the real ones, variations."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same database.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write the sample database: real cocktails in the site's schema."""
    with running("sample-db"):
        from analytics_core.sample import write_sample_database

        write_sample_database(path, recipes=recipes, seed=seed, overwrite=force)
        typer.echo(str(path))
