"""A local Monogoto: the vendor's API as far as anyone knows it, over real HTTP on 127.0.0.1."""

from bot.sandbox.monogoto.examples import Example, Examples
from bot.sandbox.monogoto.faults import FaultKind
from bot.sandbox.monogoto.server import LocalMonogoto
from bot.sandbox.monogoto.settings import Settings

__all__ = ["Example", "Examples", "FaultKind", "LocalMonogoto", "Settings"]
