"""What the check finds, shown on small policies that have one defect each."""

from typing import Any

import pytest
from cloudformation import NotResolved, Policies, parse, policies_in
from findings import findings

ROLE = """
Parameters:
  TagValue: { Type: String }
  Keys: { Type: CommaDelimitedList }
Conditions:
  Narrow: !Equals [!Ref TagValue, x]
Resources:
  Runbook: { Type: Custom::SsmDocument }
  Log: { Type: AWS::Logs::LogGroup }
  Bucket: { Type: AWS::S3::Bucket }
  Key: { Type: AWS::KMS::Key }
  Other: { Type: AWS::IAM::Role }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: ssm.amazonaws.com }, Action: sts:AssumeRole }
      Policies:
        - PolicyName: Policy
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
"""


def found(*statements: str) -> list[str]:
    """The findings in a role with these statements, without where they are."""
    template = parse(ROLE + "".join(f"              - {statement}\n" for statement in statements))
    return [
        line.partition(": ")[2].partition(": ")[2] for each in policies_in(template, "t") for line in findings(each)
    ]


def allow(action: str, resource: str, condition: str = "") -> str:
    return (
        f"{{ Effect: Allow, Action: {action}, Resource: {resource}{', Condition: ' + condition if condition else ''} }}"
    )


def test_the_runbooks_schedule_of_an_older_example_lacks_the_document_and_the_execution() -> None:
    older = (
        "!Sub 'arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:automation-definition/${Runbook}:$DEFAULT'"
    )
    problems = found(allow("ssm:StartAutomationExecution", older))
    assert len(problems) == 2
    assert "needs a resource of the type automation-execution as well" in problems[0]
    assert "needs a resource of the type document as well" in problems[1]


ARN = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}"
EXECUTION = f"!Sub '{ARN}:automation-execution/*'"


