"""A local AWS with the provider in it, as a StackSet would have brought it."""

from collections.abc import Iterator

import pytest
from local_aws import REGION, local_aws
from published_provider import IMAGE, publish_code, stackset_template
from stacks import Stacks


@pytest.fixture(scope="session")
def stacks() -> Iterator[Stacks]:
    """A local AWS with the provider in it, from the StackSet template and a published binary."""
    with local_aws() as aws:
        stacks = Stacks(aws)
        # Those of default-host-management, before and after its change.
        roles = "service-role/AWSSystemsManagerDefaultEC2InstanceManagementRole,service-role/HostManagement"
        parameters = publish_code(stacks, REGION) | {"ManagePreferences": "false", "PassRoleNames": roles}
        status = stacks.put("cfn-ssm-document", stackset_template(), parameters)
        assert status == "CREATE_COMPLETE", stacks.reasons("cfn-ssm-document")
        image = '{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Image": {"Type": "AWS::SSM::Parameter", "Properties": '
        image += f'{{"Name": "{IMAGE}", "Type": "String", "Value": "ami-0123456789abcdef0"}}}}}}}}'
        assert stacks.put("image", image) == "CREATE_COMPLETE"
        yield stacks
