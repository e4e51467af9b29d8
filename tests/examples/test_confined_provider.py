"""What the provider's parameters leave of its role's policy, as SECURITY.md says how to confine a deployment."""

import json
from urllib.parse import unquote

import pytest
from local_aws import ACCOUNT, REGION, ROOT
from published_provider import publish_code

DOCUMENTS = f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/"
ROLES = f"arn:aws:iam::{ACCOUNT}:role/"
# SECURITY.md's deployment that keeps the preferences and nothing else.
PREFERENCES_ONLY = {
    "DocumentNames": "SSM-SessionManagerRunShell",
    "AllowSharing": "false",
    "AllowServiceSettings": "false",
    "ServiceTokenParameterName": "",
}


@pytest.fixture
def statements(stacks):
    """Deploys a provider with parameters; gives the statements of its role by Sid."""

    def deployed(parameters: dict[str, str]) -> dict[str, dict]:
        template = (ROOT / "stackset/template.yaml").read_text()
        given = publish_code(stacks, REGION) | {"ManagePreferences": "false"} | parameters
        assert stacks.put("confined", template, given) == "CREATE_COMPLETE", stacks.reasons("confined")
        resources = stacks.client("cloudformation").describe_stack_resources(StackName="confined")["StackResources"]
        assert ("AWS::SSM::Parameter" in {r["ResourceType"] for r in resources}) == bool(
            given["ServiceTokenParameterName"]
        )
        (role,) = [r["PhysicalResourceId"] for r in resources if r["LogicalResourceId"] == "ProviderRole"]
        policy = stacks.client("iam").get_role_policy(RoleName=role, PolicyName="KeepDocuments")["PolicyDocument"]
        policy = json.loads(unquote(policy)) if isinstance(policy, str) else policy
        return {statement["Sid"]: statement for statement in policy["Statement"]}

    yield deployed
    assert stacks.delete("confined") == "DELETE_COMPLETE"


def test_the_preferences_alone(statements):
    found = statements(PREFERENCES_ONLY)
    assert set(found) == {
        "DocumentsOfThisAccountAndRegion",
        "DeleteOnlyWhatItCreated",
        "AskWhetherARequestStillStands",
        "ListDocumentsForTheDriftGuard",
        "AskAboutStacksForTheDriftGuard",
    }
    documents = found["DocumentsOfThisAccountAndRegion"]
    assert set(documents["Resource"]) == {f"{DOCUMENTS}SSM-SessionManagerRunShell"}
    assert "ssm:ModifyDocumentPermission" not in documents["Action"]


def test_five_names_give_five_documents_and_no_other(statements):
    names = ["SSM-SessionManagerRunShell", "team-*", "support-?", "a.b", "c_d"]
    found = statements({"DocumentNames": ",".join(names), "ServiceTokenParameterName": "/confined/token"})
    documents = found["DocumentsOfThisAccountAndRegion"]
    assert set(documents["Resource"]) == {DOCUMENTS + name for name in names}
    assert "ssm:ModifyDocumentPermission" in documents["Action"]


def test_roles_are_named_and_belong_to_the_account(statements):
    found = statements({"PassRoleNames": "service-role/One,Two", "ServiceTokenParameterName": ""})
    assert set(found["PassRolesToSystemsManager"]["Resource"]) == {f"{ROLES}service-role/One", f"{ROLES}Two"}
    assert found["PassRolesToSystemsManager"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}
    }
