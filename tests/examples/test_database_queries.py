"""The command of examples/database-queries.yaml, run by a shell with a psql and an aws that only tell what they were given."""

import re
import subprocess

import pytest
import yaml
from local_aws import ROOT
from samcli.yamlhelper import yaml_parse

TEMPLATE = yaml_parse((ROOT / "examples/database-queries.yaml").read_text())
PSQL = '#!/bin/sh\nprintf "%s\\n" "password=$PGPASSWORD" "$@"\n'
AWS = '#!/bin/sh\nprintf "token for %s" "$*"\n'


def session_document() -> dict:
    defaults = {name: str(parameter["Default"]) for name, parameter in TEMPLATE["Parameters"].items()}
    values = defaults | {"AWS::Region": "eu-central-1"}
    content = TEMPLATE["Resources"]["DatabaseQueries"]["Properties"]["DocumentContent"]["Fn::Sub"]
    return yaml.safe_load(re.sub(r"\$\{([^}]+)\}", lambda name: values[name[1]], content))


def run(tmp_path, query: str) -> subprocess.CompletedProcess:
    for name, script in {"psql": PSQL, "aws": AWS}.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    command = session_document()["properties"]["linux"]["commands"].replace("{{ query }}", query)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("query", ["sizes", "connections", "waits"])
def test_a_query_runs_with_a_token_and_without_a_prompt_or_a_pager(tmp_path, query):
    done = run(tmp_path, query)
    assert done.returncode == 0, done.stderr
    password, *arguments = done.stdout.splitlines()
    assert password.startswith(
        "password=token for rds generate-db-auth-token --region eu-central-1 --hostname database."
    )
    assert arguments[:3] == ["--no-psqlrc", "--no-password", "--pset=pager=off"]
    assert arguments[3].startswith("--command=SELECT ")
    assert arguments[4].endswith("user=support sslmode=verify-full sslrootcert=/etc/pki/rds/global-bundle.pem")
    assert len(arguments) == 5


@pytest.mark.parametrize("query", ["sizes; id", "sizes' ; id ; '", "", "SELECT 1", "sizes\n", "\\! sh"])
def test_the_pattern_admits_the_three_words_alone(query):
    pattern = session_document()["parameters"]["query"]["allowedPattern"]
    assert not re.fullmatch(pattern, query)


def test_no_query_shows_the_text_of_a_statement():
    command = session_document()["properties"]["linux"]["commands"]
    assert not re.search(r"\bquery\b(?!_)", command.replace("'{{ query }}'", ""))
