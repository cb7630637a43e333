"""A first deployment that fails, by the real `cdk`: nothing of it is in the way of the next."""

from collections.abc import Iterator

import pytest

from tests.infra.emulator import ACCOUNT, REGION, Emulator, emulator

pytestmark = pytest.mark.slow

DEPLOY = ("deploy", "ProdStack", "--require-approval", "never", "--method", "direct")
TAKEN = "/cocktail-analytics/prod/bucket"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with emulator(tmp_path_factory.mktemp("aws")) as running:
        running.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
        yield running


def status(aws: Emulator) -> str:
    [stack] = aws.client("cloudformation").describe_stacks(StackName="ProdStack")["Stacks"]
    found: str = stack["StackStatus"]
    return found


def data(aws: Emulator) -> tuple[int, int]:
    """How many buckets (the CDK's own left out) and file systems there are."""
    buckets = [b["Name"] for b in aws.client("s3").list_buckets()["Buckets"]]
    return (
        len([name for name in buckets if not name.startswith("cdk-")]),
        len(aws.client("efs").describe_file_systems()["FileSystems"]),
    )


def test_what_a_failed_creation_made_is_gone_and_the_next_try_succeeds(aws: Emulator) -> None:
    ssm = aws.client("ssm")
    ssm.put_parameter(Name=TAKEN, Value="somebody else's", Type="String")
    said = aws.cdk(*DEPLOY, expect=1)
    assert "ROLLBACK_COMPLETE" in said
    assert "already exists" in said
    assert status(aws) == "ROLLBACK_COMPLETE"
    assert data(aws) == (0, 0), "each try would leave a bucket and a file system behind"

    ssm.delete_parameter(Name=TAKEN)
    aws.cdk(*DEPLOY)  # the CLI deletes the failed stack itself, if nothing forbids it
    assert status(aws) == "CREATE_COMPLETE"
    assert data(aws) == (1, 1)


def test_data_outlives_the_stack(aws: Emulator) -> None:
    aws.cdk("destroy", "ProdStack", "--force")
    assert data(aws) == (1, 1)
