"""Evaluates EventBridge's event patterns, as far as the templates use them: values, exists, anything-but and $or.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from typing import Any


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether the event matches. An operator that this module does not know raises."""
    return all(_field(key, wanted, event) for key, wanted in pattern.items())


def _field(key: str, wanted: Any, event: Any) -> bool:
    if key == "$or":
        return any(matches(alternative, event) for alternative in wanted)
    value = event.get(key) if isinstance(event, dict) else None
    if isinstance(wanted, dict):
        # A pattern for a field below one that is absent can still match by exists: false.
        return matches(wanted, value)
    return any(_one(one, value, isinstance(event, dict) and key in event) for one in wanted)


def _one(wanted: Any, value: Any, present: bool) -> bool:
    if not isinstance(wanted, dict):
        return present and value == wanted
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return present is operand
    if operator == "anything-but":
        return present and value != operand
    raise NotImplementedError(operator)
