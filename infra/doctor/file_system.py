"""An adopted file system: it, its mount targets and its access point belong together and let in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.doctor.account import Account
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.policies import principals, statements
from infra.environments import CONTAINER_UID, AdoptedFileSystem, Environment

MOUNT = "elasticfilesystem:ClientMount"
WRITE = "elasticfilesystem:ClientWrite"


def file_system(account: Account, environment: Environment) -> Iterator[Finding]:
    """The file system exists, is available, and its policy does not shut the job out."""
    adopted = environment.file_system
    if adopted is None:
        return
    name = adopted.file_system_id
    found = account.ask(
        "efs", "describe_file_systems", FileSystemId=name, absent=("FileSystemNotFound",)
    )
    if found is None:
        yield trouble(
            f"there is no file system {name} in {account.region}",
            "look at file_system.file_system_id, and at the region",
        )
        return
    state = found["FileSystems"][0]["LifeCycleState"]
    if state != "available":
        yield trouble(f"the file system {name} is {state}", "wait, or name another")
    else:
        yield ok(f"the file system {name} is available")
    yield from _policy(account, name)


def _policy(account: Account, name: str) -> Iterator[Finding]:
    said = account.ask(
        "efs", "describe_file_system_policy", FileSystemId=name, absent=("PolicyNotFound",)
    )
    if said is None:
        return
    for statement in statements(said["Policy"], "Deny", MOUNT, WRITE):
        conditions = statement.get("Condition")
        if conditions == {"Bool": {"aws:SecureTransport": "false"}}:
            continue  # the job mounts encrypted
        if conditions is None and "*" in principals(statement):
            yield trouble(
                f"the policy of {name} denies everybody the mount or the load",
                "take that statement out, or give it a condition",
            )
        else:
            yield warning(
                f"the policy of {name} denies some a mount or a load (statement "
                f"{statement.get('Sid', 'without a name')})",
                "see that it spares the roles of the refresh and of the load",
            )


def mount_targets(account: Account, environment: Environment) -> Iterator[Finding]:
    """Each zone has a mount target, in that network, with the group that is named."""
    adopted, network = environment.file_system, environment.vpc
    if adopted is None or network is None:
        return
    targets = _targets(account, adopted)
    by_zone = {target["AvailabilityZoneName"]: target for target in targets}
    sound = True
    for zone in network.availability_zones:
        target = by_zone.get(zone)
        if target is None or target.get("VpcId", network.vpc_id) != network.vpc_id:
            sound = False
            where = "has no mount target" if target is None else f"is mounted in {target['VpcId']}"
            yield trouble(
                f"{adopted.file_system_id} {where} in {zone}; a job there cannot mount it",
                f"aws efs create-mount-target --file-system-id {adopted.file_system_id} "
                f"--subnet-id SUBNET --security-groups {adopted.security_group_id}",
            )
            continue
        name = target["MountTargetId"]
        if target["LifeCycleState"] != "available":
            sound = False
            yield trouble(
                f"the mount target {name} in {zone} is {target['LifeCycleState']}",
                "wait, or make it anew",
            )
        groups = account.ask("efs", "describe_mount_target_security_groups", MountTargetId=name)
        if adopted.security_group_id not in groups["SecurityGroups"]:
            sound = False
            yield trouble(
                f"the mount target {name} in {zone} has {', '.join(groups['SecurityGroups'])}, not "
                f"{adopted.security_group_id}; the rule that lets the job in would miss it",
                "name the mount targets' own group in file_system.security_group_id",
            )
    if sound:
        yield ok(f"{adopted.file_system_id} has a mount target in every zone")


def _targets(account: Account, adopted: AdoptedFileSystem) -> list[Any]:
    said = account.ask(
        "efs",
        "describe_mount_targets",
        FileSystemId=adopted.file_system_id,
        absent=("FileSystemNotFound",),
    )
    return list(said["MountTargets"]) if said else []


def access_point(account: Account, environment: Environment) -> Iterator[Finding]:
    """The access point belongs to the file system; as whom and where the job reads is told."""
    adopted = environment.file_system
    if adopted is None:
        return
    name = adopted.access_point_id
    found = account.ask(
        "efs", "describe_access_points", AccessPointId=name, absent=("AccessPointNotFound",)
    )
    if found is None:
        yield trouble(
            f"there is no access point {name} in {account.region}",
            "look at file_system.access_point_id",
        )
        return
    point = found["AccessPoints"][0]
    if point["FileSystemId"] != adopted.file_system_id:
        yield trouble(
            f"the access point {name} is of {point['FileSystemId']}, not of "
            f"{adopted.file_system_id}",
            f"aws efs describe-access-points --file-system-id {adopted.file_system_id}",
        )
        return
    if point["LifeCycleState"] != "available":
        yield trouble(
            f"the access point {name} is {point['LifeCycleState']}", "wait, or name another"
        )
    root = point.get("RootDirectory", {})
    path = root.get("Path", "/")
    user = point.get("PosixUser")
    whom = f"uid {user['Uid']}, gid {user['Gid']}" if user else f"the image's uid {CONTAINER_UID}"
    yield ok(
        f"through {name} the job reads {environment.database_path} as {whom}, below {path} of "
        f"{adopted.file_system_id}"
    )
    if path != "/" and "CreationInfo" not in root:
        yield warning(
            f"the access point {name} makes no folder {path} by itself; where there is none, "
            "mounting fails",
            "see that the folder exists, or make an access point with creation info",
        )


def security_group(account: Account, environment: Environment) -> Iterator[Finding]:
    """The mount targets' group exists, in the network the job runs in."""
    adopted, network = environment.file_system, environment.vpc
    if adopted is None or network is None:
        return
    name = adopted.security_group_id
    found = account.ask(
        "ec2", "describe_security_groups", Filters=[{"Name": "group-id", "Values": [name]}]
    )["SecurityGroups"]
    if not found:
        yield trouble(
            f"there is no security group {name} in {account.region}",
            "look at file_system.security_group_id",
        )
    elif found[0]["VpcId"] != network.vpc_id:
        yield trouble(
            f"the security group {name} is in {found[0]['VpcId']}, not in {network.vpc_id}",
            "name the mount targets' group in the network the job runs in",
        )
    else:
        yield ok(f"the security group {name} exists in {network.vpc_id}")