@pytest.mark.parametrize(
    "statements",
    [
        [allow("ssm:StartAutomationExecution", f"[!GetAtt Runbook.Arn, {EXECUTION}]")],
        [allow("ssm:StartAutomationExecution", f"[!Sub '{ARN}:document/${{Runbook}}', {EXECUTION}]")],
        [
            allow("ssm:StartAutomationExecution", "!GetAtt Runbook.Arn"),
            allow("ssm:StartAutomationExecution", EXECUTION),
        ],
        [allow("ssm:StartAutomationExecution", "'*'")],
        [allow("ec2:DescribeInstances", "'*'")],
        [allow("[logs:CreateLogStream, logs:PutLogEvents]", "!GetAtt Log.Arn")],
        [allow("s3:GetObject", "!Sub '${Bucket.Arn}/*'")],
        [allow("s3:GetObject", "!Join ['', [!GetAtt Bucket.Arn, '/*']]")],
        [allow("kms:Decrypt", "!If [Narrow, !GetAtt Key.Arn, '*']")],
        [allow("kms:Decrypt", "!Ref Keys")],
        [allow("ssm:Describe*", "'*'")],
        [allow("ssm:GetDocument", "arn:aws:ssm:*::document/AWS-RunShellScript")],
        ["{ Fn::If: [Narrow, { Effect: Allow, Action: s3:GetObject, Resource: '*' }, !Ref AWS::NoValue] }"],
        [allow("ssm:DeleteDocument", "!GetAtt Runbook.Arn", "{ StringEquals: { 'aws:ResourceTag/origin': created } }")],
        [allow("iam:PassRole", "!GetAtt Other.Arn", "{ StringEquals: { 'iam:PassedToService': ssm.amazonaws.com } }")],
        [allow("kms:Decrypt", "!GetAtt Key.Arn", "{ StringEquals: { 'kms:EncryptionContext:aws:ssm:name': x } }")],
        [
            allow(
                "[ssm:GetDocument, ssm:ListDocuments]", "'*'", "{ StringLikeIfExists: { 'ssm:DocumentType': Session } }"
            )
        ],
    ],
)
def test_a_right_policy_has_no_findings(statements: list[str]) -> None:
    assert found(*statements) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        (allow("ssm:UpdateDocumentVersion", "'*'"), "no action is named ssm:UpdateDocumentVersion"),
        (allow("smm:GetDocument", "'*'"), "no action is named smm:GetDocument"),
        (allow("ssm:Depict*", "'*'"), "no action is named ssm:Depict*"),
        (
            allow("ssm:GetServiceSetting", "arn:aws:ssm:*::servicesetting/ssm/x"),
            "needs a resource of the type servicesetting",
        ),
        (allow("ec2:DescribeInstances", f"!Sub '{ARN}:document/*'"), "ec2:DescribeInstances knows no resources"),
        (
            allow("s3:GetObject", "!GetAtt Bucket.Arn"),
            "s3:GetObject works on none of the resources, but on accesspointobject, object",
        ),
        (
            allow("s3:ListBucket", "!Sub '${Bucket.Arn}/*'"),
            "s3:ListBucket works on none of the resources, but on accesspoint, bucket",
        ),
        (allow("ssm:StartSession", "!GetAtt Bucket.Arn"), "ssm:StartSession works on none of the resources, but on"),
        (
            allow("ssm:GetDocument", "[!GetAtt Runbook.Arn, !GetAtt Key.Arn]"),
            "arn:…:kms:…:…:key/… is a resource of none of its actions",
        ),
        (
            allow("ssm:GetDocument", "'*'", "{ StringEquals: { 'ssm:DocumentKind': x } }"),
            "the condition key ssm:DocumentKind is unknown to ssm:GetDocument",
        ),
        (
            allow("ssmmessages:OpenDataChannel", "'*'", "{ StringLike: { 'ssm:resourceTag/x': y } }"),
            "the condition key ssm:resourceTag/x is unknown to ssmmessages:OpenDataChannel",
        ),
        (
            allow("ssm:GetServiceSetting", "'*'", "{ StringEqualsIfExists: { 'ssm:DocumentType': x } }"),
            "the condition key ssm:DocumentType is unknown to ssm:GetServiceSetting",
        ),
        (
            allow("ssm:GetDocument", "'*'", "{ StringMatches: { 'aws:PrincipalArn': x } }"),
            "no condition operator is named StringMatches",
        ),
        (
            "{ Effect: Deny, Action: ssm:GetDocument, Resource: !GetAtt Key.Arn }",
            "is a resource of none of its actions",
        ),
    ],
)
def test_a_defect_is_found_and_named(statement: str, problem: str) -> None:
    assert any(problem in line for line in found(statement)), found(statement)


def test_a_trust_policy_is_checked_for_its_actions_and_keys() -> None:
    trust = {
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRoll", "Condition": {"StringEquals": {"aws:SourceAcount": "1"}}}
        ]
    }
    assert problems_of(trust) == ["no action is named sts:AssumeRoll"]
    trust["Statement"][0]["Action"] = "sts:AssumeRole"
    assert problems_of(trust) == ["the condition key aws:SourceAcount is unknown to sts:AssumeRole"]


def problems_of(trust: dict[str, Any]) -> list[str]:
    template = {"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}}}
    (policies,) = policies_in(template, "t")
    assert isinstance(policies, Policies)
    assert policies.is_trust
    return [line.rpartition(", statement 1: ")[2] for line in findings(policies)]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("{ Effect: Allow, NotAction: 's3:*', Resource: '*' }", "NotAction"),
        (allow("ssm:GetDocument", "!GetAZs x"), "Fn::GetAZs"),
        (allow("ssm:GetDocument", "!Ref Nobody"), "Nobody"),
    ],
)
def test_what_the_check_does_not_know_stops_it(statement: str, named: str) -> None:
    with pytest.raises(NotResolved, match=named):
        found(statement)
