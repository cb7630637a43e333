"""The command line: a thin shell around the library.

Nothing numeric is imported before a command needs it, so that ``--help`` answers at once.
Results go to standard output, progress and errors to standard error; the exit codes are
those of `analytics_core.errors`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analytics_core import __version__
from analytics_core.console import options
from analytics_core.console.logs import JsonLog
from analytics_core.console.run import Run, make_folder, running
from analytics_core.console.streams import (
    drop_stdout,
    escaped,
    flush_stdout,
    harmless,
    make_readable,
    shows_unicode,
    unwritable,
)
from analytics_core.errors import (
    EXIT_TRY_AGAIN,
    AnalyticsError,
    Interrupted,
    NotFound,
    StorageError,
)
from analytics_core.provenance import new_run_id

if TYPE_CHECKING:
    from analytics_core.publishing import RefreshResult
    from analytics_core.settings import RefreshSettings
    from analytics_core.store import Storage

app = typer.Typer(
    name="analytics-core",
    help="Exact similarity analytics for a cocktail recipe database.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _for_example(command: str) -> str:
    return f"For example: analytics-core {command}"


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(epilog=_for_example("demo --output out"))
def demo(
    output: Annotated[
        str, typer.Option("--output", envvar="ANALYTICS_OUTPUT", help="Where to publish.")
    ] = "out",
    cost: options.CostOption = options.Cost.learned,
    volumes: options.VolumesOption = None,
    neighbors: options.Neighbors = 10,
    seed: options.Seed = 42,
    threads: options.Threads = None,
    force: options.Force = False,
    as_json: options.AsJson = False,
) -> None:
    """Build the sample database, run the whole refresh on it, and say where to look."""
    with running("demo") as run, _temporary(None) as folder:
        from analytics_core.sample import write_sample_database

        storage = _open(output)
        database = folder / "sample.db"
        write_sample_database(database)
        settings = _settings(cost, volumes, neighbors, seed, threads, force=force)
        result = _refresh(run, str(database), storage, settings, scratch=folder)
        if as_json:
            _print_json(result.manifest)
        else:
            _print_summary(storage, result)


@app.command(epilog=_for_example("refresh --db site.db --output s3://bucket"))
def refresh(
    db: options.Database,
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    output: options.Output = None,
    bucket: options.Bucket = None,
    cost: options.CostOption = options.Cost.learned,
    volumes: options.VolumesOption = None,
    neighbors: options.Neighbors = 10,
    seed: options.Seed = 42,
    threads: options.Threads = None,
    workspace: options.Workspace = None,
    scratch: options.Scratch = None,
    page: options.Page = True,
    keep_runs: options.KeepRuns = 10,
    force: options.Force = False,
) -> None:
    """Read a database, compute everything, and publish it as one set."""
    place = _place(output, bucket)
    with running("refresh") as run:
        storage = _open(place)
        settings = _settings(
            cost,
            volumes,
            neighbors,
            seed,
            threads,
            page=page,
            keep_runs=keep_runs,
            force=force,
            layout=layout,
            bar=bar,
        )
        cache = _open(workspace) if workspace else None
        result = _refresh(run, db, storage, settings, cache=cache, scratch=scratch)
        searched = [
            stage["seconds"]
            for stage in result.timings
            if stage["name"] == "neighbors" and not stage["reused"]
        ]
        _report(storage, result, search_seconds=searched[0] if searched else None)


@app.command(epilog=_for_example("plan --db site.db --workspace s3://bucket/work --shards 8"))
def plan(
    db: options.Database,
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    output: options.Output = None,
    bucket: options.Bucket = None,
    cost: options.CostOption = options.Cost.learned,
    volumes: options.VolumesOption = None,
    neighbors: options.Neighbors = 10,
    seed: options.Seed = 42,
    threads: options.Threads = None,
    workspace: options.Workspace = None,
    scratch: options.Scratch = None,
    page: options.Page = True,
    keep_runs: options.KeepRuns = 10,
    force: options.Force = False,
    shards: options.Shards = 2,
    shard_minutes: options.ShardMinutes = None,
    plan_id: options.NewPlan = None,
) -> None:
    """Begin a refresh that many machines share: read the database and learn the cost."""
    place = workspace or _place(output, bucket)
    with running("plan") as run:
        from analytics_core import pipeline

        cache = _open(place)
        settings = _settings(
            cost,
            volumes,
            neighbors,
            seed,
            threads,
            page=page,
            keep_runs=keep_runs,
            force=force,
            layout=layout,
            bar=bar,
        )
        run.log.run_id = _plan_id(plan_id) or new_run_id()
        made = run.follow(
            lambda on_event: pipeline.plan(
                db,
                cache,
                settings=settings,
                shards=shards,
                shard_minutes=shard_minutes,
                scratch=scratch,
                on_event=on_event,
                run_id=run.log.run_id,
            ),
            cache=cache,
            scratch=scratch,
        )
        _done(
            run,
            f"plan {made.run_id}: {made.rows} recipes in {made.shards} shards, kept in {cache.url}",
            rows=made.rows,
            shards=made.shards,
            search_seconds=made.search_seconds,
        )


@app.command(epilog=_for_example("shard --workspace s3://bucket/work --index 3"))
def shard(
    index: options.Index,
    output: options.Output = None,
    bucket: options.Bucket = None,
    threads: options.Threads = None,
    workspace: options.Workspace = None,
    plan_id: options.PlanId = None,
) -> None:
    """Do one shard of a plan: find the neighbors of its recipes."""
    place = workspace or _place(output, bucket)
    with running("shard") as run:
        from analytics_core import pipeline

        cache = _open(place)
        plan = pipeline.read_plan(cache, _plan_id(plan_id))
        run.log.run_id = plan.run_id
        if index >= plan.most:
            raise typer.BadParameter(f"the plan has shards 0 to {plan.shards - 1}, no {index}")
        if index >= plan.shards:
            _done(run, f"the plan needs {plan.shards} shards only; {index} has nothing to do")
            return
        run.follow(
            lambda on_event: pipeline.shard(plan, cache, index, threads=threads, on_event=on_event),
            cache=cache,
        )
        begin, end = plan.spans[index]
        _done(run, f"shard {index}: recipes {begin + 1} to {end}", index=index, rows=end - begin)


@app.command(epilog=_for_example("finish --workspace s3://bucket/work --output s3://bucket"))
def finish(
    output: options.Output = None,
    bucket: options.Bucket = None,
    threads: options.Threads = None,
    workspace: options.Workspace = None,
    force: options.Force = False,
    plan_id: options.PlanId = None,
    complete: options.Complete = False,
) -> None:
    """End the refresh of a plan: put its shards together and publish."""
    place = _place(output, bucket)
    with running("finish") as run:
        from analytics_core import pipeline

        storage = _open(place)
        cache = _open(workspace) if workspace else storage
        wanted = _plan_id(plan_id)
        try:
            plan = pipeline.read_plan(cache, wanted)
        except NotFound:
            before = pipeline.finished_before(storage, wanted) if wanted else None
            if before is None:
                raise
            run.log.run_id = wanted
            _report(storage, before)
            return
        run.log.run_id = plan.run_id
        result = run.publish(
            lambda on_event: pipeline.finish(
                plan,
                cache,
                storage,
                threads=threads,
                force=force,
                complete=complete,
                on_event=on_event,
            ),
            cache=cache,
        )
        _report(storage, result, search_seconds=plan.search_seconds)


def _plan_id(given: str | None) -> str | None:
    from analytics_core import pipeline

    try:
        return None if given is None else pipeline.checked_id(given)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _done(run: Run, sentence: str, **facts: Any) -> None:
    """Say what a step did: in words on a terminal, in one line otherwise."""
    if sys.stdout.isatty():
        typer.echo(sentence)
    else:
        JsonLog(sys.stdout, run.log.run_id).write(
            f"{run.command}.finished", message=sentence, **facts
        )


@app.command(epilog=_for_example("validate --db site.db --json"))
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
    with running("validate"), _temporary(scratch) as folder:
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
            _print_json(
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
            f"usable: {recipes} recipes, {ingredients} ingredients;"
            f" {len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'};"
            f" {read_as(catalog)}"
        )


@app.command(epilog=_for_example("convert database.ba3.sqlite site.db --bar home"))
def convert(
    source: Annotated[
        str, typer.Argument(help="The database of any layout: a path or s3://….", metavar="SOURCE")
    ],
    target: Annotated[Path, typer.Argument(help="The file to write.", metavar="TARGET")],
    layout: options.Layout = "auto",
    bar: options.Bar = None,
    scratch: options.Scratch = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a database of any layout in our own, which refreshes to the same neighbors."""
    with running("convert"), _temporary(scratch) as folder:
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
            f"{target}: {len(catalog.recipes.names)} recipes,"
            f" {len(catalog.ingredients.names)} ingredients; {read_as(catalog)}"
        )


