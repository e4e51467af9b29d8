"""What StackSets bring to an account: three templates in two Regions, with nothing but a StackSet's parameters.

The local AWS has no StackSets. The test does what one does in an account: the same template with the same parameters makes a
stack in each Region, in the order of `RegionOrder`, and updates it. CloudFormation, IAM and Lambda are one local AWS with both
Regions; Systems Manager is one process a Region, and a router leads a request to its Region, as AWS's domain names do.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_aws import ACCOUNT, ROOT, local_aws, ssm_model
from loopback_server import Handler, loopback_server
from published_provider import publish_code, stackset_template
from samcli.yamlhelper import yaml_parse
from stacks import Stacks

MAIN, OTHER = REGION_ORDER = ("eu-central-1", "ap-northeast-1")
HOST_MANAGEMENT = "/ssm/managed-instance/default-ec2-instance-management-role"
ROLE = "AWSSystemsManagerDefaultEC2InstanceManagementRole"
STACK_SETS = {
    "cfn-ssm-document": {"ManagePreferences": "false", "PassRoleNames": f"service-role/{ROLE}"},
    "default-host-management": {"MainRegion": MAIN},
    "session-logging": {"IdleSessionTimeout": "5"},
}


def template(stack_set: str) -> str:
    if stack_set == "cfn-ssm-document":
        return stackset_template()
    return (ROOT / "examples" / f"{stack_set}.yaml").read_text()


@contextlib.contextmanager
def ssm_of_every_region(folder: Path) -> Iterator[str]:
    """One Systems Manager a Region behind one URL; a request's signature says which Region it is for."""
    with contextlib.ExitStack() as stack:
        urls = {region: stack.enter_context(ssm_model(folder, region=region)) for region in REGION_ORDER}

        class Router(Handler):
            def do_POST(self) -> None:
                region = self.headers["Authorization"].split("Credential=")[1].split("/")[2]
                self.respond(*self.passed_on(urls[region], self.body()))

        yield stack.enter_context(loopback_server(Router))


@pytest.fixture(scope="module")
def regions() -> Iterator[dict[str, Stacks]]:
    """An account in which each StackSet has made its instances, Region after Region."""
    with local_aws(ssm_of_every_region) as aws:
        regions = {region: Stacks(aws, region) for region in REGION_ORDER}
        code = [publish_code(stacks, region) for region, stacks in regions.items()]
        assert code[0] == code[1], "the parameters are a StackSet's, not a Region's"
        for stack_set, parameters in STACK_SETS.items():
            if stack_set == "cfn-ssm-document":
                parameters = parameters | code[0]
            deploy(regions, stack_set, parameters, "CREATE_COMPLETE")
        yield regions


def instance(stack_set: str, stacks: Stacks) -> str:
    """The stack's name: StackSets give it a part of its own, so that no Region's role takes the place of another's."""
    return f"StackSet-{stack_set}-{stacks.region}"


def deploy(regions: dict[str, Stacks], stack_set: str, parameters: dict[str, str], expected: str) -> None:
    for region, stacks in regions.items():
        status = stacks.put(
            instance(stack_set, stacks), with_the_region_in_conditions(template(stack_set), region), parameters
        )
        assert status == expected, (stacks.region, stacks.reasons(instance(stack_set, stacks)))


def with_the_region_in_conditions(text: str, region: str) -> str:
    """Does what CloudFormation does and the local AWS does not: `AWS::Region` has a value in conditions, too."""
    content = yaml_parse(text)
    conditions = json.dumps(content["Conditions"]).replace('{"Ref": "AWS::Region"}', f'"{region}"')
    return json.dumps(content | {"Conditions": json.loads(conditions)})


@pytest.mark.parametrize("stack_set", STACK_SETS)
def test_service_managed_stacksets_take_the_template(stack_set):
    text = template(stack_set)
    assert len(text.encode()) < 51_200
    for refused in ("Transform", "Fn::ToJsonString", "Fn::ForEach", "AWS::CloudFormation::Stack"):
        assert refused not in text


@pytest.mark.parametrize("region", REGION_ORDER)
def test_each_region_finds_its_own_function_by_the_published_parameter(regions, region):
    function = regions[region].outputs(instance("cfn-ssm-document", regions[region]))["ServiceToken"]
    assert function == f"arn:aws:lambda:{region}:{ACCOUNT}:function:cfn-ssm-document"
    tags = (
        regions[region]
        .client("ssm")
        .list_tags_for_resource(ResourceType="Document", ResourceId="SSM-SessionManagerRunShell")["TagList"]
    )
    owner = {tag["Key"]: tag["Value"] for tag in tags}["cfn-ssm-document:stack-id"]
    assert owner.startswith(f"arn:aws:cloudformation:{region}:{ACCOUNT}:stack/StackSet-session-logging-{region}/")


def test_the_account_has_one_role_and_each_region_is_set_to_it(regions):
    role = regions[MAIN].client("iam").get_role(RoleName=ROLE)["Role"]
    assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/service-role/{ROLE}"
    makers = [
        region
        for region, stacks in regions.items()
        if "AWS::IAM::Role" in types(stacks, instance("default-host-management", stacks))
    ]
    assert makers == [MAIN]
    for stacks in regions.values():
        setting = stacks.client("ssm").get_service_setting(SettingId=HOST_MANAGEMENT)["ServiceSetting"]
        assert setting["SettingValue"] == f"service-role/{ROLE}"


def types(stacks: Stacks, stack: str) -> set[str]:
    resources = stacks.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    return {resource["ResourceType"] for resource in resources}


def test_the_preferences_log_first_and_demand_encryption_in_the_second_pass(regions):
    for stacks in regions.values():
        outputs, inputs = stacks.outputs(instance("session-logging", stacks)), preferences(stacks)
        assert inputs["s3BucketName"] == outputs["BucketName"]
        assert inputs["cloudWatchLogGroupName"] == outputs["LogGroupName"]
        assert inputs["idleSessionTimeout"] == "5"
        assert demands(inputs) == ("", False, False)

    second_pass = STACK_SETS["session-logging"] | {"RequireEncryption": "true"}
    deploy(regions, "session-logging", second_pass, "UPDATE_COMPLETE")
    keys = {region: stacks.outputs(instance("session-logging", stacks))["KeyArn"] for region, stacks in regions.items()}
    for region, stacks in regions.items():
        assert f":{region}:" in keys[region]
        assert demands(preferences(stacks)) == (keys[region], True, True)


def preferences(stacks: Stacks) -> dict:
    return json.loads(stacks.client("ssm").get_document(Name="SSM-SessionManagerRunShell")["Content"])["inputs"]


def demands(inputs: dict) -> tuple[str, bool, bool]:
    return inputs["kmsKeyId"], inputs["cloudWatchEncryptionEnabled"], inputs["s3EncryptionEnabled"]
