import dataclasses

import pytest

from infra.environments import DEV, PROD, InvalidEnvironment, NetworkMode, environments_from

VPC = {
    "vpc_id": "vpc-0123456789abcdef0",
    "availability_zones": ["eu-west-1a", "eu-west-1b"],
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
}


def test_without_context_the_defaults_stand():
    assert environments_from(None) == {"dev": DEV, "prod": PROD}
    assert environments_from({}) == {"dev": DEV, "prod": PROD}


def test_single_fields_are_overridden_and_the_rest_stays():
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
            dev, network_mode=DEV.network_mode, vcpus=2, minutes_per_run=3.0, vpc=None
        )
        == DEV
    )


def test_the_command_line_hands_text_over():
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
        ({"dev": {"vcpus": 3}}, "give 1, 2, 4 or 8"),
        ({"dev": {"nightly_refresh": 1}}, "must be true or false"),
        ({"dev": {"network_mode": "vpn"}}, "one of public, endpoints, nat"),
        ({"dev": {"memory_mib": 2047}}, "give 2048 to"),
        ({"dev": {"scratch_mib": 3000}}, "scratch_mib"),
        ({"dev": {"quiet_minutes": 40}}, "maximum_wait_minutes is 30"),
        ({"dev": {"log_retention_days": 8}}, "CloudWatch accepts 1, 3, 5, 7"),
        ({"dev": {"database_path": "/mnt/efs/../x"}}, "must lie below /mnt/efs/"),
        ({"dev": {"database_path": "/data/x.db"}}, "must lie below /mnt/efs/"),
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
    ],
)
def test_an_invalid_value_is_one_clear_sentence(context, words):
    with pytest.raises(InvalidEnvironment) as caught:
        environments_from(context)
    message = str(caught.value)
    assert words in message
    assert "\n" not in message
    assert message.endswith(".")
