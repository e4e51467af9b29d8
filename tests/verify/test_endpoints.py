"""The function derives CloudFormation's endpoint from that of Systems Manager (src/main.rs). AWS's own rules agree."""

import boto3
import botocore.exceptions
from botocore.config import Config

SESSION = boto3.session.Session()


def endpoint(service: str, region: str, fips: bool, dual_stack: bool) -> str:
    config = Config(use_fips_endpoint=fips, use_dualstack_endpoint=dual_stack)
    client = SESSION.client(service, region, config=config, aws_access_key_id="test", aws_secret_access_key="test")
    url: str = client.meta.endpoint_url
    return url


def test_the_endpoints_of_the_two_services_differ_in_the_name_of_the_service_alone():
    compared = 0
    for partition in SESSION.get_available_partitions():
        for region in SESSION.get_available_regions("ssm", partition_name=partition):
            for fips, dual_stack in [(False, False), (True, False), (False, True), (True, True)]:
                try:
                    ssm = endpoint("ssm", region, fips, dual_stack)
                except botocore.exceptions.EndpointVariantError:
                    continue  # the partition has no such endpoints
                expected = ssm.replace("://ssm", "://cloudformation", 1)
                assert endpoint("cloudformation", region, fips, dual_stack) == expected, (region, fips, dual_stack)
                compared += 1
    assert compared > 100, compared
