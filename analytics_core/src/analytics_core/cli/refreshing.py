"""Commands that refresh, on one machine or in steps on many, and say whether this one can."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from analytics_core.cli.common import (
    Chosen,
    bucket_url,
    counted,
    for_example,
    open_place,
    print_json,
    takes_settings,
)
from analytics_core.console import options
from analytics_core.console.logs import JsonLog
from analytics_core.console.run import Run, running
from analytics_core.errors import NotFound
from analytics_core.provenance import new_run_id
from analytics_core.source.scratch import temporary

if TYPE_CHECKING:
    from analytics_core.publishing import RefreshResult
    from analytics_core.settings import RefreshSettings
    from analytics_core.store import Storage

commands = typer.Typer()


@commands.command(epilog=for_example("demo --output out"))
@takes_settings("cost", "volumes", "neighbors", "seed", "threads", "force")
def demo(
    settings: Chosen,
    output: Annotated[
        str, typer.Option("--output", envvar="ANALYTICS_OUTPUT", help="Where to publish.")
    ] = "out",
    as_json: options.AsJson = False,
) -> None:
    """Build the sample database, run the whole refresh on it, and say where to look."""
    with running("demo") as run, temporary(None) as folder:
        from analytics_core.sample import write_sample_database

        storage = open_place(output)
        database = folder / "sample.db"
        write_sample_database(database)
        result = _refresh(run, str(database), storage, settings(), scratch=folder)
        if as_json:
            print_json(result.manifest)
        else:
            _print_summary(storage, result)


@commands.command(epilog=for_example("refresh --db site.db --output s3://bucket"))
@takes_settings()
def refresh(
    db: options.Database,
    settings: Chosen,
    output: options.Output = None,
    bucket: options.Bucket = None,
    workspace: options.Workspace = None,
    scratch: options.Scratch = None,
) -> None:
    """Read a database, compute everything, and publish it as one set."""
    place = _place(output, bucket)
    with running("refresh") as run:
        storage = open_place(place)
        cache = open_place(workspace) if workspace else None
        result = _refresh(run, db, storage, settings(), cache=cache, scratch=scratch)
        searched = [
            stage["seconds"]
            for stage in result.timings
            if stage["name"] == "neighbors" and not stage["reused"]
        ]
        _report(storage, result, search_seconds=searched[0] if searched else None)


@commands.command(epilog=for_example("plan --db site.db --workspace s3://bucket/work --shards 8"))
@takes_settings()
def plan(
    db: options.Database,
    settings: Chosen,
    output: options.Output = None,
    bucket: options.Bucket = None,
    workspace: options.Workspace = None,
    scratch: options.Scratch = None,
    shards: options.Shards = 2,
    shard_minutes: options.ShardMinutes = None,
    plan_id: options.NewPlan = None,
) -> None:
    """Begin a refresh that many machines share: read the database and learn the cost."""
    place = workspace or _place(output, bucket)
    with running("plan") as run:
        from analytics_core import pipeline

        cache, wanted = open_place(place), settings()
        run.log.run_id = _plan_id(plan_id) or new_run_id()
        made = run.follow(
            lambda on_event: pipeline.plan(
                db,
                cache,
                settings=wanted,
                shards=shards,
                shard_minutes=shard_minutes,
                scratch=scratch,
                on_event=on_event,
                run_id=run.log.run_id,
            ),
            cache=cache,
        )
        _done(
            run,
            f"plan {made.run_id}: {counted(made.rows, 'recipe')} in"
            f" {counted(made.shards, 'shard')}, kept in {cache.url}",
            rows=made.rows,
            shards=made.shards,
            search_seconds=made.search_seconds,
        )


@commands.command(epilog=for_example("shard --workspace s3://bucket/work --index 3"))
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

        cache = open_place(place)
        plan = pipeline.read_plan(cache, _plan_id(plan_id))
        run.log.run_id = plan.run_id
        if index >= plan.most:
            raise typer.BadParameter(f"the plan has shards 0 to {plan.shards - 1}, no {index}")
        if index >= plan.shards:
            _done(
                run,
                f"the plan needs {counted(plan.shards, 'shard')} only; {index} has nothing to do",
            )
            return
        run.follow(
            lambda on_event: pipeline.shard(plan, cache, index, threads=threads, on_event=on_event),
            cache=cache,
        )
        begin, end = plan.spans[index]
        _done(run, f"shard {index}: recipes {begin + 1} to {end}", index=index, rows=end - begin)


@commands.command(epilog=for_example("finish --workspace s3://bucket/work --output s3://bucket"))
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

        storage = open_place(place)
        cache = open_place(workspace) if workspace else storage
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


@commands.command(epilog=for_example("health"))
def health() -> None:
    """Prove that the numeric libraries load and compute; exit 0 when they do."""
    with running("health"):
        from analytics_core.console.health import check

        for line in check():
            typer.echo(line)


def _place(output: str | None, bucket: str | None) -> str:
    """Return where to publish."""
    place = output or bucket_url(bucket)
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
    )


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
    from analytics_core.store.publish import ROOT
    from analytics_core.store.ranges import read_chosen

    out = Output(highlight=False, soft_wrap=True)
    manifest = result.manifest
    database = manifest["database"]
    out.print(
        f"\n{counted(database['recipes'], 'recipe')},"
        f" {counted(database['ingredients'], 'ingredient')}, {counted(database['lines'], 'line')};"
        f" {counted(len(manifest['documents']), 'document')}"
        f" in {result.seconds:.1f} s\n"
    )
    out.print(stages_table(result.timings))
    for finding in manifest["warnings"]:
        out.print(f"finding: {finding['message']}", markup=False)
    if manifest["compared"]["figures"]:  # there was an earlier set
        out.print(f"changed: {manifest['compared']['words']}", markup=False)
    if recipes:
        names, rows = read_chosen(storage, partial(familiar_recipes, count=recipes))
        for row in rows:
            out.print()
            out.print(neighbors_table(row, names, count=3))
    out.print(f"\nDocuments  {storage.url}/{ROOT}/", markup=False)
    if "report.html" in manifest.get("extras", {}):
        out.print(f"Page       {storage.url}/{ROOT}/report.html", markup=False)
