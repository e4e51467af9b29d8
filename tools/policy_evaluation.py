"""Decides with ministack's evaluator of IAM policies (`ministack/core/iam_evaluator.py`, MIT) whether policies allow an action.

ministack treats an unknown condition operator as a condition that is not met. Here, such an operator, a condition key that AWS
would not know for the action, and a policy variable raise `NotSupported`, so that no test passes on a policy that was not
understood. `tests/stack/test_policy_evaluation.py` is the table of what is supported.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from needed_permissions import Permission, Place

sys.path += map(str, (Path(__file__).resolve().parent.parent / ".venv/ministack/lib").glob("python3*/site-packages"))
from ministack.core.iam_evaluator import EvalContext, ParsedStatement, evaluate, parse_policy_document

OPERATORS = frozenset(
    {"Bool", "Null", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}
    | {
        f"String{test}"
        for test in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    }
)
OF_SEVERAL_VALUES = ("ForAllValues:", "ForAnyValue:")
# What ministack knows about the caller, the resource's ARN and the time.
KEYS_OF_EVERY_CALL = frozenset(
    {"aws:principalarn", "aws:principalaccount", "aws:requestedregion", "aws:resourceaccount", "aws:currenttime"}
)


class NotSupported(Exception):
    """A policy says something that is not understood here; the text says what."""


def condition_keys(policies: list[dict[str, Any]]) -> set[str]:
    """The keys of all conditions, in lower case."""
    return {key.lower() for statement in _statements(policies) for _, key, _ in _conditions(statement)}


def granted_actions(policies: list[dict[str, Any]]) -> set[str]:
    """The actions that any statement allows, as written."""
    return {
        action for statement in _statements(policies) if statement.effect == "Allow" for action in statement.actions
    }


def refusal(
    policies: list[dict[str, Any]], needed: Permission, resource_keys: dict[str, str], caller: str, place: Place
) -> str | None:
    """None if the identity-based policies allow the action; otherwise AWS's message that denies it. Raises `NotSupported`.

    `resource_keys` are the condition keys that the resource provides.
    """
    statements = list(_statements(policies))
    for statement in statements:
        _understand(statement, needed)
    keys = {key.lower(): value for key, value in (needed.request_keys | resource_keys).items()}
    context = EvalContext(
        principal_arn=caller,
        principal_type="AssumedRole",
        principal_account=place.account,
        action=needed.action,
        resource_arn=needed.resource,
        region=place.region,
        service_context={"aws:tagkeys": None} | keys,
    )
    decision = evaluate(context, [statements]).decision
    if decision == "Allow":
        return None
    denied = f"User: {caller} is not authorized to perform: {needed.action} on resource: {needed.resource}"
    if decision == "Deny":
        return f"{denied} with an explicit deny in an identity-based policy"
    return f"{denied} because no identity-based policy allows the {needed.action} action"


def _statements(policies: list[dict[str, Any]]) -> Iterator[ParsedStatement]:
    for policy in policies:
        yield from parse_policy_document(policy)


def _conditions(statement: ParsedStatement) -> Iterator[tuple[str, str, list[str]]]:
    for operator, block in statement.conditions.items():
        for key, values in block.items():
            yield operator, key, values if isinstance(values, list) else [values]


def _understand(statement: ParsedStatement, needed: Permission) -> None:
    for resource in statement.resources + statement.not_resources:
        if "${" in resource:
            raise NotSupported(f"the policy variable in {resource}")
    concerned = evaluate_action(statement, needed.action)
    for operator, key, values in _conditions(statement):
        bare = operator.removesuffix("IfExists")
        several = bare.startswith(OF_SEVERAL_VALUES)
        if bare.removeprefix("ForAllValues:").removeprefix("ForAnyValue:") not in OPERATORS:
            raise NotSupported(f"the condition operator {operator}")
        if any("${" in str(value) for value in values):
            raise NotSupported(f"the policy variable in {values}")
        if several != (key.lower() == "aws:tagkeys") and bare != "Null":
            raise NotSupported(f"{operator} of {key}: ForAllValues and ForAnyValue are for multivalued keys")
        if concerned and key.lower() not in KEYS_OF_EVERY_CALL and not needed.knows(key):
            raise NotSupported(f"the condition key {key} of {needed.action}")


def evaluate_action(statement: ParsedStatement, action: str) -> bool:
    """Whether the statement applies to the action, whatever the resource."""
    anywhere = ParsedStatement("", "Allow", statement.actions, statement.not_actions, ["*"])
    return evaluate(EvalContext("", "", "", action, "*", ""), [[anywhere]]).decision == "Allow"
