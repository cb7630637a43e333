"""The trigger: the function, its one debounce schedule, its dead letters, and who watches.

The function stays outside the VPC (every API it calls is public, and no endpoint has to be paid
for), bundles nothing (boto3 is part of the runtime), and has no reserved concurrency, which small
accounts refuse; `trigger/claim.py` keeps concurrent invocations apart instead.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aws_cdk import (
    Acknowledgment,
    Aws,
    CfnParameter,
    Duration,
    NestedStack,
    RemovalPolicy,
    Validations,
)
from aws_cdk import aws_batch as batch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.environments import Environment
from infra.watching import Watching

CODE = Path(__file__).resolve().parents[1] / "trigger"
CLAIM_KEY = "trigger/claim.json"
SCHEDULE_NAME = "refresh"

TIMEOUT = Duration.seconds(60)
"""Below `trigger.claim.LEASE`: whoever is past its lease has been ended."""

RETENTION = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1096: logs.RetentionDays.THREE_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
}


class TriggerStack(NestedStack):
    """Everything between the API handler's request and `SubmitJob`.

    Attributes
    ----------
    function
        The trigger function; its name is an output of the parent stack.
    watching
        Topic, rules, alarms and dashboard.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        job_queue: batch.IJobQueue,
        job_definition: batch.IJobDefinition,
        bucket: s3.IBucket,
        log_group: logs.ILogGroup,
        api_handler_role_arn: str | None = None,
        **kwargs: Any,
    ) -> None:
        # The name as a parameter of our own, so that the wildcard below it has a fixed name too.
        super().__init__(
            scope, construct_id, parameters={"JobLogGroup": log_group.log_group_name}, **kwargs
        )
        job_logs = CfnParameter(self, "JobLogGroup", description="The job's log group")
        # No physical name: a replaced group must not collide with the one it replaces.
        group = scheduler.CfnScheduleGroup(self, "Schedules")
        dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            removal_policy=RemovalPolicy.DESTROY,
        )
        schedule_role = iam.Role(
            self,
            "ScheduleRole",
            description="EventBridge Scheduler invokes the trigger with it, and nothing else",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                # Nobody else's schedules may borrow the role.
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
        )
        function_logs = logs.LogGroup(
            self,
            "Logs",
            retention=RETENTION[environment.log_retention_days],
            removal_policy=RemovalPolicy.DESTROY,
        )
        role = iam.Role(
            self,
            "Role",
            description="The trigger function: submit one job definition to one queue, and ask",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        for statement in _rights(
            job_queue=job_queue,
            job_definition=job_definition,
            bucket=bucket,
            job_logs=job_logs.value_as_string,
            function_logs=function_logs.log_group_name,
            schedule_arn=self.format_arn(
                service="scheduler",
                resource="schedule",
                resource_name=f"{group.ref}/{SCHEDULE_NAME}",
            ),
            schedule_role=schedule_role,
        ):
            role.add_to_policy(statement)
        with _packaged() as folder:  # read while the function is made
            self.function = lambda_.Function(
                self,
                "Function",
                description=f"Cocktail analytics ({environment.name}): refresh, request, status",
                runtime=lambda_.Runtime.PYTHON_3_13,
                architecture=lambda_.Architecture.ARM_64,
                handler="trigger.handler.handler",
                code=lambda_.Code.from_asset(folder),
                memory_size=512,  # decides the CPU too, and so how long boto3's import takes
                timeout=TIMEOUT,
                role=role,
                log_group=function_logs,
                dead_letter_queue=dead_letters,
                environment={
                    "ENVIRONMENT": environment.name,
                    "BATCH_JOB_QUEUE": job_queue.job_queue_arn,
                    "BATCH_JOB_DEFINITION": job_definition.job_definition_arn,
                    "ANALYTICS_BUCKET": bucket.bucket_name,
                    "CLAIM_KEY": CLAIM_KEY,
                    "JOB_LOG_GROUP": job_logs.value_as_string,
                    "SCHEDULE_GROUP": group.ref,
                    "SCHEDULE_NAME": SCHEDULE_NAME,
                    "SCHEDULE_ROLE_ARN": schedule_role.role_arn,
                    "DEAD_LETTER_ARN": dead_letters.queue_arn,
                    "QUIET_MINUTES": str(environment.quiet_minutes),
                    "MAXIMUM_WAIT_MINUTES": str(environment.maximum_wait_minutes),
                },
            )
        schedule_role.add_to_policy(
            iam.PolicyStatement(
                sid="InvokeTheTrigger",
                actions=["lambda:InvokeFunction"],
                resources=[self.function.function_arn],
            )
        )
        schedule_role.add_to_policy(
            iam.PolicyStatement(
                sid="KeepWhatCouldNotBeInvoked",
                actions=["sqs:SendMessage"],
                resources=[dead_letters.queue_arn],
            )
        )
        if api_handler_role_arn:
            # On the function's side: the site's role belongs to the site and is left alone.
            self.function.add_permission(
                "ApiHandler",
                principal=iam.ArnPrincipal(api_handler_role_arn),
                action="lambda:InvokeFunction",
            )
        if environment.nightly_refresh:
            _nightly(self, group=group, role=schedule_role, function=self.function)
        self.watching = Watching(
            self,
            "Watching",
            environment=environment,
            job_queue_arn=job_queue.job_queue_arn,
            function=self.function,
            dead_letters=dead_letters,
        )
        own_logs = self.resolve(function_logs.log_group_name)["Ref"]
        _explain(role=role, function=self.function, log_groups=[job_logs.node.id, own_logs])


@contextmanager
def _packaged() -> Iterator[str]:
    """Give a folder with the package as `trigger/`, the name by which it is imported."""
    with TemporaryDirectory() as folder:
        package = Path(folder) / "trigger"
        package.mkdir()
        for source in sorted(CODE.glob("*.py")):
            if source.name != "client.py":  # the caller's side; not part of the function
                shutil.copyfile(source, package / source.name)
        yield folder


def _rights(
    *,
    job_queue: batch.IJobQueue,
    job_definition: batch.IJobDefinition,
    bucket: s3.IBucket,
    job_logs: str,
    function_logs: str,
    schedule_arn: str,
    schedule_role: iam.IRole,
) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            sid="SubmitThisJobHere",
            actions=["batch:SubmitJob"],
            resources=[job_definition.job_definition_arn, job_queue.job_queue_arn],
        ),
        iam.PolicyStatement(
            sid="LookAtJobs",  # these two actions know no resources
            actions=["batch:DescribeJobs", "batch:ListJobs"],
            resources=["*"],
        ),
        iam.PolicyStatement(
            sid="HoldTheClaim",
            actions=["s3:GetObject", "s3:PutObject"],
            resources=[bucket.arn_for_objects(CLAIM_KEY)],
        ),
        iam.PolicyStatement(
            sid="KeepTheOneSchedule",
            actions=[
                "scheduler:CreateSchedule",
                "scheduler:DeleteSchedule",
                "scheduler:GetSchedule",
                "scheduler:UpdateSchedule",
            ],
            resources=[schedule_arn],
        ),
        iam.PolicyStatement(
            sid="LetTheScheduleInvokeUs",
            actions=["iam:PassRole"],
            resources=[schedule_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}},
        ),
        iam.PolicyStatement(
            sid="ShowTheJobsLastLines",
            actions=["logs:GetLogEvents"],
            resources=[_streams(job_logs)],
        ),
        iam.PolicyStatement(
            sid="WriteOwnLog",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[_streams(function_logs)],
        ),
    ]


