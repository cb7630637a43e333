import dataclasses
import re

import pytest

from infra.environments import (
    DEV,
    PROD,
    Environment,
    InvalidEnvironment,
    NetworkMode,
)
from infra.overrides import environments_from, smoke_from
from infra.templates import Json

VPC = {
    "vpc_id": "vpc-0123456789abcdef0",
    "availability_zones": ["eu-west-1a", "eu-west-1b"],
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}


def test_without_context_the_defaults_stand() -> None:
    assert environments_from(None) == {"dev": DEV, "prod": PROD}
    assert environments_from({}) == {"dev": DEV, "prod": PROD}


def test_single_fields_are_overridden_and_the_rest_stays() -> None:
    made = environments_from(
        {"dev": {"network_mode": "nat", "vcpus": 4.0, "minutes_per_run": 5, "vpc": VPC}}
    )
    assert made["prod"] == PROD
    dev = made["dev"]
    assert dev.network_mode is NetworkMode.NAT
    assert dev.vcpus == 4
    assert isinstance(dev.vcpus, int)
    assert dev.vpc is not None
    assert dev.vpc.subnet_ids == tuple(VPC["subnet_ids"])
    assert (
        dataclasses.replace(
            dev, network_mode=DEV.network_mode, vcpus=2, minutes_per_run=0.5, vpc=None
        )
        == DEV
    )


def test_one_bucket_serves_both_when_their_prefixes_differ() -> None:
    made = environments_from(
        {"dev": {"bucket_name": "one", "bucket_prefix": "dev"}, "prod": {"bucket_name": "one"}}
    )
    assert (made["dev"].key_prefix, made["prod"].key_prefix) == ("dev/", "")


@pytest.mark.parametrize(
    "path", ["s3://bucket/site.db", "s3:///database/site.db", "/mnt/efs/a/b.db"]
)
def test_the_database_may_lie_on_the_file_system_or_in_s3(path: str) -> None:
    made = environments_from({"dev": {"database_path": path}})["dev"]
    assert made.database_in_s3 is path.startswith("s3")


def test_the_throwaway_is_devs_twin_and_takes_overrides() -> None:
    assert dataclasses.replace(smoke_from("{}"), name="dev", stack_name="DevStack") == DEV
    assert smoke_from({"vcpus": 4}).vcpus == 4
    assert smoke_from('{"vcpus": 4}').stack_name == "SmokeStack"
    with pytest.raises(InvalidEnvironment, match="context 'smoke' is no JSON"):
        smoke_from("{")


def test_every_field_is_described() -> None:
    documented = set(re.findall(r"^    ([a-z_, ]+)$", Environment.__doc__ or "", re.MULTILINE))
    names = {name for line in documented for name in line.split(", ")}
    assert names >= {field.name for field in dataclasses.fields(Environment)}


def test_the_command_line_hands_text_over() -> None:
    assert environments_from('{"dev": {"vcpus": 4}}')["dev"].vcpus == 4


