"""Each rule is broken once, in the finished template, as an override would break it."""

import pytest

from infra import preflight
from infra.rules_batch import INSTANCE_CAPACITY
from infra.templates import Resource, StackTemplates

JOB = "AWS::Batch::JobDefinition"
COMPUTE = "AWS::Batch::ComputeEnvironment"
QUEUE = "AWS::Batch::JobQueue"


def first(stack: StackTemplates, kind: str) -> Resource:
    return next(iter(stack.resources(kind)))


def job(stack):
    return first(stack, JOB).properties


def container(stack):
    return job(stack)["ContainerProperties"]


def efs(stack):
    return container(stack)["Volumes"][0]["EfsVolumeConfiguration"]


def rules(stack):
    return job(stack)["RetryStrategy"]["EvaluateOnExit"]


def compute(stack):
    return first(stack, COMPUTE).properties


def resources(stack):
    return compute(stack)["ComputeResources"]


def launch(stack):
    return first(stack, "AWS::EC2::LaunchTemplate").properties["LaunchTemplateData"]


def trigger(stack):
    return next(
        f
        for f in stack.resources("AWS::Lambda::Function")
        if "BATCH_JOB_QUEUE" in str(f.properties)
    ).properties


def job_role(stack):
    definition = first(stack, JOB)
    role = stack.named(definition.template, container(stack)["JobRoleArn"])
    assert role is not None
    return role


def job_statements(stack):
    role = job_role(stack)
    for policy in stack.resources("AWS::IAM::Policy"):
        if (
            policy.template == role.template
            and {"Ref": role.logical_id} in policy.properties["Roles"]
        ):
            return policy.properties["PolicyDocument"]["Statement"]
    raise AssertionError("the job's role has no policy")


