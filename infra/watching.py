"""Who notices when the refresh is dead: events, alarms, a budget and a dashboard, to one topic.

Three ways to fail need three watchers. A job that fails says so in an event. A job that cannot
start says so in an event of the queue. And when nothing happens at all, no event comes: only the
freshness alarm, for which a missing figure is a bad one, notices that.
"""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.environments import Environment

NAMESPACE = "CocktailAnalytics"
"""Metrics that the job and the trigger write into their logs; see `docs/operations.md`."""

METRICS = (
    *("RefreshSuccess", "RefreshFailure", "RefreshDuration", "Recipes", "Warnings"),
    *("RefreshRequests", "RefreshJoined", "QueueAge", "StageDuration"),
)
"""What the dashboard draws; the first is what the freshness alarm listens to."""

SCRIPT = "scripts/trigger-analytics-refresh.sh"


def watched(environment: Environment) -> str:
    """Return the metrics that somebody looks at, with commas; each one written is billed."""
    if environment.dashboard:
        return ",".join(METRICS)
    return METRICS[0] if environment.alarms else ""


class Watching(Construct):
    """The topic and everything that publishes to it, and the dashboard.

    Attributes
    ----------
    topic
        Receives failed jobs, blocked queues and alarms; `alarm_email` is subscribed if given.
    alarms
        On silence and on lost requests; empty where the environment wants none.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        job_queue_arn: str,
        function: lambda_.IFunction,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._environment = environment
        self.topic = self._make_topic()
        self._hear(job_queue_arn, function, dead_letters)
        if environment.monthly_budget_usd is not None:
            self._watch_the_bill(environment.monthly_budget_usd)
        self.alarms = (
            [self._alarm_on_age(), self._alarm_on_dead_letters(dead_letters)]
            if environment.alarms
            else []
        )
        if environment.dashboard:
            self._draw(function)

    def _make_topic(self) -> sns.Topic:
        name = self._environment.name
        topic = sns.Topic(
            self, "Topic", display_name=f"Cocktail analytics ({name})", enforce_ssl=True
        )
        # The first statement of a topic policy replaces SNS's default policy, which admitted this
        # account's alarms. Without this one, alarms change color and nobody is told.
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[
                    iam.ServicePrincipal("cloudwatch.amazonaws.com"),
                    iam.ServicePrincipal("budgets.amazonaws.com"),
                ],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            )
        )
        if self._environment.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._environment.alarm_email))
        # No key of our own: a dollar a month for messages that hold job ids and reasons.
        return topic

    def _hear(self, job_queue_arn: str, function: lambda_.IFunction, letters: sqs.IQueue) -> None:
        """Let Batch's events reach the trigger function, which says in a mail what they mean."""
        target = targets.LambdaFunction(
            function,
            dead_letter_queue=letters,
            max_event_age=Duration.hours(6),
            retry_attempts=20,
        )
        events.Rule(
            self,
            "JobFailed",
            description="A job failed for good, all attempts used up",
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job State Change"],
                detail={"status": ["FAILED"], "jobQueue": [job_queue_arn]},
            ),
            targets=[target],
        )
        events.Rule(
            self,
            "QueueBlocked",
            description="The job at the head of the queue cannot start",
            event_pattern=events.EventPattern(
                source=["aws.batch"],
                detail_type=["Batch Job Queue Blocked"],
                detail={"jobQueue": [job_queue_arn]},
            ),
            targets=[target],
        )

    def _watch_the_bill(self, dollars: float) -> None:
        # Of the whole account: a filter by tag would stay silent until somebody activates the tag.
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        notification_type=kind,
                        comparison_operator="GREATER_THAN",
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        budgets.CfnBudget.SubscriberProperty(
                            subscription_type="SNS", address=self.topic.topic_arn
                        )
                    ],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
        )

    def _alarm_on_age(self) -> cloudwatch.Alarm:
        hours = self._environment.freshness_hours
        name = self._environment.name
        alarm = cloudwatch.Alarm(
            self,
            "Freshness",
            alarm_description=(
                f"No refresh of the cocktail analytics ({name}) succeeded for {hours} hours. "
                "Readers see old results. What to do: "
                f"run {SCRIPT} {name} --wait and read what it says; if nothing asked for a "
                "refresh, look at the API handler's log for 'no analytics refresh requested'. "
                "docs/operations.md has the steps."
            ),
            # Each of the last `hours` hours was without a success. A missing hour counts, since
            # a refresh that is dead writes no figures. One period of many hours would do too,
            # but would notice a success only at its end.
            metric=self._metric("RefreshSuccess", statistic="Sum", period=Duration.hours(1)),
            comparison_operator=cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
            threshold=1,
            evaluation_periods=hours,
            datapoints_to_alarm=hours,
            treat_missing_data=cloudwatch.TreatMissingData.BREACHING,
        )
        self._tell(alarm)
        return alarm

    def _alarm_on_dead_letters(self, queue: sqs.IQueue) -> cloudwatch.Alarm:
        name = self._environment.name
        alarm = cloudwatch.Alarm(
            self,
            "Undelivered",
            alarm_description=(
                f"A request for a refresh, a mail about a job, or the monthly patch of the "
                f"machines failed ({name}) and lies in the dead-letter queue. What to do: read the "
                "message there. One with a ComputeEnvironment is the patch: mend what its "
                "ERROR_MESSAGE names and patch by hand. One whose source is aws.batch is a mail "
                f"that did not go out: {SCRIPT} {name} --status and its jobId tell what it would "
                "have said. For any other read the trigger function's log (filter level = "
                f"'error'), mend what it names and run {SCRIPT} {name} --wait. Then purge the "
                "queue. docs/operations.md has the steps."
            ),
            metric=queue.metric_approximate_number_of_messages_visible(
                statistic="Maximum", period=Duration.minutes(5)
            ),
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self._tell(alarm)
        return alarm

    def _tell(self, alarm: cloudwatch.Alarm) -> None:
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)  # so that the reader of the alarm knows when it is over

    def _metric(self, metric: str, *, statistic: str, period: Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric,
            dimensions_map={"Environment": self._environment.name},
            statistic=statistic,
            period=period,
        )

    def _draw(self, function: lambda_.IFunction) -> None:
        """Lay the dashboard out: is it alive, how long does it take, what came in."""
        name = self._environment.name
        hour = Duration.hours(1)

        def graph(title: str, *shown: cloudwatch.IMetric, unit: str = "") -> cloudwatch.GraphWidget:
            return cloudwatch.GraphWidget(
                title=title,
                left=list(shown),
                left_y_axis=cloudwatch.YAxisProps(min=0, label=unit, show_units=False),
                width=8,
            )

        def metric(metric_name: str, statistic: str = "Sum") -> cloudwatch.Metric:
            return self._metric(metric_name, statistic=statistic, period=hour)

        stages = cloudwatch.SearchExpression(
            expression=f"SEARCH('{{{NAMESPACE},Environment,Stage}} "
            f'MetricName="StageDuration" Environment="{name}"\', \'Average\', 3600)',
            label="",
            period=hour,
        )
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.days(14))
        dashboard.add_widgets(
            cloudwatch.TextWidget(
                markdown=f"# Cocktail analytics, {name}\n"
                f"`{SCRIPT} {name} --wait` refreshes now; `docs/operations.md` says what to do "
                "when something here is red.",
                width=12,
                height=3,
            ),
            *(
                [cloudwatch.AlarmStatusWidget(title="Alarms", alarms=shown, width=12, height=3)]
                if (shown := self.alarms)
                else []
            ),
        )
        dashboard.add_widgets(
            graph("Runs", metric("RefreshSuccess"), metric("RefreshFailure"), unit="runs an hour"),
            graph("Duration of a run", metric("RefreshDuration", "Maximum"), unit="seconds"),
            graph("Time of each stage", stages, unit="seconds"),
        )
        dashboard.add_widgets(
            graph("Recipes", metric("Recipes", "Maximum")),
            graph("Findings in the data", metric("Warnings", "Maximum")),
            graph("Age of the waiting job", metric("QueueAge", "Maximum"), unit="seconds"),
        )
        dashboard.add_widgets(
            graph("Refreshes asked for", metric("RefreshRequests"), metric("RefreshJoined")),
            graph("Trigger errors", function.metric_errors(period=hour, statistic="Sum")),
            graph("Trigger duration", function.metric_duration(period=hour), unit="ms"),
        )