@pytest.mark.parametrize(
    ("context", "words"),
    [
        ({"stage": {}}, "names 'stage'"),
        ([], "must be an object"),
        ("{dev", "is no JSON"),
        ({"dev": 3}, "must be an object"),
        ({"dev": {"memory": 1}}, "there is no field 'memory'"),
        ({"dev": {"vcpus": True}}, "vcpus must be a whole number"),
        ({"dev": {"vcpus": "2"}}, "vcpus must be a whole number"),
        ({"dev": {"vcpus": 2.5}}, "vcpus must be a whole number"),
        ({"dev": {"vcpus": 65}}, "give 1 to 64"),
        ({"dev": {"vcpus": 8, "memory_mib": 16384}}, "instance_types has none that holds a job"),
        ({"dev": {"instance_types": ["c7g.large"]}}, "needs two types or more"),
        ({"dev": {"instance_types": ["c7i.large", "c7g.large"]}}, "an ARM64 type with its size"),
        ({"dev": {"instance_types": ["optimal", "c7g.large"]}}, "an ARM64 type with its size"),
        ({"dev": {"zones": 1}}, "give 2 to 6"),
        ({"dev": {"quiet_minutes": 0}}, "quiet_minutes is 0 minutes; give 1 to 1440"),
        ({"dev": {"quiet_minutes": 2000, "maximum_wait_minutes": 2000}}, "quiet_minutes is 2000"),
        ({"dev": {"minutes_per_run": 0}}, "more than 0, up to the timeout"),
        ({"dev": {"minutes_per_run": 31}}, "more than 0, up to the timeout"),
        ({"dev": {"monthly_budget_usd": 0}}, "US dollars above 0"),
        ({"dev": {"bucket_prefix": "/bar/"}}, "bucket_prefix"),
        ({"dev": {"bucket_key_arn": "alias/x", "bucket_name": "bar"}}, "arn:aws:kms"),
        (
            {"dev": {"bucket_key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1"}},
            "a bucket made here has S3's own encryption",
        ),
        ({"dev": {"database_layout": "mealie"}}, "choose one of auto, cocktaildb, bar-assistant"),
        ({"dev": {"database_bar": " "}}, "database_bar"),
        ({"dev": {"database_path": "s3://bucket"}}, "'s3://my-bucket/cocktails.db'"),
        ({"dev": {"database_path": "s3://Bad_Name/x.db"}}, "'s3://my-bucket/cocktails.db'"),
        ({"dev": {"database_path": "s3:///cocktails.db"}}, "must lie below database/"),
        (
            {"dev": {"database_path": "s3://mine/analytics/v1/x.db", "bucket_name": "mine"}},
            "must lie below database/",
        ),
        (
            {
                "dev": {
                    "database_path": "s3:///database/x.db",
                    "database_key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1",
                }
            },
            "this one's key is bucket_key_arn",
        ),
        ({"dev": {"bucket_name": "one"}, "prod": {"bucket_name": "one"}}, "overwrite the other's"),
        (
            {
                "dev": {"bucket_name": "one", "bucket_prefix": "bar"},
                "prod": {"bucket_name": "one", "bucket_prefix": "bar"},
            },
            "bucket_prefix of its own",
        ),
        ({"dev": {"nightly_refresh": 1}}, "must be true or false"),
        ({"dev": {"network_mode": "vpn"}}, "one of public, endpoints, nat"),
        ({"dev": {"memory_mib": 2047}}, "give 2048 to"),
        ({"dev": {"scratch_mib": 3000}}, "scratch_mib"),
        ({"dev": {"quiet_minutes": 40}}, "maximum_wait_minutes is 30"),
        ({"dev": {"log_retention_days": 8}}, "CloudWatch accepts 1, 3, 5, 7"),
        ({"dev": {"database_path": "/mnt/efs/../x"}}, "it must lie below /mnt/efs/, or be s3://"),
        ({"dev": {"database_path": "/data/x.db"}}, "it must lie below /mnt/efs/, or be s3://"),
        ({"dev": {"alarm_email": "bar"}}, "bar@example.org"),
        ({"dev": {"api_handler_role_arn": "Role"}}, "should look like 'arn:aws:iam"),
        ({"dev": {"bucket_name": "Bad_Name"}}, "bucket_name"),
        ({"dev": {"vpc": {"vpc_id": "vpc-0123456789abcdef0"}}}, "lacks availability_zones"),
        ({"dev": {"vpc": VPC | {"vpc_id": "net-1"}}}, "should look like 'vpc-"),
        ({"dev": {"vpc": VPC | {"subnet_ids": VPC["subnet_ids"][:1]}}}, "two zones or more"),
        ({"dev": {"vpc": VPC | {"subnet_ids": "subnet-1"}}}, "must be a list of strings"),
        (
            {
                "dev": {
                    "file_system": {
                        "file_system_id": "fs-0123456789",
                        "access_point_id": "fsap-0123456789",
                        "security_group_id": "sg-0123456789",
                    }
                }
            },
            "vpc must be adopted too",
        ),
        ({"dev": {"name": "other"}}, "name cannot be changed"),
        ({"smoke": {}}, "names 'smoke'; there are dev and prod"),
    ],
)
def test_an_invalid_value_is_one_clear_sentence(
    context: Json | list[str] | str, words: str
) -> None:
    with pytest.raises(InvalidEnvironment) as caught:
        environments_from(context)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert message.endswith(".")
