"""The kinds of rule of which the Block Kit table is made, and how each one judges a value.

The wording follows Slack's own messages, so that a log of the stand-in reads like a log of Slack.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

ANY_NUMBER = sys.maxsize


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: `pointer` is a JSON pointer into what was checked."""

    pointer: str
    message: str


Also = Callable[[Mapping[str, Any]], Iterator[Problem]]


class Rule(Protocol):
    """Judges one value."""

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """Everything wrong with the value that stands at this pointer."""


@dataclass(frozen=True, slots=True)
class Text:
    """A string of so many characters; one of `choices`, where there are any; matching `pattern` whole."""

    most: int = ANY_NUMBER
    least: int = 0
    choices: tuple[str, ...] = ()
    pattern: str = ""
    complaint: str = "invalid format"

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """Type first, then length, choice and form."""
        if not isinstance(value, str):
            yield Problem(at, "must provide a string")
        elif len(value) < self.least:
            yield Problem(at, f"must be more than {self.least - 1} characters")
        elif len(value) > self.most:
            yield Problem(at, f"must be less than {self.most + 1} characters")
        elif self.choices and value not in self.choices:
            yield Problem(at, f"must be one of: {', '.join(self.choices)}")
        elif self.pattern and not re.fullmatch(self.pattern, value, re.IGNORECASE | re.DOTALL):
            yield Problem(at, self.complaint)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """Only a JSON boolean passes."""
        if not isinstance(value, bool):
            yield Problem(at, "must provide a boolean")


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    least: int = 0
    most: int = ANY_NUMBER

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """Only a JSON integer within the bounds passes."""
        if not isinstance(value, int) or isinstance(value, bool):
            yield Problem(at, "must provide a number")
        elif value < self.least:
            yield Problem(at, f"must be more than {self.least - 1}")
        elif value > self.most:
            yield Problem(at, f"must be less than {self.most + 1}")


@dataclass(frozen=True, slots=True)
class Items:
    """A list of so many, each under the same rule."""

    of: Rule
    most: int = ANY_NUMBER
    least: int = 1

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """The number first, then each item under its own pointer."""
        if not isinstance(value, list):
            yield Problem(at, "must provide an array")
            return
        if len(value) > self.most:
            yield Problem(at, f"no more than {self.most} items allowed")
        if len(value) < self.least:
            yield Problem(at, f"no fewer than {self.least} items allowed")
        for index, item in enumerate(value):
            yield from self.of.check(item, f"{at}/{index}")


@dataclass(frozen=True, slots=True)
class Fields:
    """An object: what it needs, what it may have, and nothing else (unless it is `open`).

    `any_of`: at least one of these; `one_of`: exactly one of these. `also` are rules between fields, asked
    only where each field is right by itself.
    """

    need: Mapping[str, Rule] = field(default_factory=dict)
    may: Mapping[str, Rule] = field(default_factory=dict)
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    also: tuple[Also, ...] = ()
    open: bool = False

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """Missing and unknown names, then each field, then what holds between them."""
        if not isinstance(value, dict):
            yield Problem(at, "must provide an object")
            return
        found = [*self._names(value, at), *self._values(value, at)]
        yield from found
        if not found:
            for rule in self.also:
                yield from (Problem(at + problem.pointer, problem.message) for problem in rule(value))

    def _names(self, value: dict[str, Any], at: str) -> Iterator[Problem]:
        for name in self.need:
            if name not in value:
                yield Problem(at, f"missing required field: {name}")
        for names in filter(None, (self.any_of, self.one_of)):
            if not any(name in value for name in names):
                yield Problem(at, f"missing required field: {' or '.join(names)}")
        if sum(name in value for name in self.one_of) > 1:
            yield Problem(at, f"must define only one of: {', '.join(self.one_of)}")
        for name in value:
            if not self.open and name not in self.need and name not in self.may:
                yield Problem(at, f"invalid additional property: {name}")

    def _values(self, value: dict[str, Any], at: str) -> Iterator[Problem]:
        for name, rule in (*self.need.items(), *self.may.items()):
            if name in value:
                yield from rule.check(value[name], f"{at}/{name}")


@dataclass(frozen=True, slots=True)
class ByType:
    """An object whose `type` says which of several rules it is under."""

    rules: Mapping[str, Rule]

    def check(self, value: object, at: str) -> Iterator[Problem]:
        """An unknown type is refused by name."""
        if not isinstance(value, dict):
            yield Problem(at, "must provide an object")
        elif "type" not in value:
            yield Problem(at, "missing required field: type")
        elif not isinstance(value["type"], str):
            yield Problem(f"{at}/type", "must provide a string")
        elif value["type"] not in self.rules:
            yield Problem(f"{at}/type", f"unsupported type: {value['type']}")
        else:
            rest = {name: part for name, part in value.items() if name != "type"}
            yield from self.rules[value["type"]].check(rest, at)