def _streams(log_group_name: str) -> str:
    arn = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    return f"{arn}:log-group:{log_group_name}:log-stream:*"


def _nightly(
    scope: Construct,
    *,
    group: scheduler.CfnScheduleGroup,
    role: iam.IRole,
    function: lambda_.IFunction,
) -> None:
    """Refresh each night, so that a lost request is noticed by nobody for longer than a day."""
    scheduler.CfnSchedule(
        scope,
        "Nightly",
        description="Safety net: a refresh each night, whatever the trigger was asked",
        group_name=group.ref,
        schedule_expression="cron(17 3 * * ? *)",
        schedule_expression_timezone="UTC",
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
            mode="FLEXIBLE", maximum_window_in_minutes=30
        ),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function_arn, role_arn=role.role_arn, input='{"action": "refresh"}'
        ),
    )


def _explain(*, role: iam.Role, function: lambda_.Function, log_groups: list[str]) -> None:
    """Say why three wildcards and an older runtime stand; cdk-nag wants each by its own name."""
    streams = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:<{}>:log-stream:*"
    reasons = {"Resource::*": "DescribeJobs and ListJobs know no resources"} | {
        f"Resource::{streams.format(name)}": "Log streams get their names as they are made"
        for name in log_groups
    }
    Validations.of(role).acknowledge(
        *(
            Acknowledgment(id=f"AwsSolutions-IAM5[{finding}]", reason=reason)
            for finding, reason in reasons.items()
        )
    )
    Validations.of(function).acknowledge(
        Acknowledgment(
            id="AwsSolutions-L1",
            reason="python3.13 brings boto3, runs on ARM64 and is what the code was written for",
        )
    )
