"""Whether anybody hears when a refresh fails, and what nobody has heard of yet."""

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


def undelivered(account: Account, environment: Environment) -> Iterator[Finding]:
    """No request for a refresh, no mail and no monthly patch lies in the dead-letter queue."""
    name = outputs_of(account, environment).get("TriggerFunction")
    if name is None:
        return
    function = account.ask(
        "lambda",
        "get_function_configuration",
        FunctionName=name,
        absent=("ResourceNotFoundException",),
    )
    if function is None:
        yield trouble(
            f"the trigger function {name} is gone: nothing can ask for a refresh",
            f"`cdk deploy {environment.stack_name}`; where that changes nothing, destroy it first",
        )
        return
    queue = function["DeadLetterConfig"]["TargetArn"].rpartition(":")[2]
    address = account.ask("sqs", "get_queue_url", QueueName=queue)["QueueUrl"]
    said = account.ask(
        "sqs",
        "get_queue_attributes",
        QueueUrl=address,
        AttributeNames=["ApproximateNumberOfMessages"],
    )
    count = int(said["Attributes"]["ApproximateNumberOfMessages"])
    if count:
        lost = (
            "a request, mail or patch that failed lies"
            if count == 1
            else f"{count} requests, mails or patches that failed lie"
        )
        yield trouble(
            f"{lost} in the dead-letter queue",
            f"aws sqs receive-message --queue-url {address} --message-attribute-names All; "
            "docs/operations.md, under dead-letter alarm, says what to do with it",
        )
    else:
        yield ok("no request was lost")
