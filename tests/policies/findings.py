"""What is wrong with a policy, held against AWS's service authorization reference."""

from collections.abc import Iterator

from arn_patterns import can_name
from cloudformation import NAME, UNKNOWN, Policies, Statement
from service_authorization import Action, ResourceType, actions_matching, is_global, knows

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
OPERATORS = frozenset(
    {"Bool", "Null", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"}
    | {
        f"String{test}"
        for test in ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    }
    | {f"{kind}{test}" for kind in ("Numeric", "Date") for test in ("Equals", "NotEquals")}
    | {
        f"{kind}{test}{end}"
        for kind in ("Numeric", "Date")
        for test in ("Less", "Greater")
        for end in ("Than", "ThanEquals")
    }
)


def findings(policies: Policies) -> list[str]:
    """Each as one line that says where it is; none where nothing is wrong."""
    found: list[str] = []
    for statement in policies.statements:
        found += [f"{statement.where}: {problem}" for problem in _problems(statement, policies)]
    return found


def _problems(statement: Statement, policies: Policies) -> Iterator[str]:
    known: list[Action] = []
    for pattern in statement.actions:
        matching = actions_matching(pattern)
        known += matching
        if not matching:
            yield f"no action is named {pattern}"
        elif not policies.is_trust:
            yield from _resource_problems(pattern, matching, statement, policies)
    if not policies.is_trust:
        for resource in statement.resources:
            if known and resource != "*" and not any(_names_one_of(resource, action.types) for action in known):
                yield f"{_shown(resource)} is a resource of none of its actions"
    for operator, key in statement.conditions:
        yield from _condition_problems(operator, key, known, statement)


def _resource_problems(
    pattern: str, matching: tuple[Action, ...], statement: Statement, policies: Policies
) -> Iterator[str]:
    if "*" in statement.resources:
        return
    usable = [action for action in matching if any(_names_one_of(each, action.types) for each in statement.resources)]
    if not usable:
        if all(not action.types for action in matching):
            yield f'{pattern} knows no resources: its Resource must be "*"'
        elif all(not action.required for action in matching):
            types = ", ".join(sorted({known.name for action in matching for known in action.types}))
            yield f"{pattern} works on none of the resources, but on {types}"
    if not statement.allows or "*" in pattern or "?" in pattern:
        return
    # What another statement of the same holder allows counts, too.
    resources = [
        each for other in policies.statements if other.allows and pattern in other.actions for each in other.resources
    ]
    for action in matching:
        for needed in action.required:
            if not any(_names_one_of(each, (needed,)) for each in resources):
                yield f"{action.name} needs a resource of the type {needed.name} as well: {needed.arn}"


def _names_one_of(resource: str, types: tuple[ResourceType, ...]) -> bool:
    return any(can_name(resource, arn) for known in types for arn in known.arns)


def _condition_problems(operator: str, key: str, actions: list[Action], statement: Statement) -> Iterator[str]:
    base = operator.removeprefix("ForAllValues:").removeprefix("ForAnyValue:")
    if base.removesuffix("IfExists") not in OPERATORS:
        yield f"no condition operator is named {operator}"
    if is_global(key):
        return
    without = [action.name for action in actions if not _knows_key(action, key, statement)]
    # With ...IfExists it is enough that one of the actions knows the key.
    if without and (not base.endswith("IfExists") or len(without) == len(actions)):
        yield f"the condition key {key} is unknown to {', '.join(sorted(set(without)))}"


def _knows_key(action: Action, key: str, statement: Statement) -> bool:
    of_types = [
        known.keys for known in action.types if any(_names_one_of(each, (known,)) for each in statement.resources)
    ]
    return knows(action.keys, key) or any(knows(keys, key) for keys in of_types)


def _shown(resource: str) -> str:
    return resource.replace(UNKNOWN, "…").replace(NAME, "…")
