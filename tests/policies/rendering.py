"""A template as CloudFormation sees it for given parameters: conditions evaluated, `Fn::If` resolved, what is left out gone.

Other intrinsic functions stay as they are.
"""

from typing import Any

NO_VALUE = {"Ref": "AWS::NoValue"}


def rendered(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """The resources. Parameters that are not given have their defaults."""
    defaults = {name: one.get("Default") for name, one in template.get("Parameters", {}).items()}
    unknown = set(parameters) - set(defaults)
    assert not unknown, f"no such parameters: {unknown}"
    conditions = _Conditions(template.get("Conditions", {}), defaults | parameters)
    resources = template["Resources"].items()
    present = {name: one for name, one in resources if "Condition" not in one or conditions.holds(one["Condition"])}
    return {name: _resolved(one, conditions) for name, one in present.items()}


class _Conditions:
    def __init__(self, conditions: dict[str, Any], parameters: dict[str, Any]) -> None:
        self.conditions, self.parameters = conditions, parameters

    def holds(self, name: str) -> bool:
        return self._evaluate(self.conditions[name])

    def _evaluate(self, expression: Any) -> bool:
        ((function, argument),) = expression.items()
        match function:
            case "Condition":
                return self.holds(argument)
            case "Fn::Equals":
                one, other = map(self._value, argument)
                return bool(one == other)
            case "Fn::Not":
                return not self._evaluate(argument[0])
            case "Fn::And":
                return all(map(self._evaluate, argument))
            case "Fn::Or":
                return any(map(self._evaluate, argument))
        raise NotImplementedError(function)

    def _value(self, value: Any) -> Any:
        if isinstance(value, dict) and set(value) == {"Ref"} and value["Ref"] in self.parameters:
            return self.parameters[value["Ref"]]
        return value


def _resolved(value: Any, conditions: _Conditions) -> Any:
    if isinstance(value, list):
        items = [_resolved(item, conditions) for item in value]
        return [item for item in items if item != NO_VALUE]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        name, when_it_holds, otherwise = value["Fn::If"]
        return _resolved(when_it_holds if conditions.holds(name) else otherwise, conditions)
    members = {name: _resolved(member, conditions) for name, member in value.items()}
    return {name: member for name, member in members.items() if member != NO_VALUE}
