"""What a run made is taken away, or listed."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from verify_scratch import Scratch


class Account:
    """Clients that note what they delete, and refuse what they are told to."""

    def __init__(self, errors: dict[str, str]) -> None:
        self.errors, self.deleted = errors, []

    def client(self, _service: str) -> Any:
        return self

    def delete_document(self, **given: str) -> None:
        name = given["Name"]
        if name in self.errors:
            raise ClientError({"Error": {"Code": self.errors[name], "Message": "refused"}}, "DeleteDocument")
        self.deleted.append(name)


def test_the_last_goes_first_and_what_stays_is_listed_with_its_command() -> None:
    account = Account({"p-denied": "AccessDeniedException", "p-gone": "InvalidDocument"})
    scratch = Scratch("p", account.client)
    for name in ("first", "denied", "gone", "last"):
        scratch.will_make("document", scratch.name(name))
    scratch.take_away()
    assert account.deleted == ["p-last", "p-first"]
    assert scratch.left() == ["aws ssm delete-document --name p-denied"]


def test_nothing_of_another_name_is_ever_noted_and_so_deleted() -> None:
    scratch = Scratch("p", Account({}).client)
    with pytest.raises(AssertionError):
        scratch.will_make("document", "SSM-SessionManagerRunShell")
