"""Commands that look at a published set, or make something else of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from analytics_core.cli.common import (
    counted,
    documents_of,
    for_example,
    open_place,
    print_json,
    published_in,
)
from analytics_core.console import options
from analytics_core.console.run import running
from analytics_core.errors import AnalyticsError, StorageError

commands = typer.Typer()


@commands.command(epilog=for_example("neighbors Negroni --from out -n 5"))
def neighbors(
    name: Annotated[
        str | None, typer.Argument(help="A recipe's name; case, accents and quotes do not matter.")
    ] = None,
    source: options.Published = None,
    bucket: options.Bucket = None,
    recipe_id: Annotated[
        int | None, typer.Option("--id", help="A recipe's id, where several have one name.")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="How many to show. Default: 10")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Show the recipes nearest to one, each with its swaps in words."""
    if name is None and recipe_id is None:
        raise typer.BadParameter("name a recipe, or give its --id")
    with running("neighbors") as run:
        from analytics_core.console.find import find_recipes
        from analytics_core.console.terminal import Output, neighbors_table
        from analytics_core.store.ranges import read_chosen

        names, entries = read_chosen(
            published_in(source, bucket), lambda names: find_recipes(names, name, recipe_id)
        )
        shown = count or 10
        if as_json:
            if len(entries) > 1:
                ids = " or ".join(f"--id {entry['recipe_id']}" for entry in entries)
                raise typer.BadParameter(f"{len(entries)} recipes have this name; choose {ids}")
            print_json(entries[0] | {"neighbors": entries[0]["neighbors"][:shown]})
        else:
            out = Output(highlight=False)
            if len(entries) > 1:
                out.print(f"{len(entries)} recipes have this name; --id shows one of them.\n")
            for entry in entries:
                out.print(neighbors_table(entry, names, count=shown))
        listed = min(len(entry["neighbors"]) for entry in entries)
        if count and listed < min(count, len(names) - 1):
            run.note(
                "fewer",
                f"{listed} neighbors are published for each recipe; refresh with"
                f" --neighbors {count} to have more",
            )


@commands.command("map", epilog=for_example("map --from out"))
def show_map(
    source: options.Published = None,
    bucket: options.Bucket = None,
    manhattan: Annotated[
        bool, typer.Option("--manhattan", help="The map without the learned cost.")
    ] = False,
    labels: Annotated[bool, typer.Option(help="Names where there is room.")] = True,
) -> None:
    """Draw the map of all recipes in the terminal; near is similar."""
    with running("map"):
        from analytics_core.console.terminal import Output, draw_map

        kind = "cocktail-space" if manhattan else "cocktail-space-em"
        documents = documents_of(published_in(source, bucket), kind, "recipe-details")
        out = Output(highlight=False)
        height = max(out.height - 6, 18) if out.is_terminal else 30
        drawing, legend = draw_map(
            documents, kind=kind, width=out.width, height=height, labels=labels
        )
        out.print(drawing, end="")
        out.print(legend)


@commands.command(epilog=for_example("report --from out --output page.html --open"))
def report(
    source: options.Published = None,
    bucket: options.Bucket = None,
    output: Annotated[
        str, typer.Option("--output", help="The file to write; - is standard output.")
    ] = "report.html",
    show: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    title: options.Title = "Cocktail Atlas",
    recipe_url: options.RecipeUrl = None,
    logo: Annotated[
        Path | None, typer.Option(help="A picture to show in place of the title.")
    ] = None,
    picture: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Full address of the picture for link previews, such as the preview.png that"
            " `site` writes.",
        ),
    ] = None,
) -> None:
    """Make the page of a published set: one file that needs no server."""
    with running("report"):
        import webbrowser

        from analytics_core.console.files import STDOUT, require_writable, write_file
        from analytics_core.report import Site, render
        from analytics_core.report.page import site_block
        from analytics_core.report.payload import CHANGES, NEEDED
        from analytics_core.store import LocalStorage
        from analytics_core.store.publish import ROOT
        from analytics_core.store.ranges import read_lightly

        if show and output == STDOUT:
            raise typer.BadParameter("--open needs a file; name one with --output")
        site = Site(title, recipe_url, logo, picture)
        try:
            site_block(site)  # what is wrong with it is said before anything is read
        except AnalyticsError as wrong:
            raise typer.BadParameter(str(wrong)) from None
        storage = published_in(source, bucket)
        if isinstance(storage, LocalStorage):
            kept = Path(os.path.realpath(storage.folder / ROOT))
            if output != STDOUT and Path(os.path.realpath(output)).is_relative_to(kept):
                raise typer.BadParameter(
                    f"{output} belongs to the published set; write the page to another file"
                )
        require_writable(output)
        page = render(read_lightly(storage, (*NEEDED, CHANGES)), site)
        write_file(output, page.encode(errors="replace"))
        if output == STDOUT:
            return
        target = Path(output).absolute()
        typer.echo(str(target))
        if show and not webbrowser.open(target.as_uri()):
            raise StorageError(f"no browser was found to show {target}; open it by hand")


@commands.command(
    epilog=for_example("site --from out --output site --base-url https://example.com/drinks/")
)
def site(
    source: options.Published = None,
    bucket: options.Bucket = None,
    output: Annotated[
        str, typer.Option("--output", help="Where to: a folder or s3://bucket/prefix.")
    ] = "site",
    title: options.Title = "Cocktail Atlas",
    recipe_url: options.RecipeUrl = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where the pages will stand on the web. Only with it are there canonical links,"
            " a sitemap and a picture for previews.",
        ),
    ] = None,
) -> None:
    """Write a page for each drink and ingredient, for search engines and without scripts."""
    with running("site") as run:
        from analytics_core.report.page import Site
        from analytics_core.store import LocalStorage
        from analytics_core.store.publish import ROOT
        from analytics_core.store.ranges import read_lightly
        from analytics_core.website.content import NEEDED, check_site
        from analytics_core.website.making import write_site

        described = Site(title, recipe_url)
        try:
            check_site(described, base_url)
        except AnalyticsError as wrong:
            raise typer.BadParameter(str(wrong)) from None
        storage, published = open_place(output), published_in(source, bucket)
        if isinstance(storage, LocalStorage):
            storage.require_writable()  # before the set is read
        documents = read_lightly(published, NEEDED)
        beside = storage.url == published.url and "report.html" in documents["manifest"].get(
            "extras", {}
        )
        atlas = f"{ROOT}/report.html" if beside else None
        written = write_site(documents, storage, described, base_url=base_url, atlas=atlas)
        for key in written.left:
            run.note("left", f"{key} is needed no more, and stays: somebody else has changed it")
        if base_url is None:
            run.note("sitemap", "there is no sitemap without --base-url")
        typer.echo(
            f"{storage.url}: {counted(written.files, 'file')}; {written.written} written,"
            f" {written.unchanged} unchanged, {written.removed} removed"
        )


@commands.command(epilog=for_example("mcp --from s3://bucket"))
def mcp(source: options.Published = None, bucket: options.Bucket = None) -> None:
    """Answer an agent's questions about a published set, over the Model Context Protocol.

    It speaks on standard input and output, and only reads. It needs the package's extra mcp.
    """
    with running("mcp"):
        try:
            from analytics_core.answers.server import serve
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] not in {"mcp", "mcp_types", "pydantic"}:
                raise
            raise AnalyticsError(
                f"the package {missing.name} is not installed; install it with"
                " pip install 'analytics-core[mcp]'"
            ) from None
        serve(published_in(source, bucket))
