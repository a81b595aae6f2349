"""`python -m tests.gallery.page FOLDER OUT`: one file that draws what was collected, by the page's own table.

Nothing is loaded from anywhere: modules, styles and the icon are inside, so that it opens from the disk.
"""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from bot.sandbox.slack.page import FOLDER
from tests.gallery.collecting import JSON, kept_in, one_of_each
from tests.gallery.drawn import drawn

HERE = Path(__file__).parent
_IMPORT = re.compile(r'(from|import) "\./([\w.]+\.js)"')


def page(items: Iterable[JSON]) -> str:
    """The whole file."""
    modules = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.js")}
    modules["gallery.js"] = (HERE / "gallery.js").read_text(encoding="utf-8")
    imports = {
        name: _data("text/javascript", _IMPORT.sub(r'\1 "\2"', code)) for name, code in modules.items()
    }
    styles = (FOLDER / "slack.css").read_text(encoding="utf-8") + (HERE / "gallery.css").read_text("utf-8")
    styles = styles.replace("/page/icon.svg", _data("image/svg+xml", (FOLDER / "icon.svg").read_text()))
    data = json.dumps(list(items)).replace("</", "<\\/")
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>IMEI Lock: gallery</title>"
        f'<link rel="icon" href="data:,"><style>{styles}</style>'
        f'<script type="importmap">{json.dumps({"imports": imports})}</script>'
        f'<script type="application/json" id="items">{data}</script>'
        '<body class="gallery"><script type="module">import "gallery.js"</script></body></html>'
    )


def _data(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def main(folder: Path, out: Path) -> None:
    """What the scenarios sent, and every state that can be drawn."""
    sent = kept_in(folder)
    items = one_of_each([*sent, *drawn()])
    out.write_text(page(items), encoding="utf-8")
    print(f"{out}: {len(items)} sights, {len(sent)} of them from the scenarios")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
