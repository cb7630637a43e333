"""Dev and prod in one account: what one adopts must not be what the other may destroy."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.account import Account, outputs_of, tagged
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.environments import Environment


def shared(account: Account, environment: Environment, other: Environment) -> Iterator[Finding]:
    """Two environments share nothing by which one could harm the other."""
    findings = [
        *_bucket(account, environment, other),
        *_file_system(account, environment, other),
        *_network(account, environment, other),
    ]
    yield from findings or [ok(f"{environment.name} and {other.name} share nothing they must not")]


def _bucket(account: Account, environment: Environment, other: Environment) -> Iterator[Finding]:
    name = environment.bucket_name
    if name is None or other.bucket_name is not None:
        return
    if name != outputs_of(account, other).get("Bucket"):
        return
    if environment.bucket_prefix == other.bucket_prefix:
        yield trouble(
            f"{environment.name} adopts {other.name}'s own bucket {name} with the same prefix: "
            "they overwrite each other's documents",
            "give one of them a bucket_prefix",
        )
    if other.destroy_data:
        yield trouble(
            f"{environment.name} adopts the bucket {name}, which goes with {other.stack_name}",
            f"give {environment.name} a bucket of its own",
        )


def _file_system(
    account: Account, environment: Environment, other: Environment
) -> Iterator[Finding]:
    adopted = environment.file_system
    if adopted is None:
        return
    if other.file_system is None:
        if other.destroy_data and adopted.file_system_id == outputs_of(account, other).get(
            "FileSystem"
        ):
            yield trouble(
                f"{environment.name} adopts the file system {adopted.file_system_id}, which goes "
                f"with {other.stack_name}",
                f"give {environment.name} a file system of its own",
            )
    elif (
        adopted.access_point_id == other.file_system.access_point_id
        and environment.database_path == other.database_path
    ):
        yield warning(
            f"{environment.name} and {other.name} read the same database file: a database loaded "
            "into one is the other's too",
            "give one of them another access point or database_path",
        )


def _network(account: Account, environment: Environment, other: Environment) -> Iterator[Finding]:
    if environment.vpc is None or other.vpc is not None:
        return
    found = account.ask(
        "ec2",
        "describe_vpcs",
        Filters=[{"Name": "vpc-id", "Values": [environment.vpc.vpc_id]}],
    )["Vpcs"]
    maker = tagged(found[0], "aws:cloudformation:stack-name") if found else ""
    if maker.startswith(f"{other.stack_name}-"):
        yield warning(
            f"{environment.name} runs in {environment.vpc.vpc_id}, which {other.stack_name} made: "
            f"that stack cannot be destroyed before {environment.stack_name}",
            "adopt a network that belongs to neither",
        )
