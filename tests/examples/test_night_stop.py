"""examples/night-stop.yaml: its nights, expanded by an iCalendar library, and its script, run against an emulated EC2 and RDS."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import boto3
import pytest
import yaml
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from local_aws import REGION, ROOT, base_environment, free_port, process, wait_until_it_responds
from stacks import Stacks

TEMPLATE = (ROOT / "examples/night-stop.yaml").read_text()
# As the example's header says: time zone, first and last hour of the night there in winter, the parameters.
NIGHTS = [
    ("Asia/Tokyo", 20, 7, {"NightBegins": "1100", "NightEnds": "2200", "NightEndsOn": "SameDay"}),
    ("Europe/Berlin", 20, 6, {"NightBegins": "1900", "NightEnds": "0500", "NightEndsOn": "NextDay"}),
    ("America/New_York", 20, 7, {"NightBegins": "0100", "NightEnds": "1200", "NightEndsOn": "SameDay"}),
]


@pytest.mark.parametrize(("zone", "begins", "ends", "parameters"), NIGHTS, ids=[night[0] for night in NIGHTS])
def test_a_winter_night_is_closed_from_evening_to_morning_and_the_day_is_open(stacks, zone, begins, ends, parameters):
    for name, value in parameters.items():
        assert f"{name}={value}" in TEMPLATE, "the header's line for this place"
    nights = expanded(deployed(stacks, "night-calendar", parameters), "2026-01-10", "2026-01-20")
    assert len(nights) == 10
    for first, last in nights:
        evening, morning = (moment.astimezone(ZoneInfo(zone)) for moment in (first, last))
        assert (evening.hour, morning.hour) == (begins, ends)
        assert morning.date() - evening.date() == timedelta(days=1)
    for (_, morning), (evening, _) in pairwise(nights):
        assert evening > morning, "the calendar opens in between"


def test_a_summer_night_begins_an_hour_later_by_the_clock_as_the_header_says(stacks):
    ((first, _), *_) = expanded(deployed(stacks, "night-calendar", NIGHTS[1][3]), "2026-07-10", "2026-07-12")
    assert first.astimezone(ZoneInfo("Europe/Berlin")).hour == 21


def deployed(stacks: Stacks, document: str, parameters: dict[str, str]) -> str:
    """The content of one of the example's documents, as its stack makes it."""
    assert stacks.put("nights", TEMPLATE, parameters) == "CREATE_COMPLETE", stacks.reasons("nights")
    content = stacks.client("ssm").get_document(Name=document)["Content"]
    assert stacks.delete("nights") == "DELETE_COMPLETE"
    return content


def expanded(calendar: str, first: str, last: str) -> list[tuple[datetime, datetime]]:
    script = Path(__file__).with_name("nights.py")
    command = [ROOT / ".venv/calendar/bin/python", script, first, last]
    done = subprocess.run(command, input=calendar, capture_output=True, text=True, check=True)
    return [(datetime.fromisoformat(begins), datetime.fromisoformat(ends)) for begins, ends in json.loads(done.stdout)]


@pytest.fixture(scope="module")
def emulated_aws(tmp_path_factory) -> Iterator[str]:
    port = free_port()
    folder = tmp_path_factory.mktemp("moto")
    command = [str(ROOT / ".venv/moto/bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with process("moto", command, base_environment(), folder) as server:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_responds(server, f"{url}/moto-api/", folder / "moto.log")
        yield url


@dataclass
class Machines:
    """An EC2 instance and a database, and the runbook's script."""

    ec2: object
    rds: object
    handler: object
    instance: str
    database: str

    def run(self, state: str) -> list[str]:
        return self.handler({"State": state, "TagValue": "office-hours"}, None)["Done"]

    def states(self) -> tuple[str, str]:
        reservations = self.ec2.describe_instances(InstanceIds=[self.instance])["Reservations"]
        (database,) = self.rds.describe_db_instances(DBInstanceIdentifier=self.database)["DBInstances"]
        return reservations[0]["Instances"][0]["State"]["Name"], database["DBInstanceStatus"]


@pytest.fixture(scope="module")
def script(stacks) -> dict:
    """The inputs of the runbook's step that stops and starts."""
    runbook = yaml.safe_load(deployed(stacks, "night-stop", {}))
    (step,) = [step for step in runbook["mainSteps"] if step["action"] == "aws:executeScript"]
    return step["inputs"]


@pytest.fixture
def machines(emulated_aws, script, monkeypatch) -> Iterator[Machines]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulated_aws)
    for name, value in base_environment().items():
        monkeypatch.setenv(name, value)
    ec2, rds = boto3.client("ec2", region_name=REGION), boto3.client("rds", region_name=REGION)
    tags = [{"Key": "schedule", "Value": "office-hours"}]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    specification = [{"ResourceType": "instance", "Tags": tags}]
    made = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, TagSpecifications=specification)
    instance = made["Instances"][0]["InstanceId"]
    database = f"database-{instance}"
    rds.create_db_instance(DBInstanceIdentifier=database, DBInstanceClass="db.t4g.micro", Engine="postgres", Tags=tags)
    names: dict = {}
    exec(script["Script"], names)  # noqa: S102 - our own example
    yield Machines(ec2, rds, names[script["Handler"]], instance, database)
    ec2.terminate_instances(InstanceIds=[instance])
    rds.delete_db_instance(DBInstanceIdentifier=database, SkipFinalSnapshot=True)


def test_what_runs_is_stopped_at_night_and_started_in_the_morning(machines):
    assert machines.run("OPEN") == []
    assert machines.run("CLOSED") == [f"stopped {machines.instance}", f"stopped {machines.database}"]
    assert machines.states() == ("stopped", "stopped")
    assert machines.run("CLOSED") == [], "the next half hour of the same night"
    assert machines.run("OPEN") == [f"started {machines.instance}", f"started {machines.database}"]
    assert machines.states() == ("running", "available")


def test_what_somebody_stopped_by_hand_stays_stopped(machines):
    machines.run("CLOSED")
    machines.run("OPEN")
    machines.ec2.stop_instances(InstanceIds=[machines.instance])
    machines.rds.stop_db_instance(DBInstanceIdentifier=machines.database)
    assert machines.run("OPEN") == []
    assert machines.run("CLOSED") == []
    assert machines.run("OPEN") == []
    assert machines.states() == ("stopped", "stopped")


def test_what_somebody_started_at_night_is_stopped_again(machines):
    machines.run("CLOSED")
    machines.ec2.start_instances(InstanceIds=[machines.instance])
    assert machines.run("CLOSED") == [f"stopped {machines.instance}"]
    assert machines.run("OPEN") == [f"started {machines.instance}", f"started {machines.database}"]


def test_one_that_cannot_be_stopped_keeps_no_other_from_it(machines, monkeypatch):
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refusing("StopInstances"))
    with pytest.raises(Exception, match=machines.instance):
        machines.run("CLOSED")
    assert machines.states() == ("running", "stopped")


def refusing(operation: str):
    call = BaseClient._make_api_call

    def refuse(client, name, parameters):
        if name == operation:
            raise ClientError({"Error": {"Code": "UnsupportedOperation", "Message": "can't be stopped"}}, name)
        return call(client, name, parameters)

    return refuse


def test_machines_without_the_tag_are_left_alone(machines):
    machines.ec2.delete_tags(Resources=[machines.instance], Tags=[{"Key": "schedule"}])
    assert machines.run("CLOSED") == [f"stopped {machines.database}"]
    assert machines.states() == ("running", "stopped")
