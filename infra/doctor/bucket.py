"""An adopted bucket with its key, and a database in S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.doctor.account import Account, outputs_of
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.policies import principals, statements
from infra.environments import Environment
from infra.facts import RUN_PREFIX, WORKSPACE_PREFIX

NO_BUCKET = ("NoSuchBucket", "404")


def bucket(account: Account, environment: Environment) -> Iterator[Finding]:
    """The adopted bucket exists, is in this region, and keeps what was replaced."""
    name = environment.bucket_name
    if name is None:
        return
    region = _region(account, name)
    if region is None:
        yield trouble(f"there is no bucket {name}", "look at bucket_name, or make the bucket")
        return
    if region != account.region:
        yield trouble(
            f"the bucket {name} is in {region}, the stack goes to {account.region}",
            "deploy there, or give a bucket of this region",
        )
        return
    yield ok(f"the bucket {name} is in {region}")
    said = account.ask("s3", "get_bucket_versioning", Bucket=name)
    if said.get("Status") == "Enabled":
        yield ok(f"{name} keeps replaced documents (versioning)")
    else:
        yield warning(
            f"{name} keeps no versions: a bad publication cannot be undone",
            f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration "
            "Status=Enabled",
        )


def _region(account: Account, name: str) -> str | None:
    said = account.ask("s3", "get_bucket_location", Bucket=name, absent=NO_BUCKET)
    if said is None:
        return None
    # The two oldest regions go by other names here.
    return {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(
        said["LocationConstraint"], said["LocationConstraint"]
    )


def lifecycle(account: Account, environment: Environment) -> Iterator[Finding]:
    """The adopted bucket forgets the workspace, and does not forget the documents."""
    name = environment.bucket_name
    if name is None:
        return
    said = account.ask(
        "s3",
        "get_bucket_lifecycle_configuration",
        Bucket=name,
        absent=("NoSuchLifecycleConfiguration", *NO_BUCKET),
    )
    rules = [] if said is None else [rule for rule in said["Rules"] if rule["Status"] == "Enabled"]
    ending = {rule.get("ID", "without a name"): _expires(rule) for rule in rules}
    workspace = f"{environment.key_prefix}{WORKSPACE_PREFIX}/"
    documents = f"{environment.key_prefix}{RUN_PREFIX}/"
    holder, _, key = environment.database_path.removeprefix("s3://").partition("/")
    kept = key if environment.database_in_s3 and holder in ("", name) else None
    for rule, prefix in ending.items():
        if prefix is None:
            continue
        below = (
            f"the lifecycle rule {rule} of {name} deletes what lies below {prefix or 'its root'}"
        )
        if documents.startswith(prefix) or prefix.startswith(documents):
            yield trouble(
                f"{below}, the published documents too",
                f"give the rule a prefix that does not hold {documents}, nor lies in it",
            )
        elif kept is not None and kept.startswith(prefix):
            yield trouble(
                f"{below}, the database too", f"give it a prefix that does not hold {kept}"
            )
    if any(prefix is not None and workspace.startswith(prefix) for prefix in ending.values()):
        yield ok(f"{name} forgets {workspace} by itself")
    else:
        yield warning(
            f"{name} has no lifecycle rule for {workspace}: what broken runs leave there stays",
            f"add a rule that expires {workspace} after three days",
        )


def _expires(rule: dict[str, Any]) -> str | None:
    """Return the prefix whose current objects a lifecycle rule deletes, None for none."""
    if not {"Days", "Date"} & set(rule.get("Expiration", {})):
        return None
    chosen = rule.get("Filter", {})
    if "Tag" in chosen or chosen.get("And", {}).get("Tags"):
        return None  # ours carry no such tags
    return str(
        rule.get("Prefix") or chosen.get("Prefix") or chosen.get("And", {}).get("Prefix", "")
    )


def encryption(account: Account, environment: Environment) -> Iterator[Finding]:
    """`bucket_key_arn` is the key that the adopted bucket encrypts with."""
    name, wanted = environment.bucket_name, environment.bucket_key_arn
    if name is None:
        return
    said = account.ask(
        "s3",
        "get_bucket_encryption",
        Bucket=name,
        absent=("ServerSideEncryptionConfigurationNotFoundError", *NO_BUCKET),
    )
    rules = [] if said is None else said["ServerSideEncryptionConfiguration"]["Rules"]
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    own = _key(account, default.get("KMSMasterKeyID", "")) if default else None
    if own is not None and own.get("KeyManager") == "AWS":
        own = None  # S3's own key, open to everybody who may use the bucket
    if own is None and wanted is None:
        yield ok(f"{name} is encrypted with S3's own key")
    elif own is None:
        yield warning(
            f"bucket_key_arn is given, but {name} is not encrypted with a key of yours",
            "leave bucket_key_arn out, or set the key as the bucket's default",
        )
    elif wanted is None:
        yield trouble(
            f"{name} is encrypted with {own['Arn']}, and no role may use that key: the claim and "
            "every document fail",
            f"set bucket_key_arn to {own['Arn']}",
        )
    elif own["Arn"] != wanted:
        yield trouble(
            f"{name} is encrypted with {own['Arn']}, not with bucket_key_arn",
            f"set bucket_key_arn to {own['Arn']}",
        )
    else:
        yield ok(f"{name} is encrypted with bucket_key_arn")


def _key(account: Account, name: str) -> dict[str, Any] | None:
    """Return a KMS key by id, alias or ARN; None when there is none, or none is named."""
    if not name:
        return None
    found = account.ask(
        "kms", "describe_key", KeyId=name, absent=("NotFoundException", "InvalidArnException")
    )
    return dict(found["KeyMetadata"]) if found else None


def keys(account: Account, environment: Environment) -> Iterator[Finding]:
    """The KMS keys exist, are enabled, and leave it to IAM who may use them."""
    for field, arn in (
        ("bucket_key_arn", environment.bucket_key_arn),
        ("database_key_arn", environment.database_key_arn),
    ):
        if arn is not None:
            yield from _usable(account, field, arn)


def _usable(account: Account, field: str, arn: str) -> Iterator[Finding]:
    region = arn.split(":")[3]
    if region != account.region:
        yield trouble(
            f"{field} is a key of {region}, the stack goes to {account.region}",
            "S3 takes keys of the bucket's own region only; name that",
        )
        return
    key = _key(account, arn)
    if key is None:
        yield trouble(f"{field} names no key: {arn}", "look at it: aws kms list-keys")
        return
    if key["KeyState"] != "Enabled":
        yield trouble(
            f"the key in {field} is {key['KeyState']}; S3 can neither read nor write with it",
            f"aws kms enable-key --key-id {key['KeyId']}, or cancel its deletion first",
        )
        return
    policy = account.ask("kms", "get_key_policy", KeyId=arn, PolicyName="default")["Policy"]
    if _leaves_it_to_iam(policy, key["AWSAccountId"]):
        yield ok(f"the key in {field} is enabled and leaves it to IAM who may use it")
    else:
        yield warning(
            f"the policy of the key in {field} does not leave it to IAM who may use it, so the "
            "roles' own rights may not suffice",
            "let it allow kms:Decrypt and kms:GenerateDataKey to the account "
            f"(arn:{account.partition}:iam::{account.number}:root), or to the stack's roles",
        )


def _leaves_it_to_iam(policy: str, account_number: str) -> bool:
    def admitted(action: str) -> bool:
        return any(
            not statement.get("Condition")
            and any(
                each in (account_number, "*") or each.endswith(f"::{account_number}:root")
                for each in principals(statement)
            )
            for statement in statements(policy, "Allow", action)
        )

    return admitted("kms:Decrypt") and admitted("kms:GenerateDataKey")


def database(account: Account, environment: Environment) -> Iterator[Finding]:
    """A database in S3 is there, and in this region."""
    if not environment.database_in_s3:
        return
    name, _, key = environment.database_path.removeprefix("s3://").partition("/")
    name = name or environment.bucket_name or outputs_of(account, environment).get("Bucket", "")
    if not name:
        yield ok(f"the database goes to {key} in the bucket that the stack will make")
        return
    region = _region(account, name)
    if region is None:
        yield trouble(f"there is no bucket {name}, which database_path names", "look at it")
        return
    if region != account.region:
        yield warning(
            f"the database is in {region}, the job runs in {account.region}: every run pays for "
            "the way, and an isolated network has none",
            "keep the database in a bucket of this region",
        )
    head = account.ask("s3", "head_object", Bucket=name, Key=key, absent=("404", "NoSuchKey"))
    if head is None:
        yield warning(
            f"there is no s3://{name}/{key} yet; a refresh would fail",
            f"scripts/load-database.sh {environment.name} site.db, once the stack is there",
        )
        return
    yield ok(f"s3://{name}/{key} is there, {head['ContentLength']:,} bytes")
    used = head.get("SSEKMSKeyId")
    allowed = (environment.bucket_key_arn, environment.database_key_arn)
    if used is not None and used not in allowed:
        own = _key(account, used)
        if own is not None and own.get("KeyManager") != "AWS":
            field = "bucket_key_arn" if name == environment.bucket_name else "database_key_arn"
            yield trouble(
                f"the database is encrypted with {used}, which the job's role may not use",
                f"set {field} to it",
            )
