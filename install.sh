#!/bin/sh
# Installs, upgrades or uninstalls cfn-ssm-document from an unpacked release, with the AWS CLI alone.
set -eu

usage() {
    cat <<'END'
Usage: ./install.sh [--region REGION] [OPTION]... [PARAMETER=VALUE]...

Installs the provider into the account of your AWS credentials, or upgrades it. Parameters are those of template.yaml,
such as ManagePreferences=false or IdleSessionTimeout=15. An upgrade keeps the values of parameters that you don't set.

  --region REGION         Region to install into (default: AWS_REGION)
  --stack-name NAME       stack (default: cfn-ssm-document)
  --architecture ARCH     arm64 (default) or x86_64
  --bucket NAME           upload the code to this bucket in the Region, and don't change its settings
  --bucket-prefix PREFIX  upload the code to the bucket PREFIX-REGION, and create it if it is missing
                          (default: cfn-ssm-document-ACCOUNT)
  --publish-only          upload the code and stop (for StackSets: docs/stacksets.md in the repository)
  --uninstall             list what remains, ask for confirmation, and delete the stack
  --yes                   don't ask for confirmation
  --help                  this text
END
}

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
stack=cfn-ssm-document
architecture=
bucket=
bucket_prefix=
job=install
sure=no

# Options are taken out, wherever they stand; parameters go to the end, in their order.
left=$#
while [ "$left" -gt 0 ]; do
    case $1 in
    --region | --stack-name | --architecture | --bucket | --bucket-prefix)
        [ "$left" -ge 2 ] || fail "$1 needs a value"
        case $1 in
        --region) region=$2 ;;
        --stack-name) stack=$2 ;;
        --architecture) architecture=$2 ;;
        --bucket) bucket=$2 ;;
        --bucket-prefix) bucket_prefix=$2 ;;
        esac
        shift
        left=$((left - 1))
        ;;
    --publish-only) job=publish ;;
    --uninstall) job=uninstall ;;
    --yes) sure=yes ;;
    --help)
        usage
        exit 0
        ;;
    -*) fail "unknown option $1; see ./install.sh --help" ;;
    *) set -- "$@" "$1" ;;
    esac
    shift
    left=$((left - 1))
done

[ -f "$here/SHA256SUMS" ] ||
    fail "this is not the folder of a release. Unpack a release and run its install.sh; 'make release' makes one in dist/."

# The parameters that may be set here.
known=$(sed -n '/^Parameters:/,/^[A-Z]/s/^  \([A-Za-z0-9]*\):.*/\1/p' "$here/template.yaml" | grep -Ev '^(Code|Architecture$)')
for parameter in "$@"; do
    case $parameter in
    CodeBucket=* | CodeKeyArm64=* | CodeKeyX8664=*) fail "$parameter: the release sets this itself" ;;
    Architecture=*) fail "$parameter: use --architecture ${parameter#*=}" ;;
    *=*)
        # The AWS CLI ignores a parameter that the template does not have.
        printf '%s\n' "$known" | grep -qx -- "${parameter%%=*}" ||
            fail "${parameter%%=*} is not a parameter of the template. Its parameters are: $(printf '%s' "$known" | tr '\n' ' ')"
        ;;
    *) fail "$parameter is neither an option nor a parameter: write NAME=VALUE" ;;
    esac
done
[ -n "$region" ] || fail "name the Region: ./install.sh --region eu-central-1"
case $architecture in
'' | arm64 | x86_64) ;;
*) fail "--architecture $architecture: arm64 or x86_64" ;;
esac
[ -z "$bucket" ] || [ -z "$bucket_prefix" ] || fail "give --bucket or --bucket-prefix, not both"
command -v aws >/dev/null 2>&1 ||
    fail "the AWS CLI is missing: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"

# Version 2 of the AWS CLI would wait in a pager.
AWS_PAGER=
AWS_REGION=$region
AWS_DEFAULT_REGION=$region
export AWS_PAGER AWS_REGION AWS_DEFAULT_REGION

