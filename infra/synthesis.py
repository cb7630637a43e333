"""From the environments to checked templates; `app.py` calls `main`."""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App

from infra import preflight
from infra.acknowledged import unexplained
from infra.analytics_stack import AnalyticsStack
from infra.environments import Environment, InvalidEnvironment
from infra.overrides import environments_from, smoke_from
from infra.templates import METADATA


def build(app: App) -> dict[str, Environment]:
    """Make one stack an environment.

    Parameters
    ----------
    app
        Its context `environments` overrides the defaults; with `smoke` a throwaway is made too.

    Returns
    -------
    dict
        Environment by name of its stack.

    Raises
    ------
    InvalidEnvironment
        When an override cannot be deployed.
    """
    environments = environments_from(app.node.try_get_context("environments"))
    smoke = app.node.try_get_context("smoke")
    if smoke is not None:
        environments["smoke"] = smoke_from(smoke)
    for environment in environments.values():
        AnalyticsStack(app, environment.stack_name, environment=environment)
    return {environment.stack_name: environment for environment in environments.values()}


def main() -> None:
    """Synthesize, or end with status 1 and one sentence a trouble."""
    app = App(post_cli_context=METADATA)
    try:
        environments = build(app)
    except InvalidEnvironment as error:
        sys.exit(f"error: {error}")
    assembly = app.synth()
    troubles = [
        *map(str, preflight.check_assembly(Path(assembly.directory), environments)),
        *unexplained(app)[0],
    ]
    if troubles:
        sys.exit("\n".join(["error: this would be refused, hang, or be unsafe:", *troubles]))
