"""Starts the demo, says where it is, begins anew when asked, and ends on Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

from bot.logs import set_up
from bot.policy_file import PolicyError
from bot.sandbox.demo.folder import CannotUse, Folder
from bot.sandbox.demo.options import Options
from bot.sandbox.demo.round import Round

Say = Callable[[str], None]
REFUSED = 2


def run(options: Options) -> int:
    """Until SIGINT or SIGTERM; the exit code, 0 unless it could not start."""
    folder = Folder(options.folder)
    try:
        folder.take()
    except CannotUse as no:
        return _refuse(str(no))
    try:
        with folder.log.open("w", encoding="utf-8") as log:
            set_up(level="INFO", form="text", stream=log)
            return asyncio.run(Demo(options, folder, _say).serve())
    except PolicyError as wrong:
        return _refuse(f"{folder.policy} can't be used:\n{wrong}")
    except KeyboardInterrupt:
        return 0
    finally:
        folder.release()


class Demo:
    """One round after another, on the same port."""

    def __init__(self, options: Options, folder: Folder, say: Say) -> None:
        self._options = options
        self._folder = folder
        self._say = say
        self._port = options.port
        self._rounds = 0
        self._ended = asyncio.Event()
        self._again = asyncio.Event()

    async def serve(self) -> int:
        """Until a signal; returns the exit code."""
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._ended.set)
        going = await self._begin()
        if going is None:
            return _refuse(f"port {self._port} is taken. End what runs there, or name another --port.")
        self._say(_welcome(going.slack.url, self._folder))
        while await self._asked_again():
            await going.stop()
            self._folder.remember({})
            following = await self._begin()
            if following is None:
                return _refuse(f"port {self._port} was taken by somebody else meanwhile.")
            going = following
        await going.stop()
        return 0

    async def _begin(self) -> Round | None:
        """A round that runs, or None where the port is taken."""
        self._rounds += 1
        self._again.clear()
        self._folder.empty_database()
        fresh = Round(self._options, self._folder, number=self._rounds, reset=self._again.set)
        try:
            await fresh.start(self._port)
        except OSError:
            await fresh.stop()
            return None
        except BaseException:
            await fresh.stop()
            raise
        self._port = int(fresh.slack.url.rpartition(":")[2])
        return fresh

    async def _asked_again(self) -> bool:
        """Wait; whether another round is wanted, rather than the end."""
        waits = [asyncio.create_task(self._ended.wait()), asyncio.create_task(self._again.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        return not self._ended.is_set()


def _welcome(url: str, folder: Folder) -> str:
    return (
        f"\n  IMEI Lock is at  {url}/\n\n"
        "  Open it in a browser; the guide in the corner says what to try first.\n"
        f"  Ctrl-C ends it. Database, secrets and log: {folder.path.name}/, new at every start.\n"
    )


def _say(text: str) -> None:
    print(text, flush=True)


def _refuse(why: str) -> int:
    print(f"The demo can't start: {why}", file=sys.stderr)
    return REFUSED
