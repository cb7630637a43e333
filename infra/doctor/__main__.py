"""Ask the AWS account what a deployment needs of it: `python -m infra.doctor dev`.

Read-only. Exit codes: 0 without trouble, 1 with, 2 wrong use.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import boto3
from botocore.exceptions import BotoCoreError

from infra.doctor.account import qualifier, settings
from infra.doctor.examination import examine
from infra.doctor.findings import Severity
from infra.doctor.report import as_json, as_text, count
from infra.environments import DEFAULTS, SMOKE
from infra.overrides import environments_from, smoke_from


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        context = settings()
        environments = environments_from(context.get("environments"))
        if options.environment == SMOKE.name:
            environments[SMOKE.name] = smoke_from(context.get("smoke"))
        session = boto3.Session(profile_name=options.profile)
    except (BotoCoreError, OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    # As the CDK does: AWS_REGION before AWS_DEFAULT_REGION, which is all that boto3 reads.
    region = options.region or os.environ.get("AWS_REGION") or session.region_name
    chosen = environments.pop(options.environment)
    found = examine(
        session,
        chosen,
        region=region,
        others=environments.values(),
        qualifier=qualifier(context),
    )
    show = as_json if options.json else as_text
    sys.stdout.write(show(chosen.name, found) + "\n")
    return 1 if count(found, Severity.TROUBLE) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.doctor",
        description="Ask the AWS account what a deployment needs of it, and why a deployed one "
        "hangs. Nothing is changed.",
        epilog="example: python -m infra.doctor prod --profile bar --region eu-west-1",
    )
    parser.add_argument("environment", choices=[*sorted(DEFAULTS), SMOKE.name])
    parser.add_argument("--profile", help="AWS profile; default: the environment's")
    parser.add_argument("--region", help="AWS region; default: AWS_REGION, or the profile's")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
