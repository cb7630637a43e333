"""The bucket, and how long data lives: with its stack, or beyond it."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.environments import Environment
from infra.facts import INCOMING_PREFIX, TRIGGER_PREFIX, WORKSPACE_PREFIX

WORKSPACE_DAYS = 3
"""A retry finds what the attempt before it had finished; after a few days nobody asks.

What a run removed of it, having published, is worth nothing either.
"""

UPLOAD_DAYS = 2
"""A load removes its upload; what a broken one left behind goes by itself."""

NOTE_DAYS = 30
"""The trigger's notes of what it told; events are delivered again for a day at most."""


def kept(environment: Environment) -> RemovalPolicy:
    """Return what becomes of data when its stack goes.

    Retained data is retained on update and deletion, not on creation: a first deployment that
    fails would otherwise leave an empty bucket and an empty file system behind at every try.
    """
    if environment.destroy_data:
        return RemovalPolicy.DESTROY
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def make_bucket(scope: Construct, environment: Environment) -> s3.IBucket:
    """Make the bucket for documents, workspace, claim and uploads, or adopt one as it is."""
    if environment.bucket_name is not None:
        return s3.Bucket.from_bucket_name(scope, "Bucket", environment.bucket_name)
    prefix = environment.key_prefix
    return s3.Bucket(
        scope,
        "Bucket",
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        minimum_tls_version=1.2,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        versioned=True,
        # What a new set replaced stays for a while, so that a bad publication can be undone.
        lifecycle_rules=[
            s3.LifecycleRule(
                id="superseded",
                noncurrent_version_expiration=Duration.days(environment.run_retention_days),
                # what is left of an object that was removed: a marker that hides nothing
                expired_object_delete_marker=True,
                abort_incomplete_multipart_upload_after=Duration.days(1),
            ),
            *(
                s3.LifecycleRule(
                    id=folder,
                    prefix=f"{prefix}{folder}/",
                    expiration=Duration.days(days),
                    noncurrent_version_expiration=Duration.days(1) if removed_soon else None,
                )
                for folder, days, removed_soon in (
                    (WORKSPACE_PREFIX, WORKSPACE_DAYS, True),
                    (INCOMING_PREFIX, UPLOAD_DAYS, False),
                    (f"{TRIGGER_PREFIX}/told", NOTE_DAYS, False),
                )
            ),
        ],
        removal_policy=kept(environment),
    )


def use_of_key(key_arn: str | None, *, write: bool) -> list[iam.PolicyStatement]:
    """Return the rights that objects under a customer's KMS key need beside S3's own."""
    if key_arn is None:
        return []
    actions = ["kms:Decrypt", "kms:GenerateDataKey"] if write else ["kms:Decrypt"]
    return [iam.PolicyStatement(sid="UseTheBucketsKey", actions=actions, resources=[key_arn])]
