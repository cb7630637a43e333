"""Who asks, from where, and what has to be there before any deployment: bootstrap and roles."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.account import DEFAULT_QUALIFIER, Account
from infra.doctor.findings import Finding, ok, trouble, warning
from infra.doctor.refusals import quoted
from infra.environments import Environment

BOOTSTRAP_VERSION = 6
"""What the stacks' own rule CheckBootstrapVersion asks for."""

SERVICE_ROLES = (
    ("batch.amazonaws.com", "AWSServiceRoleForBatch", "the compute environment is created"),
    ("spot.amazonaws.com", "AWSServiceRoleForEC2Spot", "the first Spot instance is asked for"),
)
"""Service, its role, and when AWS makes it. A Spot Fleet role is needed by BEST_FIT alone."""


def principal(account: Account, environment: Environment) -> Iterator[Finding]:
    """Whose credentials they are, and where they lead."""
    del environment
    yield ok(f"this is account {account.number}, region {account.region}, as {account.arn}")
    if account.arn.endswith(":root"):
        yield warning(
            "these are the root user's credentials, and root cannot take the bootstrap's roles",
            "deploy as a user or role of the account, for example through IAM Identity Center",
        )


def bootstrap(account: Account, environment: Environment) -> Iterator[Finding]:
    """The CDK's bootstrap: its version, its bucket, its repository."""
    del environment
    name = f"/cdk-bootstrap/{account.qualifier}/version"
    again = f"cdk bootstrap aws://{account.number}/{account.region}"
    if account.qualifier != DEFAULT_QUALIFIER:
        again += f" --qualifier {account.qualifier}"
    found = account.ask("ssm", "get_parameter", Name=name, absent=("ParameterNotFound",))
    if found is None:
        yield trouble(f"the CDK is not bootstrapped here: there is no parameter {name}", again)
        return
    version = found["Parameter"]["Value"]
    if not version.isdigit() or int(version) < BOOTSTRAP_VERSION:
        yield trouble(
            f"the CDK's bootstrap is of version {version}; the stacks need {BOOTSTRAP_VERSION}",
            again,
        )
    else:
        yield ok(f"the CDK is bootstrapped, version {version}")
    anew = f"delete the stack CDKToolkit, which still believes in it, then {again}"
    assets = f"cdk-{account.qualifier}-assets-{account.number}-{account.region}"
    if account.ask("s3", "head_bucket", Bucket=assets, absent=("404", "NoSuchBucket")) is None:
        yield trouble(f"the bootstrap's bucket {assets} is gone", anew)
    images = f"cdk-{account.qualifier}-container-assets-{account.number}-{account.region}"
    repository = account.ask(
        "ecr",
        "describe_repositories",
        repositoryNames=[images],
        absent=("RepositoryNotFoundException",),
    )
    if repository is None:
        yield trouble(f"the bootstrap's image repository {images} is gone", anew)


def service_roles(account: Account, environment: Environment) -> Iterator[Finding]:
    """The service-linked roles exist, or will be made at first use."""
    del environment
    for service, name, moment in SERVICE_ROLES:
        if account.ask("iam", "get_role", RoleName=name, absent=("NoSuchEntity",)) is not None:
            yield ok(f"the service-linked role {name} exists")
            continue
        make = f"aws iam create-service-linked-role --aws-service-name {service}"
        decision = _may_create(account, service, name)
        if decision == "allowed":
            yield ok(f"the role {name} will be made when {moment}")
        elif decision is None:
            yield warning(
                f"there is no role {name} yet; AWS makes it when {moment}, if CloudFormation's "
                "role may iam:CreateServiceLinkedRole (a plain bootstrap's may)",
                f"to be sure, once per account: {make}",
            )
        else:
            yield trouble(
                f"there is no role {name}, and CloudFormation's role may not make it: "
                f"iam:CreateServiceLinkedRole is {quoted(decision)}",
                f"have somebody who may run, once per account: {make}",
            )


def _may_create(account: Account, service: str, name: str) -> str | None:
    """Return IAM's decision on CloudFormation's role; None before the bootstrap."""
    execution = f"cdk-{account.qualifier}-cfn-exec-role-{account.number}-{account.region}"
    role = account.ask("iam", "get_role", RoleName=execution, absent=("NoSuchEntity",))
    if role is None:
        return None
    linked = f"role/aws-service-role/{service}/{name}"
    said = account.ask(
        "iam",
        "simulate_principal_policy",
        PolicySourceArn=role["Role"]["Arn"],
        ActionNames=["iam:CreateServiceLinkedRole"],
        ResourceArns=[f"arn:{account.partition}:iam::{account.number}:{linked}"],
        ContextEntries=[
            {
                "ContextKeyName": "iam:AWSServiceName",
                "ContextKeyValues": [service],
                "ContextKeyType": "string",
            }
        ],
    )
    return str(said["EvaluationResults"][0]["EvalDecision"])


def api_handler(account: Account, environment: Environment) -> Iterator[Finding]:
    """The site's role, which Lambda refuses as a principal when it does not exist."""
    arn = environment.api_handler_role_arn
    if arn is None:
        return
    owner, name = arn.split(":")[4], arn.rpartition("/")[2]
    if owner != account.number:
        yield warning(
            f"api_handler_role_arn is a role of account {owner}; whether it exists cannot be "
            "seen from here",
            f"there: aws iam get-role --role-name {name}",
        )
        return
    role = account.ask("iam", "get_role", RoleName=name, absent=("NoSuchEntity",))
    if role is None:
        yield trouble(
            f"api_handler_role_arn names a role {name} that does not exist; Lambda refuses it",
            "deploy the site first, or leave the field out until then",
        )
    elif role["Role"]["Arn"] != arn:
        yield trouble(
            f"api_handler_role_arn is {arn}, but the role is {role['Role']['Arn']}",
            "copy the ARN whole, with the role's path",
        )
    else:
        yield ok(f"the site's role {name} exists")
