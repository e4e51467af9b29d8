"""Whether a resource of a policy and the ARN of a resource type can name the same thing."""

import functools
import re
from enum import Enum

from cloudformation import NAME, UNKNOWN


class Wild(Enum):
    """What a wildcard stands for."""

    ONE = 1
    ONE_WITHOUT_COLON = 2
    WITHOUT_COLON = 3
    NAME = 4  # without a colon or a slash
    ANYTHING = 5

    @property
    def is_one(self) -> bool:
        return self in (Wild.ONE, Wild.ONE_WITHOUT_COLON)

    def takes(self, letter: "str | Wild") -> bool:
        """Whether it can stand for this letter; another wildcard for one letter can be any that suits."""
        if isinstance(letter, Wild):
            return True
        return letter not in {Wild.ONE_WITHOUT_COLON: ":", Wild.WITHOUT_COLON: ":", Wild.NAME: ":/"}.get(self, "")


Pattern = tuple[str | Wild, ...]


def can_name(resource: str, arn: str) -> bool:
    """Whether a resource of a policy, which may hold `*`, `?`, `UNKNOWN` and `NAME`, can name one of this type's ARN.

    Colons part an ARN, and no wildcard reaches across them, but for those of the last part.
    """
    parts = resource.split(":", 5)
    if parts[-1].endswith("*"):
        parts += ["*"] * (6 - len(parts))
    kinds = arn.split(":", 5)
    return len(parts) == len(kinds) and all(
        _can_meet(_of_policy(a), _of_type(b)) for a, b in zip(parts, kinds, strict=True)
    )


def _of_policy(resource: str) -> Pattern:
    wild = {"*": Wild.ANYTHING, "?": Wild.ONE, UNKNOWN: Wild.WITHOUT_COLON, NAME: Wild.NAME}
    return tuple(wild.get(letter, letter) for letter in resource)


def _of_type(arn: str) -> Pattern:
    """The ARN of a resource type, with `${Placeholders}`, none but a bucket empty; the last one may hold colons, as keys of objects do."""
    pieces = re.findall(r"(\$\{[^}]*\})|(.)", arn)
    last = max((index for index, (placeholder, _) in enumerate(pieces) if placeholder), default=-1)
    pattern: list[str | Wild] = []
    for index, (placeholder, letter) in enumerate(pieces):
        if not placeholder:
            pattern.append(letter)
        elif placeholder == "${BucketName}":
            pattern.append(Wild.NAME)
        else:
            pattern += [Wild.ONE_WITHOUT_COLON, Wild.ANYTHING if index == last else Wild.WITHOUT_COLON]
    return tuple(pattern)


def _can_meet(one: Pattern, other: Pattern) -> bool:
    """Whether there is a text that both patterns match."""

    @functools.cache
    def meet(i: int, j: int) -> bool:
        if i == len(one) and j == len(other):
            return True
        a = one[i] if i < len(one) else ""
        b = other[j] if j < len(other) else ""
        many_a, many_b = isinstance(a, Wild) and not a.is_one, isinstance(b, Wild) and not b.is_one
        # A wildcard for many letters may end here, or go on while the other side has a letter that it takes.
        if isinstance(a, Wild) and many_a and (meet(i + 1, j) or (b and not many_b and a.takes(b) and meet(i, j + 1))):
            return True
        if isinstance(b, Wild) and many_b and (meet(i, j + 1) or (a and not many_a and b.takes(a) and meet(i + 1, j))):
            return True
        if not a or not b or many_a or many_b:
            return False
        same = a == b or (isinstance(a, Wild) and a.takes(b)) or (isinstance(b, Wild) and b.takes(a))
        return same and meet(i + 1, j + 1)

    return meet(0, 0)
