"""The properties of Custom::SsmDocument and Custom::SsmServiceSetting, as JSON Schemas with cfn-lint's own keywords."""

# What two owners of one document would fight over.
NOT_WITH_MERGE = ("Tags", "AccountIds", "VersionName", "DisplayName", "TargetType", "Attachments", "Requires")

TEXT = {"type": "string"}
BOOLEAN = {"type": "string", "pattern": "^(true|false)$"}


def choice(*values: str) -> dict:
    return {"type": "string", "enum": list(values)}


def one_of(name: str, older: str) -> dict:
    return {"requiredXor": [name, older]}


DOCUMENT_NAME = {
    "type": "string",
    "pattern": r"^[a-zA-Z0-9_\-.]{3,128}$",
    "not": {"pattern": r"^(aws|amazon|amzn|AWSEC2|AWSConfigRemediation|AWSSupport)"},
}
CONTENT = {"type": ["string", "object"], "minLength": 1}
TAG_KEY = {"type": "string", "pattern": r"^(?!(?i:aws:))(?!cfn-ssm-document:)[\s\S]{1,128}$"}
TAG_VALUE = {"type": "string", "maxLength": 256}
LIST_ITEM = {"type": "object", "additionalProperties": False}
DOCUMENT_PROPERTIES = {
    "DocumentName": DOCUMENT_NAME,
    "Name": DOCUMENT_NAME,
    "DocumentContent": CONTENT,
    "Content": CONTENT,
    "ContentMode": choice("Replace", "Merge"),
    "DocumentType": choice(
        *("Session", "Command", "Policy", "Automation", "Package", "ApplicationConfiguration"),
        *("ApplicationConfigurationSchema", "DeploymentStrategy", "ChangeCalendar", "Automation.ChangeTemplate"),
        *("ProblemAnalysis", "ProblemAnalysisTemplate", "CloudFormation", "ConformancePackTemplate", "QuickSetup"),
        *("ManualApprovalPolicy", "AutoApprovalPolicy"),
    ),
    "DocumentFormat": choice("", "JSON", "YAML", "TEXT"),
    "SetDefaultVersion": BOOLEAN,
    "OnExisting": choice("Adopt", "TakeOver", "Fail"),
    "OnDelete": choice("Retain", "Restore"),
    "VersionName": {"type": "string", "pattern": r"^[a-zA-Z0-9_\-.]{0,128}$"},
    "DisplayName": {"type": "string", "maxLength": 1024},
    "TargetType": {"type": "string", "pattern": r"^(/[\w.\-:/]{0,199})?$"},
    "Requires": {
        "type": "array",
        "items": LIST_ITEM
        | {
            "required": ["Name"],
            "properties": {"Name": TEXT, "Version": TEXT, "RequireType": TEXT, "VersionName": TEXT},
        },
    },
    "Attachments": {
        "type": "array",
        "maxItems": 20,
        "items": LIST_ITEM
        | {
            "required": ["Key", "Values"],
            "properties": {
                "Key": choice("SourceUrl", "S3FileUrl", "AttachmentReference"),
                "Values": {"type": ["array", "string"], "minItems": 1, "items": TEXT},
                "Name": TEXT,
            },
        },
    },
    "Tags": {
        "type": ["array", "object"],
        "maxItems": 47,
        "items": LIST_ITEM | {"required": ["Key", "Value"], "properties": {"Key": TAG_KEY, "Value": TAG_VALUE}},
    },
    "AccountIds": {
        "type": ["array", "string"],
        "maxItems": 1000,
        "items": {"type": "string", "pattern": r"^([0-9]{12}|(?i:all))$"},
    },
    "Trigger": TEXT,
    "UpdateMethod": TEXT,
}
OF_CLOUDFORMATION = {"ServiceToken": {}, "ServiceTimeout": {}}
DOCUMENT_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": OF_CLOUDFORMATION | DOCUMENT_PROPERTIES,
    "allOf": [one_of("DocumentName", "Name"), one_of("DocumentContent", "Content")],
}
SERVICE_SETTING_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["SettingId", "SettingValue"],
    "properties": OF_CLOUDFORMATION
    | {
        "SettingId": {
            "type": "string",
            "pattern": r"^(arn:[a-z-]+:ssm:[a-z0-9-]*:[0-9]*:servicesetting)?/[a-zA-Z0-9/\-_.]{1,199}$",
        },
        "SettingValue": {"type": "string", "minLength": 1, "maxLength": 4096},
        "OnDelete": choice("Retain", "Restore", "Reset"),
    },
}
