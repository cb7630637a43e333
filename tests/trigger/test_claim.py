"""The claim where S3 does not do as hoped: denials, half an object, an object that goes away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from tests.trigger.conftest import Clock, Cloud, Driver
from trigger import errors, services
from trigger.claim import PATIENCE, Claim

KEY = "trigger/claim.json"
KMS_KEY = "arn:aws:kms:eu-west-1:123456789012:key/0a1b"
ROLE = "arn:aws:sts::123456789012:assumed-role/trigger/trigger"

DECRYPT_DENIED = (
    403,
    "AccessDenied",
    (
        f"User: {ROLE} is not authorized to perform: kms:Decrypt on the resource associated with "
        "this ciphertext because the resource does not exist in this Region, no resource-based "
        "policies allow access, or a resource-based policy explicitly denies access"
    ),
)
ENCRYPT_DENIED = (
    403,
    "AccessDenied",
    (
        f"User: {ROLE} is not authorized to perform: kms:GenerateDataKey on resource: {KMS_KEY} "
        "because no identity-based policy allows the kms:GenerateDataKey action"
    ),
)
OLDER_DENIAL = (
    403,
    "AccessDenied",
    (
        "The ciphertext refers to a customer master key that does not exist, does not exist in "
        "this region, or you are not allowed to access."
    ),
)
DISABLED = (400, "KMS.DisabledException", f"{KMS_KEY} is disabled.")
DENIED = (403, "AccessDenied", "Access Denied")
DENIED_IN_A_BUCKET_NAMED_FOR_KMS = (
    403,
    "AccessDenied",
    (
        f"User: {ROLE} is not authorized to perform: s3:ListBucket on resource: "
        '"arn:aws:s3:::kms-analytics" because no identity-based policy allows it'
    ),
)

Refuse = Callable[[str, tuple[int, str, str]], None]


class Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.content


@pytest.fixture
def refuse(cloud: Cloud) -> Iterator[Refuse]:
    """Let S3 answer an operation with an error, as it comes over the wire."""
    s3 = services.connect().s3
    hooks: list[tuple[str, Any]] = []

    def register(operation: str, answer: tuple[int, str, str]) -> None:
        status, code, message = answer

        def respond(request: Any, **_: Any) -> Any:
            text = message.replace('"', "&quot;")
            body = f"<Error><Code>{code}</Code><Message>{text}</Message></Error>"
            return AWSResponse(request.url, status, {}, Body(body.encode()))  # type: ignore[arg-type]

        event = f"before-send.s3.{operation}"
        s3.meta.events.register(event, respond)
        hooks.append((event, respond))

    yield register
    for event, respond in hooks:
        s3.meta.events.unregister(event, respond)


def claim_of(cloud: Cloud, clock: Clock) -> Claim:
    return Claim(
        services.connect().s3, bucket=cloud.bucket, key=KEY, now=clock.now, sleep=clock.sleep
    )


@pytest.mark.parametrize("answer", [DECRYPT_DENIED, OLDER_DENIAL, DISABLED])
def test_a_key_that_may_not_decrypt_is_named_and_not_taken_for_an_absent_claim(
    cloud: Cloud, clock: Clock, refuse: Refuse, answer: tuple[int, str, str]
) -> None:
    claim_of(cloud, clock).release(claim_of(cloud, clock).acquire(), note=None)
    refuse("GetObject", answer)
    started = clock.now()
    with pytest.raises(errors.NoAccess, match=r"kms:Decrypt and kms:GenerateDataKey") as caught:
        claim_of(cloud, clock).acquire()
    assert f"s3://{cloud.bucket}/{KEY}" in str(caught.value)
    assert "bucket_key_arn" in str(caught.value)
    assert answer[2] in str(caught.value)
    assert isinstance(caught.value, PermissionError)
    assert clock.now() == started, "waiting does not help"


def test_a_key_that_may_not_encrypt_is_named(cloud: Cloud, clock: Clock, refuse: Refuse) -> None:
    refuse("PutObject", ENCRYPT_DENIED)
    with pytest.raises(errors.NoAccess, match="bucket_key_arn"):
        claim_of(cloud, clock).acquire()


def test_the_function_fails_with_that_sentence(
    driver: Driver, cloud: Cloud, refuse: Refuse
) -> None:
    refuse("GetObject", DECRYPT_DENIED)
    with pytest.raises(errors.NoAccess):
        driver.invoke({})
    assert cloud.jobs() == []


def test_a_claim_that_is_there_but_may_not_be_read_is_no_claim_of_another(
    cloud: Cloud, clock: Clock, refuse: Refuse
) -> None:
    """403 counts as absent once; that the object exists is then known from the write."""
    claim_of(cloud, clock).release(claim_of(cloud, clock).acquire(), note=None)
    refuse("GetObject", DENIED)
    with pytest.raises(errors.NoAccess, match="does not allow s3:GetObject"):
        claim_of(cloud, clock).acquire()


@pytest.mark.parametrize("answer", [DENIED, DENIED_IN_A_BUCKET_NAMED_FOR_KMS])
def test_403_for_a_claim_that_was_never_made_is_absence(
    cloud: Cloud, clock: Clock, refuse: Refuse, answer: tuple[int, str, str]
) -> None:
    refuse("GetObject", answer)
    assert claim_of(cloud, clock).acquire().note is None


def test_a_write_that_is_refused_for_other_reasons_raises_as_it_is(
    cloud: Cloud, clock: Clock, refuse: Refuse
) -> None:
    refuse("PutObject", DENIED)
    with pytest.raises(ClientError, match="Access Denied"):
        claim_of(cloud, clock).acquire()


def test_a_release_that_is_refused_raises_nothing_and_is_logged(
    cloud: Cloud, clock: Clock, refuse: Refuse, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = claim_of(cloud, clock)
    held = claim.acquire()
    refuse("PutObject", ENCRYPT_DENIED)
    claim.release(held, note=None)
    assert "claim.kept" in capsys.readouterr().out


def test_a_missing_bucket_is_no_absent_claim(cloud: Cloud, clock: Clock) -> None:
    gone = Claim(
        services.connect().s3, bucket="no-such-bucket", key=KEY, now=clock.now, sleep=clock.sleep
    )
    with pytest.raises(ClientError, match="NoSuchBucket"):
        gone.acquire()


HELD = {"holder": "another", "until": "2999-01-01T00:00:00+00:00", "note": None}
JOB = {
    "jobId": "1",
    "jobArn": "a",
    "jobName": "n",
    "jobDefinition": "d",
    "status": "SUBMITTED",
    "submittedAt": "2026-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize("cut", [1, 20, len(json.dumps(HELD)) - 1])
def test_half_a_claim_holds_nobody_up(cloud: Cloud, clock: Clock, cut: int) -> None:
    body = json.dumps(HELD).encode()[:cut]
    cloud.client("s3").put_object(Bucket=cloud.bucket, Key=KEY, Body=body)
    assert claim_of(cloud, clock).acquire().note is None


@pytest.mark.parametrize(
    "spoil",
    [*({key: None} for key in JOB), {"submittedAt": "soon"}, {"submittedAt": "2026-01-01T00:00"}],
)
def test_half_a_job_in_a_claim_is_no_job(
    driver: Driver, cloud: Cloud, clock: Clock, spoil: dict[str, str | None]
) -> None:
    """The note of a job that Batch does not show counts for two minutes, if it is whole."""

    def refreshed(job: dict[str, Any]) -> bool:
        body = json.dumps({"holder": None, "until": None, "note": job}).encode()
        cloud.client("s3").put_object(Bucket=cloud.bucket, Key=KEY, Body=body)
        return bool(driver.invoke({})["coalesced"])

    noted = {**JOB, "jobDefinition": cloud.definition, "submittedAt": clock.now().isoformat()}
    assert refreshed(noted) is True
    assert refreshed({**noted, **spoil}) is False


def test_a_claim_that_goes_away_between_read_and_write_is_made_anew(
    cloud: Cloud, clock: Clock
) -> None:
    s3 = services.connect().s3
    claim = claim_of(cloud, clock)
    claim.release(claim.acquire(), note=JOB)
    went: list[str] = []

    def vanish(**_: Any) -> None:
        if not went:
            went.append("away")
            cloud.client("s3").delete_object(Bucket=cloud.bucket, Key=KEY)

    s3.meta.events.register("before-call.s3.PutObject", vanish)
    try:
        held = claim.acquire()
    finally:
        s3.meta.events.unregister("before-call.s3.PutObject", vanish)
    assert went == ["away"]
    assert held.note is None, "what the object noted is gone with it"
    claim.release(held, note=None)


def test_who_waits_comes_back_less_and_less_often_and_never_all_at_once(
    cloud: Cloud, clock: Clock
) -> None:
    claim_of(cloud, clock).acquire()
    naps: list[list[float]] = []
    for _ in range(2):
        taken: list[float] = []
        waiting = Claim(
            services.connect().s3, bucket=cloud.bucket, key=KEY, now=clock.now, sleep=taken.append
        )
        with pytest.raises(errors.Busy):
            waiting.acquire()
        naps.append(taken)
    pauses = [0.1, 0.2, 0.4, 0.8] + [1.6] * 100
    for taken in naps:
        assert all(p / 2 <= nap <= p for nap, p in zip(taken, pauses, strict=False))
        waited = timedelta(seconds=sum(taken))
        assert PATIENCE <= waited <= PATIENCE + timedelta(seconds=1.6)
    assert naps[0] != naps[1]


def test_a_final_note_that_comes_while_one_waits_ends_the_waiting_without_a_write(
    cloud: Cloud, clock: Clock
) -> None:
    first = claim_of(cloud, clock)
    held = first.acquire(final=True)
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            first.release(held, note=JOB)

    waiting = Claim(services.connect().s3, bucket=cloud.bucket, key=KEY, now=clock.now, sleep=nap)
    found = waiting.acquire(final=True)
    assert (found.note, found.etag, len(naps)) == (JOB, None, 3)
    newest = cloud.client("s3").get_object(Bucket=cloud.bucket, Key=KEY)
    assert json.loads(newest["Body"].read()) == {"holder": None, "until": None, "note": JOB}
    assert claim_of(cloud, clock).acquire().note == JOB, "one that is not final is taken over"


def test_a_job_joined_is_told_with_its_age(
    driver: Driver, cloud: Cloud, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    """QueueAge of a stage: nothing for a job just made, and minutes for one that waits."""
    driver.invoke({})
    [job] = cloud.jobs()
    clock.turn(minutes=7)
    capsys.readouterr()
    driver.invoke({})
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metric] = [line for line in lines if "_aws" in line]
    assert metric["RefreshJoined"] == 1
    expected = clock.now().timestamp() - job["createdAt"] / 1000
    assert metric["QueueAge"] == pytest.approx(expected, abs=0.11)
    assert metric["QueueAge"] > 6 * 60
