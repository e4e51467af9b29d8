"""What a run of `make verify` creates, recorded before it is created, so that it is deleted whatever happens, or listed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

GONE = ("InvalidDocument", "NoSuchBucket", "NoSuchKey", "404", "ValidationError")


@dataclass
class Scratch:
    """The resources of one run, all of whose names begin with its prefix."""

    prefix: str
    client: Callable[[str], Any]
    """Returns the client of a service."""
    noted: list[tuple[str, str]] = field(default_factory=list)

    def name(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    def will_make(self, kind: str, name: str) -> None:
        """Records a document, a stack or a bucket, before the call that creates it."""
        assert name.startswith(self.prefix), f"{name} is not of this run"
        self.noted.append((kind, name))

    def take_away(self) -> None:
        """Deletes what was created, in reverse order. What can't be deleted stays recorded."""
        for kind, name in reversed(list(self.noted)):
            try:
                {"document": self._document, "stack": self._stack, "bucket": self._bucket}[kind](name)
            except ClientError as error:
                if error.response["Error"]["Code"] not in GONE:
                    print(f"  {kind} {name} could not be deleted: {error}", flush=True)
                    continue
            except BotoCoreError as error:
                print(f"  {kind} {name} could not be deleted: {error}", flush=True)
                continue
            self.noted.remove((kind, name))

    def left(self) -> list[str]:
        """The commands that delete what is left."""
        commands = {
            "document": "aws ssm delete-document --name {}",
            "stack": "aws cloudformation delete-stack --stack-name {}",
            "bucket": "aws s3 rb --force s3://{}",
        }
        return [commands[kind].format(name) for kind, name in reversed(self.noted)]

    def _document(self, name: str) -> None:
        self.client("ssm").delete_document(Name=name)

    def _stack(self, name: str) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(
            StackName=name, WaiterConfig={"Delay": 3, "MaxAttempts": 200}
        )

    def _bucket(self, name: str) -> None:
        s3 = self.client("s3")
        for listed in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=listed["Key"])
        s3.delete_bucket(Bucket=name)
