"""The network and the file system: made here, or adopted by attributes.

Nothing in an adopted network is changed. To an adopted file system one ingress rule is added on
its mount targets' security group, so that the job's instances may reach it. An environment whose
database lies in S3 has no file system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Annotations, Aws, Fn, NestedStack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from constructs import Construct, IDependable

from infra.data import kept
from infra.environments import CONTAINER_UID, AdoptedFileSystem, Environment, NetworkMode
from infra.facts import INTERFACE_ENDPOINTS, LAYER_BUCKET

NFS = ec2.Port.tcp(2049)
HTTPS = ec2.Port.tcp(443)


@dataclass(frozen=True, slots=True, kw_only=True)
class MountableFileSystem:
    """What the job definition and the job's role must know of the file system."""

    file_system: efs.IFileSystem
    access_point_id: str
    access_point_arn: str
    ready: IDependable | None
    """The mount targets, when they are made here; the first job must wait for them."""


class NetworkStack(NestedStack):
    """VPC, subnets, endpoints, security groups and the file system.

    Attributes
    ----------
    vpc
        The network.
    subnets
        Where the instances run.
    instances
        The security group of the instances: nothing in, 443 and 2049 out.
    mount
        The file system with its access point; None when the database is in S3.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        **kwargs: Any,
    ) -> None:
        super().__init__(scope, construct_id, **kwargs)
        self.vpc, self.subnets = _network(self, environment)
        self.instances = ec2.SecurityGroup(
            self,
            "Instances",
            vpc=self.vpc,
            description="Batch instances: nothing in; out to HTTPS and to the file system",
            allow_all_outbound=False,
        )
        self.instances.add_egress_rule(
            ec2.Peer.any_ipv4(), HTTPS, "ECS, ECR, S3 and CloudWatch, which have no fixed addresses"
        )
        if environment.vpc is None and environment.network_mode is NetworkMode.ENDPOINTS:
            _endpoints(self, self.vpc, self.subnets, self.instances)
            _restrict_gateway(self.vpc)
        self.mount: MountableFileSystem | None = None
        if not environment.database_in_s3:
            self._mount(environment)

    def _mount(self, environment: Environment) -> None:
        if environment.file_system is None:
            self.mount, targets = _own_file_system(self, environment, self.vpc, self.subnets)
        else:
            self.mount, targets = _adopted_file_system(self, environment.file_system)
        self.instances.add_egress_rule(targets, NFS, "Mount targets of the file system")
        ec2.CfnSecurityGroupIngress(
            self,
            "MountFromInstances",
            description="Cocktail analytics: Batch instances mount the file system",
            group_id=targets.security_group_id,
            ip_protocol="tcp",
            from_port=2049,
            to_port=2049,
            source_security_group_id=self.instances.security_group_id,
        )


def _network(scope: Construct, environment: Environment) -> tuple[ec2.IVpc, ec2.SubnetSelection]:
    adopted = environment.vpc
    if adopted is not None:
        public = environment.network_mode is NetworkMode.PUBLIC
        vpc = ec2.Vpc.from_vpc_attributes(
            scope,
            "Vpc",
            vpc_id=adopted.vpc_id,
            availability_zones=list(adopted.availability_zones),
            public_subnet_ids=list(adopted.subnet_ids) if public else None,
            private_subnet_ids=None if public else list(adopted.subnet_ids),
        )
        subnets = vpc.public_subnets if public else vpc.private_subnets
        for subnet in subnets:
            Annotations.of(subnet).acknowledge_warning(
                "@aws-cdk/aws-ec2:noSubnetRouteTableId", "nothing is added to an adopted route"
            )
        return vpc, ec2.SubnetSelection(subnets=list(subnets))
    layout = {
        NetworkMode.PUBLIC: [("Public", ec2.SubnetType.PUBLIC, 22)],
        NetworkMode.ENDPOINTS: [("Isolated", ec2.SubnetType.PRIVATE_ISOLATED, 22)],
        NetworkMode.NAT: [
            ("Public", ec2.SubnetType.PUBLIC, 26),
            ("Private", ec2.SubnetType.PRIVATE_WITH_EGRESS, 22),
        ],
    }[environment.network_mode]
    own = ec2.Vpc(
        scope,
        "Vpc",
        # By position, so that the template needs no account to be made.
        availability_zones=[Fn.select(i, Fn.get_azs()) for i in range(environment.zones)],
        nat_gateways=1 if environment.network_mode is NetworkMode.NAT else 0,
        restrict_default_security_group=False,  # would bring in a Lambda of its own
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name=name,
                subnet_type=kind,
                cidr_mask=mask,
                # Without an address of its own, an instance behind no NAT cannot reach ECS.
                map_public_ip_on_launch=True if kind is ec2.SubnetType.PUBLIC else None,
            )
            for name, kind, mask in layout
        ],
        # Free, and it keeps the image's layers and the documents off a NAT gateway's bill.
        gateway_endpoints={
            "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
        },
    )
    return own, ec2.SubnetSelection(subnet_group_name=layout[-1][0])


def _endpoints(
    scope: Construct, vpc: ec2.IVpc, subnets: ec2.SubnetSelection, instances: ec2.SecurityGroup
) -> None:
    guard = ec2.SecurityGroup(
        scope,
        "Endpoints",
        vpc=vpc,
        description="Interface endpoints: HTTPS in from the Batch instances",
        allow_all_outbound=False,
    )
    guard.add_ingress_rule(instances, HTTPS, "Batch instances")
    for service in INTERFACE_ENDPOINTS:
        ec2.InterfaceVpcEndpoint(
            scope,
            "".join(word.capitalize() for word in service.replace(".", "-").split("-")),
            vpc=vpc,
            service=ec2.InterfaceVpcEndpointAwsService(service),
            subnets=subnets,
            security_groups=[guard],
            open=False,  # the rule above, not the whole network
            private_dns_enabled=True,
        )


def _restrict_gateway(vpc: ec2.IVpc) -> None:
    """Let an isolated network's S3 gateway lead to this account's buckets and the layers only."""
    gateway = vpc.node.find_child("S3")
    assert isinstance(gateway, ec2.GatewayVpcEndpoint)  # noqa: S101 - for the type checker
    gateway.add_to_policy(
        iam.PolicyStatement(
            sid="ImageLayers",  # ECR hands out layers from a bucket of its own, one a region
            principals=[iam.AnyPrincipal()],
            actions=["s3:GetObject"],
            resources=[f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-{LAYER_BUCKET}/*"],
        )
    )
    gateway.add_to_policy(
        iam.PolicyStatement(
            sid="OwnBuckets",  # which of them, the job's role says
            principals=[iam.AnyPrincipal()],
            actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
            resources=["*"],
            conditions={"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}},
        )
    )


def _own_file_system(
    scope: NetworkStack,
    environment: Environment,
    vpc: ec2.IVpc,
    subnets: ec2.SubnetSelection,
) -> tuple[MountableFileSystem, ec2.ISecurityGroup]:
    targets = ec2.SecurityGroup(
        scope,
        "MountTargets",
        vpc=vpc,
        description="EFS mount targets: NFS in from the Batch instances, nothing out",
        allow_all_outbound=False,
    )
    file_system = efs.FileSystem(
        scope,
        "FileSystem",
        vpc=vpc,
        vpc_subnets=subnets,
        security_group=targets,
        encrypted=True,
        enable_automatic_backups=environment.backups,
        removal_policy=kept(environment),
        # A policy of its own ends the default, by which whoever reaches a mount target may write
        # as root. Rights then come from the clients' own roles; plain NFS is refused.
        file_system_policy=iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    sid="EncryptedOnly",
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["*"],
                    conditions={"Bool": {"aws:SecureTransport": "false"}},
                )
            ]
        ),
    )
    user = str(CONTAINER_UID)
    access_point = file_system.add_access_point(
        "AccessPoint",
        path="/cocktails",
        create_acl=efs.Acl(owner_gid=user, owner_uid=user, permissions="755"),
        posix_user=efs.PosixUser(gid=user, uid=user),
    )
    mount = MountableFileSystem(
        file_system=file_system,
        access_point_id=access_point.access_point_id,
        access_point_arn=access_point.access_point_arn,
        ready=file_system.mount_targets_available,
    )
    return mount, targets


def _adopted_file_system(
    scope: NetworkStack, adopted: AdoptedFileSystem
) -> tuple[MountableFileSystem, ec2.ISecurityGroup]:
    targets = ec2.SecurityGroup.from_security_group_id(
        scope, "MountTargets", adopted.security_group_id, mutable=False
    )
    file_system = efs.FileSystem.from_file_system_attributes(
        scope,
        "FileSystem",
        file_system_id=adopted.file_system_id,
        security_group=targets,
    )
    arn = scope.format_arn(
        service="elasticfilesystem", resource="access-point", resource_name=adopted.access_point_id
    )
    mount = MountableFileSystem(
        file_system=file_system,
        access_point_id=adopted.access_point_id,
        access_point_arn=arn,
        ready=None,
    )
    return mount, targets