@app.command(epilog=_for_example("load --source s3://bucket/incoming/site.db --db site.db"))
def load(
    source: options.Upload,
    db: options.Target,
    even_in_use: options.EvenInUse = False,
    layout: options.Layout = "auto",
    bar: options.Bar = None,
) -> None:
    """Put a database uploaded to S3 in a file's place, as a whole, and remove the upload.

    The upload is checked as `validate` does before anything changes. It may be run again after
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


@app.command(epilog=_for_example("neighbors Negroni --from out -n 5"))
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

        documents = _documents(source, bucket, needed="recipe-similar")
        entries = find_recipes(documents, name, recipe_id)
        shown = count or 10
        if as_json:
            if len(entries) > 1:
                ids = " or ".join(f"--id {entry['recipe_id']}" for entry in entries)
                raise typer.BadParameter(f"{len(entries)} recipes have this name; choose {ids}")
            _print_json(entries[0] | {"neighbors": entries[0]["neighbors"][:shown]})
        else:
            out = Output(highlight=False)
            if len(entries) > 1:
                out.print(f"{len(entries)} recipes have this name; --id shows one of them.\n")
            for entry in entries:
                out.print(neighbors_table(documents, int(entry["recipe_id"]), count=shown))
        listed = min(len(entry["neighbors"]) for entry in entries)
        if count and listed < min(count, len(documents["recipe-similar"]["data"]) - 1):
            run.note(
                "fewer",
                f"{listed} neighbors are published for each recipe; refresh with"
                f" --neighbors {count} to have more",
            )


@app.command("map", epilog=_for_example("map --from out"))
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
        documents = _documents(source, bucket, needed=kind)
        out = Output(highlight=False)
        height = max(out.height - 6, 18) if out.is_terminal else 30
        drawing, legend = draw_map(
            documents, kind=kind, width=out.width, height=height, labels=labels
        )
        out.print(drawing, end="")
        out.print(legend)


@app.command(epilog=_for_example("report --from out --output page.html --open"))
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
) -> None:
    """Make the page of a published set: one file that needs no server."""
    with running("report"):
        import webbrowser

        from analytics_core.console.files import STDOUT, require_writable, write_file
        from analytics_core.report import Site, render
        from analytics_core.report.page import site_block

        if show and output == STDOUT:
            raise typer.BadParameter("--open needs a file; name one with --output")
        site = Site(title, recipe_url, logo)
        try:
            site_block(site)  # what is wrong with it is said before anything is read
        except AnalyticsError as wrong:
            raise typer.BadParameter(str(wrong)) from None
        require_writable(output)
        page = render(_documents(source, bucket, needed="manifest"), site)
        write_file(output, page.encode(errors="replace"))
        if output == STDOUT:
            return
        target = Path(output).absolute()
        typer.echo(str(target))
        if show and not webbrowser.open(target.as_uri()):
            raise StorageError(f"no browser was found to show {target}; open it by hand")


@app.command(
    epilog=_for_example("site --from out --output site --base-url https://example.com/drinks/")
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
            help="Where the pages will stand on the web. Only with it are there canonical links"
            " and a sitemap.",
        ),
    ] = None,
) -> None:
    """Write a page for each drink and ingredient, for search engines and without scripts."""
    with running("site") as run:
        from analytics_core.report.page import Site
        from analytics_core.site.content import NEEDED, check_site
        from analytics_core.site.making import write_site
        from analytics_core.store import read_published
        from analytics_core.store.publish import ROOT

        described = Site(title, recipe_url)
        try:
            check_site(described, base_url)
        except AnalyticsError as wrong:
            raise typer.BadParameter(str(wrong)) from None
        storage, published = _open(output), _open(source or _bucket_url(bucket) or "out")
        documents = read_published(published, kinds=NEEDED)
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
            f"{storage.url}: {written.files} files; {written.written} written,"
            f" {written.unchanged} unchanged, {written.removed} removed"
        )


@app.command(epilog=_for_example("mcp --from s3://bucket"))
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
        serve(_open(source or _bucket_url(bucket) or "out"))


@app.command("sample-db", epilog=_for_example("sample-db big.db --recipes 20000"))
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


@app.command(epilog=_for_example("health"))
def health() -> None:
    """Prove that the numeric libraries load and compute; exit 0 when they do."""
    with running("health"):
        from analytics_core.console.health import check

        for line in check():
            typer.echo(line)


@contextlib.contextmanager
def _temporary(scratch: Path | None) -> Iterator[Path]:
    if scratch is not None:
        make_folder(scratch)
    with tempfile.TemporaryDirectory(prefix="analytics-", dir=scratch) as folder:
        yield Path(folder)


def _place(output: str | None, bucket: str | None) -> str:
    """Return where to publish."""
    place = output or _bucket_url(bucket)
    if place is None:
        raise typer.BadParameter("name a place: --output, ANALYTICS_OUTPUT or ANALYTICS_BUCKET")
    return place


def _refresh(
    run: Run,
    database: str,
    storage: Storage,
    settings: RefreshSettings,
    *,
    cache: Storage | None = None,
    scratch: Path | None = None,
) -> RefreshResult:
    from analytics_core import pipeline

    run.log.run_id = new_run_id()
    return run.publish(
        lambda on_event: pipeline.refresh(
            database,
            storage,
            settings=settings,
            cache=cache,
            scratch=scratch,
            on_event=on_event,
            run_id=run.log.run_id,
        ),
        cache=cache or storage,
        scratch=scratch,
    )


def _settings(
    cost: options.Cost,
    volumes: options.Volumes | None,
    neighbors: int,
    seed: int,
    threads: int | None,
    *,
    page: bool = True,
    keep_runs: int = 10,
    force: bool = False,
    layout: str = "auto",
    bar: str | None = None,
) -> RefreshSettings:
    from analytics_core.settings import RefreshSettings

    return RefreshSettings(
        cost=cost.value,
        volumes=volumes.value if volumes else None,
        neighbors=neighbors,
        seed=seed,
        threads=threads,
        page=page,
        keep_runs=keep_runs,
        force=force,
        layout=layout,
        bar=bar or None,
    )


def _bucket_url(bucket: str | None) -> str | None:
    if not bucket:
        return None
    return bucket if "://" in bucket else f"s3://{bucket}"


def _open(location: str) -> Storage:
    from analytics_core.store import open_storage

    if "://" in location and not location.startswith("s3://"):
        raise typer.BadParameter(f"{location}: use a folder or s3://bucket/prefix")
    return open_storage(location)


def _documents(source: str | None, bucket: str | None, *, needed: str) -> dict[str, dict[str, Any]]:
    from analytics_core.store import read_published

    storage = _open(source or _bucket_url(bucket) or "out")
    documents = read_published(storage)
    if needed not in documents:
        raise StorageError(
            f"the set published at {storage.url} has no {needed}; run a refresh with this version"
        )
    return documents


def _print_json(value: object) -> None:
    text = json.dumps(value, ensure_ascii=not shows_unicode(), indent=1)
    typer.echo(escaped(text))


def _report(
    storage: Storage, result: RefreshResult, *, search_seconds: float | None = None
) -> None:
    """Say what a run did: in words on a terminal, in one line otherwise.

    That line tells how long one machine takes to search for neighbors, where it is known, so
    that whoever submits the next refresh knows how many to ask for.
    """
    if sys.stdout.isatty():
        _print_summary(storage, result, recipes=0)
        return
    compared = result.manifest["compared"]
    JsonLog(sys.stdout, result.run_id).write(
        "refresh.finished",
        seconds=round(result.seconds, 3),
        output=storage.url,
        counts=result.manifest.get("counts"),
        warnings=len(result.manifest.get("warnings", ())),
        search_seconds=search_seconds,
        changed=compared["words"] if compared["figures"] else None,  # there was an earlier set
    )


def _print_summary(storage: Storage, result: RefreshResult, *, recipes: int = 3) -> None:
    from analytics_core.console.terminal import (
        Output,
        familiar_recipes,
        neighbors_table,
        stages_table,
    )
    from analytics_core.store import read_published
    from analytics_core.store.publish import ROOT

    out = Output(highlight=False, soft_wrap=True)
    manifest = result.manifest
    database = manifest["database"]
    out.print(
        f"\n{database['recipes']} recipes, {database['ingredients']} ingredients,"
        f" {database['lines']} lines; {len(manifest['documents'])} documents"
        f" in {result.seconds:.1f} s\n"
    )
    out.print(stages_table(result.timings))
    for finding in manifest["warnings"]:
        out.print(f"finding: {finding['message']}", markup=False)
    if manifest["compared"]["figures"]:  # there was an earlier set
        out.print(f"changed: {manifest['compared']['words']}", markup=False)
    if recipes:
        documents = read_published(storage)
        for recipe_id in familiar_recipes(documents, count=recipes):
            out.print()
            out.print(neighbors_table(documents, recipe_id, count=3))
    out.print(f"\nDocuments  {storage.url}/{ROOT}/", markup=False)
    if "report.html" in manifest.get("extras", {}):
        out.print(f"Page       {storage.url}/{ROOT}/report.html", markup=False)


def main() -> None:
    """Run the command line; the entry point of ``analytics-core``."""
    make_readable()
    code: Any = 0
    try:
        app(prog_name="analytics-core")
    except SystemExit as leaving:
        code = leaving.code
    except Interrupted as error:  # between two commands' own ways of stopping
        code = _say(error)
    except OSError as error:  # a --help that found no place
        code = _say(unwritable(error))
    try:
        flush_stdout()
    except BrokenPipeError:
        drop_stdout()
    except StorageError as error:
        code = _say(error)
    if code == EXIT_TRY_AGAIN:
        sys.stderr.flush()
        os._exit(EXIT_TRY_AGAIN)  # do not wait for worker threads: time is running out
    sys.exit(code)


def _say(error: AnalyticsError | Interrupted) -> int:
    """Say in one line what went wrong outside of every command."""
    if sys.stderr.isatty():
        typer.echo(f"error: {error}", err=True)
    else:
        event = "interrupted" if isinstance(error, Interrupted) else "failed"
        JsonLog().failure(event, error, with_traceback=False)
    return error.exit_code
