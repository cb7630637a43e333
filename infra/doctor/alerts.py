"""Whether anybody hears when a refresh fails."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.account import Account, outputs_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.environments import Environment


def subscription(account: Account, environment: Environment) -> Iterator[Finding]:
    """The address is subscribed to the topic, and whoever owns it has said yes."""
    address = environment.alarm_email
    if address is None:
        what = f"{environment.name} has no alarm_email: nobody hears of a refresh that fails"
        yield warning(what, "set alarm_email in cdk.json")
        return
    topic = outputs_of(account, environment).get("Topic")
    if topic is None:
        return
    said = account.ask(
        "sns",
        "list_subscriptions_by_topic",
        TopicArn=topic,
        absent=("NotFound", "NotFoundException"),
    )
    subscriptions = [] if said is None else said["Subscriptions"]
    states = [each["SubscriptionArn"] for each in subscriptions if each["Endpoint"] == address]
    if any(state.startswith("arn:") for state in states):
        yield ok(f"{address} is subscribed to {environment.name}'s alarms")
    elif "PendingConfirmation" in states:
        yield warning(
            f"{address} has not confirmed the subscription; no alarm arrives",
            "open the mail from AWS Notifications (look in the spam) and confirm",
        )
    else:
        yield trouble(
            f"{address} is not subscribed to {environment.name}'s alarms",
            f"aws sns subscribe --protocol email --notification-endpoint {address} "
            f"--topic-arn {topic}",
        )
