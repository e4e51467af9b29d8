"""Every policy in every template and every page of the documentation, held against AWS's service authorization reference."""

import json
import re
from pathlib import Path

import pytest
from cloudformation import Policies, policies_of_document, policies_of_file
from findings import findings

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = [ROOT / "template.yaml", ROOT / "stackset/template.yaml", *sorted((ROOT / "examples").glob("*.yaml"))]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def policies_of_page(page: Path) -> list[Policies]:
    where = str(page.relative_to(ROOT))
    blocks = re.findall(r"^( *)```json\n(.*?)```", page.read_text(), re.DOTALL | re.MULTILINE)
    documents = [json.loads(block) for _, block in blocks if '"Statement"' in block]
    return [policies_of_document(document, where) for document in documents]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem if path.parent != ROOT else "provider")
def test_the_policies_of_a_template_are_what_aws_documents(template: Path) -> None:
    policies = policies_of_file(template, str(template.relative_to(ROOT)))
    problems = [problem for each in policies for problem in findings(each)]
    assert not problems, "\n" + "\n".join(problems)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_policies_of_a_page_are_what_aws_documents(page: Path) -> None:
    problems = [problem for each in policies_of_page(page) for problem in findings(each)]
    assert not problems, "\n" + "\n".join(problems)


def test_the_check_sees_the_policies_that_are_there() -> None:
    """A reader that finds none would find nothing wrong, too."""
    provider = policies_of_file(ROOT / "template.yaml", "template.yaml")
    actions = {action for each in provider for statement in each.statements for action in statement.actions}
    assert {
        "ssm:CreateDocument",
        "ssm:DeleteDocument",
        "logs:PutLogEvents",
        "iam:PassRole",
        "sts:AssumeRole",
    } <= actions
    assert any(policies_of_page(page) for page in PAGES), "docs/guide.md has a service control policy"
