"""The template of a release for one account: the StackSet template with the code in a bucket that is named in full.

It has no Transform and needs no SAM: `aws cloudformation deploy` takes it, and so does install.sh.
"""

from samcli.yamlhelper import yaml_dump, yaml_parse

HEADER = """\
# Part of a release of cfn-ssm-document. install.sh deploys it.
"""
CODE_BUCKET = {
    "Description": "Bucket in this Region that holds the function's code",
    "Type": "String",
    "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    "ConstraintDescription": "must be the name of a bucket",
}


def one_account(stackset: str) -> str:
    """The one-account template for a rendered StackSet template."""
    template = yaml_parse(stackset)
    parameters = template["Parameters"]
    del parameters["BucketPrefix"]
    template["Parameters"] = {"CodeBucket": CODE_BUCKET} | parameters
    parameters["Architecture"]["Description"] = (
        "Processor architecture of the function. The release has the code for both architectures."
    )
    template["Resources"]["ProviderFunction"]["Properties"]["Code"]["S3Bucket"] = {"Ref": "CodeBucket"}
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    for group in interface["ParameterGroups"]:
        group["Parameters"] = ["CodeBucket" if name == "BucketPrefix" else name for name in group["Parameters"]]
    del interface["ParameterLabels"]["BucketPrefix"]
    interface["ParameterLabels"]["CodeBucket"] = {"default": "Bucket"}
    return HEADER + str(yaml_dump(template))
