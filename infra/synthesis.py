"""From the environments to checked templates; `app.py` calls `main`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra import preflight
from infra.analytics_stack import AnalyticsStack
from infra.environments import InvalidEnvironment, environments_from


def build(app: App, *, nag: bool = True) -> dict[str, AnalyticsStack]:
    """Make one stack an environment.

    Parameters
    ----------
    app
        Its context `environments` overrides the defaults.
    nag
        Check against cdk-nag's AwsSolutions pack at synthesis.

    Returns
    -------
    dict
        Stack by environment name.
    """
    environments = environments_from(app.node.try_get_context("environments"))
    stacks = {
        name: AnalyticsStack(app, environment.stack_name, environment=environment)
        for name, environment in environments.items()
    }
    if nag:
        Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stacks


def main(context: Mapping[str, object] | None = None) -> None:
    """Synthesize, or end with status 1 and one sentence a trouble."""
    app = App(context=dict(context) if context else None)
    try:
        build(app)
    except InvalidEnvironment as error:
        sys.exit(f"error: {error}")
    assembly = app.synth()
    troubles = preflight.check_assembly(Path(assembly.directory))
    if troubles:
        sys.exit("\n".join(["error: AWS would refuse this, or hang:", *map(str, troubles)]))
