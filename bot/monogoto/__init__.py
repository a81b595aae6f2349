"""Everything that knows the vendor: paths, spellings, log-in, and what its answers mean."""

from bot.monogoto.auth import Credentials, ReadyToken, UserPassword
from bot.monogoto.client import Gate, Monogoto, VendorCall

__all__ = ["Credentials", "Gate", "Monogoto", "ReadyToken", "UserPassword", "VendorCall"]
