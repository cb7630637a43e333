"""Lambda and EventBridge that act: a deployed archive runs, and events reach the rules' targets.

`invoke` runs what was uploaded, in a process of its own, with the function's variables, role and
time limit; its lines go to the function's log group. `deliver` puts an event to the deployed rules.

Not real: the processor and the version of Python; memory; warm starts (each invocation is a cold
one); the minutes that Lambda and EventBridge wait between tries; the Scheduler, which fires
nothing (a test may invoke a schedule's target with its input).
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.awslambda import models as lambdas
from moto.core import DEFAULT_ACCOUNT_ID
from moto.events import models as events
from moto.events.utils import EventTemplateParser
from moto.logs.models import logs_backends
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
from moto.sns import sns_backends
from moto.sqs import sqs_backends

from tests.infra.emulator import rights

ASYNCHRONOUS_TRIES = 3
"""How often Lambda runs a function that fails when nobody waits for its answer."""

ADDRESS: list[str] = []
"""Where this emulator serves, once it does."""

BOOTSTRAP = """
import importlib, json, os, sys, time, traceback, types
event, answer = sys.argv[1:]
begun = time.monotonic()
context = types.SimpleNamespace(
    function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
    invoked_function_arn=os.environ.pop("INVOKED_ARN"),
    aws_request_id=os.environ.pop("REQUEST_ID"),
    get_remaining_time_in_millis=lambda: 1000,
)
try:
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    handler = getattr(importlib.import_module(module), name)
    said = {"answer": handler(json.load(open(event)), context)}
    text = json.dumps(said)
except BaseException as error:
    said = {"errorMessage": str(error), "errorType": type(error).__name__,
            "stackTrace": traceback.format_tb(error.__traceback__)}
    text = json.dumps({"error": said})