# What the AWS CLI says on failure goes here.
errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

# What `aws` printed, with its "None" for what there is not made empty.
text_of() {
    printed=$(aws "$@" --output text) || return 1
    [ "$printed" = None ] || printf '%s' "$printed"
}

check_files() {
    for tool in "sha256sum" "shasum -a 256"; do
        if command -v "${tool%% *}" >/dev/null 2>&1; then
            # Word by word: the tool and its options.
            # shellcheck disable=SC2086
            (cd "$here" && $tool -c SHA256SUMS >/dev/null 2>"$errors") ||
                fail "a file of this release is missing or damaged; unpack it again: $(cat "$errors")"
            return
        fi
    done
    say "Found neither sha256sum nor shasum, so the files are not checked."
}

who_am_i() {
    identity=$(text_of sts get-caller-identity --query '[Account, Arn]') || fail "your AWS credentials were not accepted"
    account=$(printf '%s' "$identity" | cut -f 1)
    partition=$(printf '%s' "$identity" | cut -f 2 | cut -d : -f 2)
}

stack_status() {
    if ! text_of cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' 2>"$errors"; then
        grep -q 'does not exist' "$errors" || fail "the stack $stack can't be read: $(cat "$errors")"
    fi
}

output_of() {
    text_of cloudformation describe-stacks --stack-name "$stack" \
        --query "Stacks[0].Outputs[?OutputKey=='$1'].OutputValue | [0]"
}

parameter_of() {
    text_of cloudformation describe-stacks --stack-name "$stack" \
        --query "Stacks[0].Parameters[?ParameterKey=='$1'].ParameterValue | [0]"
}

bucket_exists() {
    aws s3api head-bucket --bucket "$1" --expected-bucket-owner "$account" >/dev/null 2>"$errors" && return 0
    grep -Eq '\(404\)|NoSuchBucket|Not Found' "$errors" && return 1
    fail "the bucket $1 can't be used; does another account own it? $(cat "$errors")"
}

# Private, encrypted, versioned, TLS only. The tag comes last: without it an earlier run was interrupted.
make_bucket() {
    if ! bucket_exists "$1"; then
        say "Creating the bucket $1"
        if [ "$region" = us-east-1 ]; then
            aws s3api create-bucket --bucket "$1" --object-ownership BucketOwnerEnforced >/dev/null
        else
            aws s3api create-bucket --bucket "$1" --object-ownership BucketOwnerEnforced \
                --create-bucket-configuration "LocationConstraint=$region" >/dev/null
        fi
    elif aws s3api get-bucket-tagging --bucket "$1" >/dev/null 2>&1; then
        return
    fi
    aws s3api put-public-access-block --bucket "$1" --public-access-block-configuration \
        BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
    aws s3api put-bucket-encryption --bucket "$1" --server-side-encryption-configuration \
        '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}'
    aws s3api put-bucket-versioning --bucket "$1" --versioning-configuration Status=Enabled
    aws s3api put-bucket-policy --bucket "$1" --policy '{"Version": "2012-10-17", "Statement": [{
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": ["arn:'"$partition"':s3:::'"$1"'", "arn:'"$partition"':s3:::'"$1"'/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
    aws s3api put-bucket-tagging --bucket "$1" --tagging 'TagSet=[{Key=project,Value=cfn-ssm-document}]'
}

# A stack that exists keeps its bucket, as it keeps every parameter that is not named.
choose_bucket() {
    if [ -z "$bucket" ] && [ -z "$bucket_prefix" ] && [ -n "$1" ]; then
        bucket=$(parameter_of CodeBucket)
    fi
    if [ -n "$bucket" ]; then
        bucket_exists "$bucket" || fail "there is no bucket $bucket"
    else
        bucket=${bucket_prefix:-cfn-ssm-document-$account}-$region
        make_bucket "$bucket"
    fi
}

