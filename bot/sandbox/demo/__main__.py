"""`python -m bot.sandbox.demo`: everything up, one address, until Ctrl-C."""

from __future__ import annotations

import os
import sys

from bot.sandbox.demo.options import options_from
from bot.sandbox.demo.runner import run

if __name__ == "__main__":
    sys.exit(run(options_from(sys.argv[1:], os.environ)))
