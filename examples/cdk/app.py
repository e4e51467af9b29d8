"""Session Manager's preferences, managed by cfn-ssm-document from an AWS CDK app.

Deploy the provider first, with ManagePreferences=false. The app needs no ARN: it takes the
ServiceToken from the parameter that the provider publishes in its account and Region.
"""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

SERVICE_TOKEN = "/cfn-ssm-document/service-token"


class SsmDocument(cdk.CustomResource):
    """A document of Systems Manager; the properties are those of Custom::SsmDocument."""

    def __init__(self, scope: Construct, construct_id: str, **properties: object) -> None:
        super().__init__(
            scope,
            construct_id,
            resource_type="Custom::SsmDocument",
            service_token=ssm.StringParameter.value_for_string_parameter(scope, SERVICE_TOKEN),
            # Long enough for Lambda's retries; without it, CloudFormation waits an hour.
            service_timeout=cdk.Duration.minutes(15),
            properties=properties,
        )


class SessionPreferences(cdk.Stack):
    def __init__(self, scope: Construct, construct_id: str) -> None:
        # The app has no assets, so the account needs no CDK bootstrap.
        super().__init__(scope, construct_id, synthesizer=cdk.BootstraplessSynthesizer())
        minutes = cdk.CfnParameter(self, "IdleSessionTimeout", type="Number", default=20, min_value=1, max_value=60)
        # When the stack is deleted, the document stays and still names the log group.
        log_group = logs.LogGroup(
            self, "SessionLogs", retention=logs.RetentionDays.THREE_MONTHS, removal_policy=cdk.RemovalPolicy.RETAIN
        )
        preferences = SsmDocument(
            self,
            "Preferences",
            DocumentName="SSM-SessionManagerRunShell",
            DocumentContent={
                "schemaVersion": "1.0",
                "description": "Session Manager preferences, managed by the CDK",
                "sessionType": "Standard_Stream",
                "inputs": {
                    "cloudWatchLogGroupName": log_group.log_group_name,
                    "cloudWatchEncryptionEnabled": False,
                    "cloudWatchStreamingEnabled": True,
                    "s3EncryptionEnabled": False,
                    "runAsEnabled": False,
                    "idleSessionTimeout": minutes.value_as_string,
                },
            },
        )
        cdk.CfnOutput(self, "DefaultVersion", value=preferences.get_att_string("DefaultVersion"))


app = cdk.App()
SessionPreferences(app, "session-preferences-cdk")
app.synth()