open(answer, "w").write(text)
"""

_create = lambdas.LambdaFunction.create_from_cloudformation_json.__func__
_send = events.Rule.send_to_targets
_address = ThreadedMotoServer.get_host_and_port


def address() -> str:
    """Return where this emulator serves."""
    return ADDRESS[0]


def surroundings(region: str, role_arn: str) -> dict[str, str]:
    """Return the variables that stand for what a program finds on AWS: the way there, a role."""
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AWS_ENDPOINT_URL": address(),
        "AWS_EC2_METADATA_DISABLED": "true",
        **rights.credentials(role_arn),
    }


# --- Lambda ----------------------------------------------------------------------------------


def run(function: Any, event: Any) -> tuple[Any, bool]:
    """Run a function's archive; return its answer, or Lambda's account of its error, and which."""
    request = str(uuid.uuid4())
    variables = {
        **surroundings(function.region, function.role),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "_HANDLER": function.handler,
        **function.environment_vars,
        "INVOKED_ARN": function.function_arn,
        "REQUEST_ID": request,
    }
    with tempfile.TemporaryDirectory(prefix="function-") as name:
        given, answer = Path(name, "event.json"), Path(name, "answer.json")
        given.write_text(json.dumps(event))
        try:
            done = subprocess.run(
                [sys.executable, "-B", "-c", BOOTSTRAP, str(given), str(answer)],
                cwd=_archive(function.code_bytes),
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=int(function.timeout),
                check=False,
            )
            output, code = done.stdout, done.returncode
        except subprocess.TimeoutExpired as late:
            output, code = late.stdout or b"", None
        said = json.loads(answer.read_text()) if answer.exists() else {}
    _log(function, output.decode(errors="replace").splitlines())
    if "answer" in said:
        return said["answer"], False
    if "error" in said:
        return {**said["error"], "requestId": request}, True
    if code is None:
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        late_for = f"{stamp} {request} Task timed out after {float(function.timeout):.2f} seconds"
        return {"errorMessage": late_for, "errorType": "Sandbox.Timedout"}, True
    died = f"RequestId: {request} Error: Runtime exited with error: exit status {code}"
    return {"errorMessage": died, "errorType": "Runtime.ExitError"}, True


def _archive(content: bytes) -> Path:
    folder = Path(_unpacked.name, hashlib.sha256(content).hexdigest()[:20])
    with _unpacking:
        if not folder.exists():
            zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    return folder


_unpacked = tempfile.TemporaryDirectory(prefix="functions-")
_unpacking = threading.Lock()


def _log(function: Any, lines: list[str]) -> None:
    group = getattr(function, "log_group", None) or f"/aws/lambda/{function.function_name}"
    day = datetime.now(UTC).strftime("%Y/%m/%d")
    put_lines(function.account_id, function.region, group, f"{day}/[$LATEST]{os.getpid():x}", lines)


def put_lines(account: str, region: str, group: str, stream: str, lines: list[str]) -> None:
    """Append lines to a log stream; the group must be there, the stream is made."""
    if not lines:
        return
    backend = logs_backends[account][region]
    backend.ensure_log_stream(group, stream)
    now = int(time.time() * 1000)
    backend.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in lines])


def invoke(function: Any, body: Any, headers: Any, response_headers: Any) -> bytes:
    """Answer `Invoke`: at once with what came of it, or later with nobody told."""
    event = json.loads(body) if body else {}
    if (headers.get("X-Amz-Invocation-Type") or "RequestResponse") == "Event":
        run_later(function, event)
        return b""
    answer, failed = run(function, event)
    if failed:
        response_headers["X-Amz-Function-Error"] = "Unhandled"
    return json.dumps(answer).encode()


def run_later(function: Any, event: Any) -> None:
    """Run a function until it succeeds, as often as Lambda would; then its dead letters."""

    def tries() -> None:
        for _ in range(ASYNCHRONOUS_TRIES):
            if not run(function, event)[1]:
                return
        put_letter(getattr(function, "dead_letters", None), event)

    threading.Thread(target=tries, daemon=True).start()


def put_letter(queue_arn: str | None, event: Any) -> None:
    """Put an event that reached nobody into a queue, if there is one."""
    if queue_arn:
        region, account, name = queue_arn.split(":")[3:6]
        sqs_backends[account][region].send_message(queue_name=name, message_body=json.dumps(event))


def create(
    cls: type, resource_name: str, cloudformation_json: Any, *rest: Any, **named: Any
) -> Any:
    """Make a function, with the parts of its template that moto leaves out."""
    made = _create(cls, resource_name, cloudformation_json, *rest, **named)
    properties = cloudformation_json["Properties"]
    made.log_group = properties.get("LoggingConfig", {}).get("LogGroup")
    made.dead_letters = properties.get("DeadLetterConfig", {}).get("TargetArn")
    return made


# --- EventBridge -----------------------------------------------------------------------------


def deliver(event: dict[str, Any], region: str, account: str = DEFAULT_ACCOUNT_ID) -> None:
    """Put an event to the rules of the default bus."""
    bus = events.events_backends[account][region].describe_event_bus("default")
    for rule in list(bus.rules.values()):
        rule.send_to_targets(event)


def send_to_targets(rule: Any, event: dict[str, Any], transform_input: bool = True) -> None:
    """Send an event that matches to a rule's functions and topics; moto knows other targets."""
    if rule.state == "DISABLED" or not rule.event_pattern.matches_event(event):
        return
    targets, rule.targets = rule.targets, []
    for target in targets:
        service, region, account = target["Arn"].split(":")[2:5]
        if service == "lambda":
            function = lambdas.lambda_backends[account][region].get_function(target["Arn"])
            if may_invoke(function, "events.amazonaws.com", rule.arn):
                run_later(function, _input(target, event))
            else:
                put_letter(target.get("DeadLetterConfig", {}).get("Arn"), event)
        elif service == "sns":
            text = _input(target, event)
            message = text if isinstance(text, str) else json.dumps(text)
            sns_backends[account][region].publish(message=message, arn=target["Arn"])
        else:
            rule.targets.append(target)
    try:
        if rule.targets:
            _send(rule, event, transform_input)
    finally:
        rule.targets = targets


def may_invoke(function: Any, service: str, source_arn: str) -> bool:
    """Whether a function's own policy lets a service's resource invoke it."""
    for statement in function.policy.statements:
        principal = statement.get("Principal", {})
        conditions = statement.get("Condition", {})
        sources = [v for c in conditions.values() for k, v in c.items() if "SourceArn" in k]
        if service in json.dumps(principal) and all(s == source_arn for s in sources):
            return True
    return False


def _input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    if "Input" in target:
        return json.loads(target["Input"])
    transformer = target.get("InputTransformer")
    if transformer:
        return EventTemplateParser.parse(
            transformer["InputTemplate"], transformer.get("InputPathsMap", {}), event
        )
    return event


def _host_and_port(server: Any) -> Any:
    host, port = _address(server)
    ADDRESS[:] = [f"http://{host}:{port}"]
    return host, port


def patch() -> None:
    """Let functions run and rules deliver."""
    rights.patch()
    lambdas.LambdaFunction.create_from_cloudformation_json = classmethod(create)
    lambdas.LambdaFunction.invoke = invoke
    events.Rule.send_to_targets = send_to_targets
    ThreadedMotoServer.get_host_and_port = _host_and_port
