"""`python -m bot.sandbox.demo`: everything up, one address, until Ctrl-C."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """The exit code: Ctrl-C is a good end at any moment, also while modules are being loaded."""
    try:
        print("Starting…", flush=True)
        from bot.sandbox.demo.options import options_from  # noqa: PLC0415  loading takes seconds,
        from bot.sandbox.demo.runner import run  # noqa: PLC0415  in which Ctrl-C may come

        return run(options_from(sys.argv[1:], os.environ))
    except KeyboardInterrupt:
        # Where it came inside an exec of a text, as dataclasses are made with, Python would still end by
        # the signal, though it was caught; the next such exec makes it forget.
        exec("")  # noqa: S102
        return 0


if __name__ == "__main__":
    sys.exit(main())
