"""What AWS says, each fact once, for templates, checks, bill and doctor alike.

What services accept in names and descriptions is a longer list: `infra/facts_text.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

ARM64_TYPE = r"(a1|[a-z]+\d+g[a-z]*)\.[a-z0-9-]+"
"""Regular expression of an instance type with Graviton (EC2 User Guide, naming conventions)."""

INSTANCE_CAPACITY: Mapping[str, tuple[int, int]] = {
    f"{family}.{size}": (vcpus, vcpus * mib_per_vcpu)
    for family, mib_per_vcpu in {"c6g": 2048, "c7g": 2048, "c8g": 2048, "m7g": 4096}.items()
    for size, vcpus in {"medium": 1, "large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16}.items()
}
"""vCPUs and MiB by instance type, of the families that suit this job; others may be listed too."""

LARGEST_ARRAY = 10_000
"""Children of an array job at most; an array of one is refused (Batch User Guide, array jobs)."""

AGENT_SHARE = 0.1
"""Part of an instance's memory that the operating system and the ECS agent keep."""

ROOT_VOLUME_GIB = 30
"""Size of the Amazon Linux 2023 ECS image; a smaller volume would be refused."""

INTERFACE_ENDPOINTS = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs")
"""What an instance without a way out needs: to join its cluster, pull the image, write its log.

S3 (image layers, the bucket) has a gateway endpoint, which is free. The EFS API is not needed:
mount targets are found by name.
"""

LAYER_BUCKET = "starport-layer-bucket"
"""Part of the name of the buckets in which ECR keeps image layers, one in each region."""

LONGEST_LOOK_BACK_HOURS = 7 * 24
"""CloudWatch evaluates an alarm with periods of an hour over at most seven days."""

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827)
"""What CloudWatch Logs accepts, as far as it makes sense here."""

BUCKET_NAME = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
"""Regular expression of a bucket's name (S3 User Guide, bucket naming rules)."""

PARAMETER_ROOT = "/cocktail-analytics"
"""SSM parameters of an environment lie below it and its name."""

RUN_PREFIX = "analytics/v1"
WORKSPACE_PREFIX = "workspace"
INCOMING_PREFIX = "incoming"
TRIGGER_PREFIX = "trigger"
"""The folders of the bucket, below the environment's own prefix: documents, finished stages of a
run under way, uploaded databases, and the trigger's claim and notes."""
