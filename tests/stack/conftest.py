"""A local AWS with the provider on it, deployed by the real sam.

It refuses a content that any version has, where that of tests/examples compares with the latest version only: AWS does one of the
two, and both are met with real stacks.
"""

import functools
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_aws import local_aws, ssm_model
from stacks import PROVIDER, Stacks


@pytest.fixture(scope="session")
def stacks() -> Iterator[Stacks]:
    with local_aws(functools.partial(ssm_model, duplicates="any")) as aws:
        yield Stacks(aws)


@pytest.fixture(scope="session")
def built(stacks: Stacks) -> Path:
    """The project's template as sam built it for this machine."""
    return stacks.sam_build()


@pytest.fixture(scope="session")
def service_token(stacks: Stacks, built: Path) -> str:
    """The provider alone, without the preferences."""
    stacks.sam_deploy(PROVIDER, built, {"ManagePreferences": "false"})
    return stacks.outputs(PROVIDER)["ServiceToken"]