def submit_statement(stack):
    for policy in stack.resources("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if "batch:SubmitJob" in statement["Action"]:
                return statement
    raise AssertionError("nobody may submit")


def without(kind, *, containing):
    def breaking(stack):
        for template in stack.templates.values():
            for key, body in list(template["Resources"].items()):
                if body["Type"] == kind and containing in str(body):
                    del template["Resources"][key]

    return breaking


def variable(stack, name, value):
    for entry in container(stack)["Environment"]:
        if entry["Name"] == name:
            entry["Value"] = value


def drop_dependency(stack):
    for nested in stack.resources("AWS::CloudFormation::Stack"):
        nested.body.pop("DependsOn", None)


BREAKS = [
    # rule, how an override would break it
    ("retry-pattern", lambda s: rules(s)[0].update(OnStatusReason="*Spot*")),
    ("retry-pattern", lambda s: rules(s)[2].update(OnExitCode="7*5")),
    ("retry-pattern", lambda s: rules(s)[1].update(OnReason="Cannot-Pull*")),
    ("retry-order", lambda s: rules(s).reverse()),
    ("retry-order", lambda s: rules(s).pop()),
    ("retry-order", lambda s: job(s).pop("RetryStrategy")),
    ("retry-limits", lambda s: rules(s).extend(rules(s)[:2])),
    ("retry-limits", lambda s: job(s)["RetryStrategy"].update(Attempts=11)),
    ("retry-limits", lambda s: job(s)["RetryStrategy"].pop("Attempts")),
    ("mount-volume", lambda s: container(s)["MountPoints"][0].update(SourceVolume="other")),
    ("mount-read-only", lambda s: container(s)["MountPoints"][0].update(ReadOnly=False)),
    ("efs-root", lambda s: efs(s).update(RootDirectory="/data")),
    ("efs-encryption", lambda s: efs(s).update(TransitEncryption="DISABLED")),
    ("efs-iam", lambda s: efs(s)["AuthorizationConfig"].update(Iam="DISABLED")),
    ("efs-iam", lambda s: container(s).pop("JobRoleArn")),
    ("role-trust", lambda s: job_role(s).properties["AssumeRolePolicyDocument"]["Statement"][0]
     .update(Principal={"Service": "batch.amazonaws.com"})),
    ("arm64-only", lambda s: resources(s)["InstanceTypes"].append("optimal")),
    ("arm64-only", lambda s: resources(s)["InstanceTypes"].append("c7i.large")),
    ("ecs-al2023", lambda s: resources(s).pop("Ec2Configuration")),
    ("job-fits", lambda s: resources(s).update(InstanceTypes=["c7g.medium"])),
    ("job-fits", lambda s: container(s)["ResourceRequirements"][0].update(Value="16384")),
    ("job-fits", lambda s: resources(s).update(MaxvCpus=1)),
    ("scratch-memory", lambda s: container(s)["LinuxParameters"]["Tmpfs"][0].update(Size=2000)),
    ("mount-targets-first", drop_dependency),
    ("endpoints", without("AWS::EC2::VPCEndpoint", containing=".ecs-telemetry")),
    ("endpoints", without("AWS::EC2::VPCEndpoint", containing=".logs")),
    ("layer-buckets", without("AWS::EC2::VPCEndpoint", containing="starport")),
    ("physical-name", lambda s: job(s).update(JobDefinitionName="refresh")),
    ("physical-name", lambda s: compute(s).update(ComputeEnvironmentName="spot")),
    ("physical-name", lambda s: first(s, QUEUE).properties.update(JobQueueName="queue")),
    ("separate-roles", lambda s: container(s).update(ExecutionRoleArn=container(s)["JobRoleArn"])),
    ("job-rights", lambda s: job_statements(s)[0].update(Action="s3:*")),
    ("job-rights", lambda s: job_statements(s)[0].update(Resource="*")),
    ("job-rights", lambda s: job_role(s).properties.update(ManagedPolicyArns=["Admin"])),
    ("instance-profile", lambda s: resources(s).update(InstanceRole="ecsInstanceRole")),
    ("service-role", lambda s: compute(s).update(ServiceRole="arn:aws:iam::1:role/x")),
    ("spot-role", lambda s: resources(s).update(SpotIamFleetRole="arn:aws:iam::1:role/x")),
    ("spot-strategy", lambda s: resources(s).update(AllocationStrategy="SPOT_CAPACITY_OPTIMIZED")),
    ("scale-to-zero", lambda s: resources(s).update(MinvCpus=2)),
    ("vcpu-range", lambda s: resources(s).update(MinvCpus=99)),
    ("spot-pools", lambda s: resources(s).update(Subnets=resources(s)["Subnets"][:1])),
    ("spot-pools", lambda s: resources(s).update(InstanceTypes=["c7g.large"])),
    ("job-timeout", lambda s: job(s).pop("Timeout")),
    ("stuck-jobs", lambda s: first(s, QUEUE).properties.pop("JobStateTimeLimitActions")),
    ("imdsv2", lambda s: launch(s)["MetadataOptions"].update(HttpTokens="optional")),
    ("imdsv2", lambda s: launch(s)["MetadataOptions"].update(HttpPutResponseHopLimit=2)),
    ("encrypted-volume", lambda s: launch(s)["BlockDeviceMappings"][0]["Ebs"].pop("Encrypted")),
    ("launch-template", lambda s: resources(s).pop("LaunchTemplate")),
    ("privileged", lambda s: container(s).update(Privileged=True)),
    ("read-only-root", lambda s: container(s).pop("ReadonlyRootFilesystem")),
    ("plain-user", lambda s: container(s).update(User="0:0")),
    ("plain-user", lambda s: container(s).pop("User")),
    ("log-group", lambda s: container(s).pop("LogConfiguration")),
    ("log-group", lambda s: container(s)["LogConfiguration"]["Options"].pop("awslogs-group")),
    ("log-retention", lambda s: first(s, "AWS::Logs::LogGroup").properties.pop("RetentionInDays")),
    ("failed-event", without("AWS::Events::Rule", containing="FAILED")),
    ("blocked-event", without("AWS::Events::Rule", containing="Blocked")),
    ("freshness", without("AWS::CloudWatch::Alarm", containing="'breaching'")),
    ("trigger-outside-vpc", lambda s: trigger(s).update(VpcConfig={"SubnetIds": ["subnet-1"]})),
    ("submit-rights", lambda s: submit_statement(s).update(Resource="*")),
    ("image-tag", lambda s: container(s).update(Image="registry/analytics:latest")),
    ("image-platform", lambda s: next(iter(s.images.values())).pop("platform")),
    ("threads", lambda s: variable(s, "ANALYTICS_THREADS", "8")),
    ("reserved-concurrency", lambda s: trigger(s).update(ReservedConcurrentExecutions=1)),
    ("data-policy", lambda s: first(s, "AWS::S3::Bucket").body.update(DeletionPolicy="Delete")),
    ("data-policy", lambda s: first(s, "AWS::EFS::FileSystem").body.update(
        DeletionPolicy="Delete", UpdateReplacePolicy="Delete")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "breaking"), BREAKS, ids=[f"{i}-{rule}" for i, (rule, _) in enumerate(BREAKS)]
)
def test_a_broken_rule_is_named_and_mended_in_words(synthesized, prod, rule, breaking):
    breaking(prod)
    found = preflight.check(prod, synthesized.environments["ProdStack"])
    assert rule in {trouble.rule for trouble in found}
    for trouble in found:
        assert trouble.what.endswith(".")
        assert trouble.where


@pytest.mark.parametrize("name", ["DevStack", "ProdStack"])
def test_our_own_stacks_are_quiet(synthesized, name):
    assert preflight.check(synthesized.stacks[name], synthesized.environments[name]) == []


def test_the_whole_assembly_is_quiet(synthesized):
    assert preflight.check_assembly(synthesized.folder, synthesized.environments) == []


def test_a_heavy_bundle_is_noticed(prod, tmp_path):
    function = next(
        f for f in prod.resources("AWS::Lambda::Function") if "BATCH_JOB_QUEUE" in str(f.body)
    )
    bundle = tmp_path / function.body["Metadata"]["aws:asset:path"]
    bundle.mkdir()
    (bundle / "numpy.bin").write_bytes(b"0" * 2_000_000)
    heavy = StackTemplates(prod.name, prod.templates, prod.images, tmp_path)
    assert "thin-trigger" in {trouble.rule for trouble in preflight.check(heavy)}


def test_every_listed_instance_type_is_known_to_the_fitting_rule(prod):
    for environment in prod.resources(COMPUTE):
        assert set(environment.properties["ComputeResources"]["InstanceTypes"]) == set(
            INSTANCE_CAPACITY
        )
