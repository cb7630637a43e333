"""What the tests of chains share: jobs as they go, and documents in a bucket beside a folder's."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.infra.emulator import Emulator

LONGEST_SECONDS = 600


def jobs_of(aws: Emulator, job_id: str) -> dict[str, Any]:
    """Everything Batch says of a job."""
    job: dict[str, Any]
    [job] = aws.client("batch").describe_jobs(jobs=[job_id])["jobs"]
    return job


def follow(ask: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    """Ask how a refresh is doing until it is over; the last answer, and all sentences."""
    said: list[str] = []
    end = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < end:
        answer = ask()
        if not said or said[-1] != answer["reason"]:
            said.append(answer["reason"])
        if answer["status"] in ("SUCCEEDED", "FAILED"):
            return answer, said
        time.sleep(0.2)
    raise AssertionError(f"not over after {LONGEST_SECONDS} s: {said[-5:]}")


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def take_instance(folder: Path, job_id: str) -> None:
    """Let Spot take a job's instance away, now or as soon as it runs."""
    reclaim = folder / "reclaim"
    reclaim.mkdir(exist_ok=True)
    (reclaim / job_id).touch()


def documents(contents: dict[str, bytes]) -> dict[str, Any]:
    """Published files by name, without what they say of the run itself."""
    texts = {name: content.decode() for name, content in contents.items()}
    manifest = json.loads(texts.pop("manifest.json"))
    for name in ("run_id", "generated_at", "stages", "documents", "extras"):
        manifest.pop(name, None)
    times = re.compile(r'"(generated_at|run_id)":"[^"]*"|"stages":\[[^]]*\]')
    return {**{n: times.sub("", text) for n, text in texts.items()}, "manifest.json": manifest}


def in_folder(folder: Path) -> dict[str, Any]:
    """What is published in a folder."""
    root = folder / "analytics" / "v1"
    return documents({path.name: path.read_bytes() for path in root.iterdir() if path.is_file()})


def in_bucket(aws: Emulator, bucket: str) -> dict[str, Any]:
    """What is published in a bucket."""
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix="analytics/v1/", Delimiter="/").get(
        "Contents", []
    )
    return documents(
        {
            Path(entry["Key"]).name: s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            for entry in found
        }
    )


def left_behind(aws: Emulator, bucket: str) -> list[str]:
    """What is in the workspace."""
    found = aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="workspace/")
    return [entry["Key"] for entry in found.get("Contents", [])]
