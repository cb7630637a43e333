"""Asking an AWS account: read-only calls, each made once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from infra.doctor.findings import trouble
from infra.doctor.refusals import Unanswered, explained, out_of_reach
from infra.environments import Environment

PATIENCE = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3}
)
"""Seconds. Botocore's own, a minute for each of five tries, look like a hang."""

READING = ("describe_", "get_", "head_", "list_", "simulate_")
SETTINGS = Path(__file__).resolve().parents[2] / "cdk.json"
DEFAULT_QUALIFIER = "hnb659fds"


def settings() -> dict[str, Any]:
    """Return the context of cdk.json.

    Raises
    ------
    ValueError
        It is no JSON.
    """
    try:
        content: dict[str, Any] = json.loads(SETTINGS.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{SETTINGS}: {error}") from None
    return dict(content.get("context", {}))


def qualifier(context: Mapping[str, Any]) -> str:
    """Return what the names of the CDK's bootstrap begin with."""
    return str(context.get("@aws-cdk/core:bootstrapQualifier", DEFAULT_QUALIFIER))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account in one region, as one principal sees it.

    Attributes
    ----------
    session
        A boto3 session of that principal.
    region
        Its region.
    number
        Twelve digits.
    arn
        Of the principal.
    qualifier
        Of the CDK's bootstrap.
    config
        How long to wait for AWS, and how often to ask.
    """

    session: boto3.Session
    region: str
    number: str
    arn: str
    qualifier: str = DEFAULT_QUALIFIER
    config: Config = PATIENCE
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _answers: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def partition(self) -> str:
        """`aws`, or what stands for it in China and GovCloud."""
        return self.arn.split(":")[1]

    def ask(
        self,
        service: str,
        operation: str,
        /,
        *,
        absent: Collection[str] = (),
        most: int | None = None,
        **arguments: Any,
    ) -> Any:
        """Call a read-only operation, all its pages; the same question is asked once.

        Parameters
        ----------
        service, operation
            As boto3 names them.
        absent
            Error codes by which AWS says that there is no such thing.
        most
            Items to stop at.
        arguments
            Of the operation.

        Returns
        -------
        dict or None
            The answer; None for one of `absent`.

        Raises
        ------
        Unanswered
            When AWS refuses, is too busy, or does not answer.
        """
        if not operation.startswith(READING):
            raise ValueError(f"{service} {operation} is no question")
        question = json.dumps([service, operation, arguments], sort_keys=True)
        answer = self._answers.get(service) or self._answers.get(question)
        if answer is None:
            try:
                answer = self._call(service, operation, arguments, most)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                answer = error
            # A service that was out of reach once is not waited for again.
            silent = isinstance(answer, Exception) and out_of_reach(answer)
            self._answers[service if silent else question] = answer
        if isinstance(answer, ClientError) and answer.response["Error"].get("Code") in absent:
            return None
        if isinstance(answer, BotoCoreError | ClientError | ResponseParserError):
            raise Unanswered(explained(answer, service, operation))
        return answer

    def _call(
        self, service: str, operation: str, arguments: dict[str, Any], most: int | None
    ) -> Any:
        if service not in self._clients:
            make: Any = self.session.client  # the stubs want the service's name spelled out
            self._clients[service] = make(service, region_name=self.region, config=self.config)
        client = self._clients[service]
        if not client.can_paginate(operation):
            return getattr(client, operation)(**arguments)
        pages = client.get_paginator(operation).paginate(
            **arguments, PaginationConfig={"MaxItems": most}
        )
        return pages.build_full_result()


def identify(
    session: boto3.Session,
    *,
    region: str | None,
    qualifier: str = DEFAULT_QUALIFIER,
    config: Config = PATIENCE,
) -> Account:
    """Find out whose credentials these are.

    Raises
    ------
    Unanswered
        When there is no region, there are no credentials, or AWS does not accept them.
    """
    if not region:
        both = "set AWS_REGION (cdk reads it) and AWS_DEFAULT_REGION (Python does) alike"
        raise Unanswered(trouble("no region is given", f"{both}, or give --region"))
    nobody = Account(
        session=session, region=region, number="", arn="", qualifier=qualifier, config=config
    )
    said = nobody.ask("sts", "get_caller_identity")
    return replace(nobody, number=said["Account"], arn=said["Arn"], _answers={})


def tagged(resource: Mapping[str, Any], key: str) -> str:
    """Return the value of a resource's tag, empty without it."""
    return next((tag["Value"] for tag in resource.get("Tags", []) if tag["Key"] == key), "")


def stack_of(account: Account, environment: Environment) -> dict[str, Any] | None:
    """Return the environment's stack as CloudFormation describes it, None without one."""
    found = account.ask(
        "cloudformation",
        "describe_stacks",
        StackName=environment.stack_name,
        absent=("ValidationError",),
    )
    return found["Stacks"][0] if found else None


def outputs_of(account: Account, environment: Environment) -> dict[str, str]:
    """Return the outputs of the environment's stack by name; empty without a finished stack."""
    stack = stack_of(account, environment) or {}
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