publish() {
    while read -r built key; do
        if aws s3api head-object --bucket "$bucket" --key "$key" --expected-bucket-owner "$account" >/dev/null 2>&1; then
            say "The code for $built is already in $bucket"
        else
            say "Uploading the code for $built to $bucket"
            aws s3 cp --only-show-errors "$here/$key" "s3://$bucket/$key" || fail "the upload failed"
        fi
    done <"$here/code-keys.txt"
}

key_of() {
    sed -n "s/^$1 //p" "$here/code-keys.txt"
}

install() {
    case $status in
    ROLLBACK_COMPLETE | REVIEW_IN_PROGRESS)
        say "Deleting the stack $stack, which a failed attempt left in $status"
        aws cloudformation delete-stack --stack-name "$stack"
        aws cloudformation wait stack-delete-complete --stack-name "$stack"
        status=
        ;;
    esac
    if [ -z "$architecture" ] && [ -n "$status" ]; then
        architecture=$(parameter_of Architecture)
    fi
    say "Deploying the stack $stack in $region"
    if ! aws cloudformation deploy --stack-name "$stack" --template-file "$here/template.yaml" \
        --s3-bucket "$bucket" --s3-prefix cfn-ssm-document/templates --capabilities CAPABILITY_IAM \
        --no-fail-on-empty-changeset --parameter-overrides "CodeBucket=$bucket" \
        "CodeKeyArm64=$(key_of arm64)" "CodeKeyX8664=$(key_of x86_64)" "Architecture=${architecture:-arm64}" "$@"; then
        # There are none if CloudFormation refused the parameters, which the AWS CLI has said by now.
        events=$(text_of cloudformation describe-stack-events --stack-name "$stack" --max-items 100 --query \
            "StackEvents[?ends_with(ResourceStatus, 'FAILED')].[LogicalResourceId, ResourceStatusReason]") || events=
        [ -z "$events" ] || say "The deployment failed. Failure events of the stack, newest first:
$events" >&2
        fail "the stack $stack was not deployed"
    fi
    say "Installed: cfn-ssm-document $(output_of Version)"
    say "ServiceToken: $(output_of ServiceToken)"
}

uninstall() {
    [ -n "$(stack_status)" ] || fail "there is no stack $stack in $region"
    if importers=$(text_of cloudformation list-imports --export-name "$stack-ServiceToken" --query Imports 2>"$errors"); then
        [ -z "$importers" ] || fail "these stacks use the provider; delete them first: $importers"
    else
        grep -q 'not imported' "$errors" || fail "can't find out which stacks use the provider: $(cat "$errors")"
    fi
    code_bucket=$(parameter_of CodeBucket)
    say "Deleting the stack $stack removes the function, its role and its log."
    say "What remains:"
    if [ "$(parameter_of ManagePreferences)" = true ]; then
        case $(parameter_of OnDelete) in
        Restore) say "- Session Manager's preferences as they were before the stack; a document that it created is deleted" ;;
        *) say "- Session Manager's preferences as they are now: SSM-SessionManagerRunShell stays" ;;
        esac
    fi
    say "- documents and service settings of other stacks. Stacks that use the ServiceToken without importing"
    say "  it can't be detected. Without the provider, they can't be updated or deleted: delete them first"
    say "- the bucket $code_bucket with the code of every release that was installed from it"
    if [ "$sure" = no ]; then
        printf 'Delete the stack %s? Type yes: ' "$stack"
        read -r sure || sure=no
        [ "$sure" = yes ] || fail "nothing was deleted"
    fi
    aws cloudformation delete-stack --stack-name "$stack"
    aws cloudformation wait stack-delete-complete --stack-name "$stack" ||
        fail "the stack $stack was not deleted; its events say why"
    say "Uninstalled. The bucket $code_bucket is yours to empty and delete."
}

who_am_i
case $job in
install)
    check_files
    status=$(stack_status)
    choose_bucket "$status"
    publish
    install "$@"
    ;;
publish)
    check_files
    choose_bucket ''
    publish
    say "Published to $bucket. The keys of this code are defaults in stackset.yaml."
    ;;
uninstall) uninstall ;;
esac
