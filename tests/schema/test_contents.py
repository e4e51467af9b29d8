"""The schema, the rules and the function agree on every content of the corpus, or the corpus says why not."""

import json
from typing import Any

import jsonschema
import pytest
import yaml
from judges import SCHEMA, TOKEN, as_cloudformation_sends, function, rules_verdicts, schemas_verdict
from local_aws import ROOT

CASES = yaml.safe_load((ROOT / "tests/schema/contents.yaml").read_text())


def text_of(case: dict[str, Any]) -> str:
    return case["text"] if "text" in case else json.dumps(case["content"])


def document(case: dict[str, Any], index: int, content: Any) -> dict[str, Any]:
    form = "string" if isinstance(content, str) else "mapping"
    name = case.get("document_name", f"content-{index}-{form}")
    properties = {"ServiceToken": TOKEN, "ServiceTimeout": 900, "DocumentName": name, "DocumentContent": content}
    return {"Type": "Custom::SsmDocument", "Properties": properties}


def resources() -> dict[str, dict[str, Any]]:
    """Every case as a string and, where a template can say it, as a mapping."""
    found = {f"String{index}": document(case, index, text_of(case)) for index, case in enumerate(CASES)}
    for index, case in enumerate(CASES):
        if case.get("mapping") != "none":
            found[f"Mapping{index}"] = document(case, index, case["content"])
    return found


def expected_of_the_function() -> dict[str, str]:
    expected = {f"String{index}": case["verdict"] for index, case in enumerate(CASES)}
    for index, case in enumerate(CASES):
        if case.get("mapping") != "none":
            expected[f"Mapping{index}"] = case.get("mapping", case["verdict"])
    return expected


def named(verdicts: dict[str, str]) -> dict[str, str]:
    """Verdicts under the cases' names, so that a difference can be read."""
    forms = {"String": "as a string", "Mapping": "as a mapping"}
    result = {}
    for key, verdict in verdicts.items():
        form = "String" if key.startswith("String") else "Mapping"
        result[f"{CASES[int(key.removeprefix(form))]['name']}, {forms[form]}"] = verdict
    return result


def test_the_function_does_with_each_content_what_the_corpus_says() -> None:
    all_resources = resources()
    with function() as running:
        verdicts = {key: running.verdict(key, resource)[0] for key, resource in all_resources.items()}
        warned = running.warned_documents()
    for key, resource in all_resources.items():
        if verdicts[key] == "taken" and resource["Properties"]["DocumentName"] in warned:
            verdicts[key] = "warned"
    assert named(verdicts) == named(expected_of_the_function())


def test_the_rules_say_of_each_content_what_the_function_does() -> None:
    expected = expected_of_the_function()
    for index, case in enumerate(CASES):
        expected[f"String{index}"] = case.get("rules", expected[f"String{index}"])
    assert named(rules_verdicts(resources())) == named(expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_schema_says_what_the_function_does(case: dict[str, Any]) -> None:
    as_the_function = "refused" if case["verdict"] == "refused" else "taken"
    text = text_of(case)
    parse = json.loads if text.startswith(("{", "[")) else yaml.safe_load
    try:
        verdict = schemas_verdict(parse(text))
    except json.JSONDecodeError:
        verdict = "refused"
    assert verdict == case.get("schema", as_the_function)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_difference_is_explained(case: dict[str, Any]) -> None:
    as_the_function = "refused" if case["verdict"] == "refused" else "taken"
    differs = "rules" in case or case.get("schema", as_the_function) != as_the_function or case["verdict"] == "warned"
    assert differs == ("because" in case)


def test_the_schema_is_a_schema_and_every_key_has_a_description() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    undescribed = []

    def walk(schema: dict[str, Any], path: str) -> None:
        for name, property_schema in schema.get("properties", {}).items():
            target = property_schema
            if "description" not in target and set(target) == {"$ref"}:
                target = SCHEMA["$defs"][target["$ref"].rpartition("/")[2]]
            if "description" not in target and name not in ("linux", "windows", "macOS"):
                undescribed.append(f"{path}.{name}")
            walk(property_schema, f"{path}.{name}")

    walk(SCHEMA, "")
    for name, definition in SCHEMA["$defs"].items():
        walk(definition, name)
    assert not undescribed


def test_contents_reach_the_function_as_cloudformation_sends_them() -> None:
    assert as_cloudformation_sends({"a": [True, 1, 1.5, "x"]}) == {"a": ["true", "1", "1.5", "x"]}
