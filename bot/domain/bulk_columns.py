"""Which column of a file holds the ICCID, the IMEI and the action, by its names or by its first row."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.identifiers import Rejection, Valid, parse_iccid, parse_imei

_SIM = ("sim", "simcard", "card", "simkarte", "karte", "tarjetasim", "cartesim", "schedasim", "simkaart")
_NUMBERS = (
    *("number", "no", "nr", "num", "id", "serial", "serialnumber", "serialno", "iccid"),
    *("nummer", "seriennummer", "serie"),
)
_DEVICE = (
    *(
        "device",
        "terminal",
        "equipment",
        "gerat",
        "geraet",
        "endgerat",
        "endgeraet",
        "dispositivo",
        "appareil",
    ),
    *("apparaat", "equipo"),
)


class Field(StrEnum):
    """What a column can hold, as it is called in sentences."""

    ICCID = "ICCID"
    IMEI = "IMEI"
    ACTION = "action"


_NAMES: dict[str, Field] = {
    **dict.fromkeys(
        (
            *("iccid", "icc", "iccidnumber", "iccidno", "iccidnr", "iccidnummer", "iccids", "iccidsim"),
            *_SIM,
            *(sim + number for sim in _SIM for number in _NUMBERS),
            *("numerosim", "numerodesim", "numerotarjetasim", "numerocartesim", "thing", "thingid"),
        ),
        Field.ICCID,
    ),
    **dict.fromkeys(
        (
            *("imei", "imeis", "imeinumber", "imeino", "imeinr", "imeinummer", "imei1", "imei2"),
            *(
                "imeioraction",
                "imeiorwhat",
                "imeiorlastseen",
                "newimei",
                "lockedimei",
                "lockimei",
                "locktoimei",
                "numeroimei",
            ),
            *_DEVICE,
            *(device + "imei" for device in _DEVICE),
            *("imei" + device for device in _DEVICE),
        ),
        Field.IMEI,
    ),
    **dict.fromkeys(
        (
            *("action", "what", "whattodo", "want", "wanted", "change", "do", "todo", "operation", "command"),
            *("lock", "unlock", "lockunlock", "lockorunlock", "aktion", "accion", "azione", "actie"),
        ),
        Field.ACTION,
    ),
}
"""By letters and digits alone, in lower case and without accents."""

_ASK = 'Name the columns in the first line: "ICCID" and "IMEI".'


@dataclass(frozen=True, slots=True)
class Columns:
    """Where to look in a row, counted from 0; `ignored` names the columns that nobody reads."""

    iccid: int
    imei: int | None
    action: int | None
    width: int
    """How many cells a row has; more of them mean that a separator stands inside one."""
    ignored: tuple[str, ...] = ()
    is_headed: bool = True
    """False: the first row is no header, and has to be read like the others."""


def understand(cells: Sequence[str]) -> Columns | Rejection:
    """What a file's first row says about its columns, or, where it is no header, shows. Never raises."""
    if not any(cell.strip() for cell in cells):
        return Rejection(f"The first line is empty. {_ASK}")
    named = [field_of(cell) for cell in cells]
    if any(named):
        return _by_names(cells, named)
    return _by_first_row(cells)


def field_of(name: str) -> Field | None:
    """What a column of this name holds, None where the name isn't known."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return _NAMES.get("".join(c for c in plain if c.isalnum()))


def _by_names(cells: Sequence[str], named: Sequence[Field | None]) -> Columns | Rejection:
    for field in Field:
        same = [cell for cell, found in zip(cells, named, strict=True) if found is field]
        if len(same) > 1:
            both = " and ".join(f'"{_shown(cell)}"' for cell in same[:2])
            return Rejection(f"Two columns could hold the {field}: {both}. Keep or rename one of them.")
    if Field.ICCID not in named:
        return Rejection(f"No column holds the ICCID. {_ASK}")
    if Field.IMEI not in named and Field.ACTION not in named:
        return Rejection(f"No column holds the IMEI or the action. {_ASK}")
    ignored = (c for c, found in zip(cells, named, strict=True) if found is None and c.strip())
    return Columns(
        named.index(Field.ICCID),
        named.index(Field.IMEI) if Field.IMEI in named else None,
        named.index(Field.ACTION) if Field.ACTION in named else None,
        len(cells),
        tuple(_shown(cell) for cell in ignored),
    )


def _by_first_row(cells: Sequence[str]) -> Columns | Rejection:
    """A file that starts with its first SIM: fine where one cell can be the ICCID, and one the IMEI."""
    filled = [at for at, cell in enumerate(cells) if cell.strip()]
    sims = [at for at in filled if isinstance(parse_iccid(cells[at]), Valid)]
    if len(sims) != 1:
        return Rejection(f"The first line has no column names that are known, nor one ICCID. {_ASK}")
    others = [at for at in filled if at not in sims]
    devices = others if len(others) == 1 else [at for at in others if _may_be_an_imei(cells[at])]
    if len(devices) != 1:
        return Rejection(
            f"The first line has no column names, and it isn't clear which cell is the IMEI. {_ASK}"
        )
    return Columns(sims[0], devices[0], None, len(cells), is_headed=False)


def _may_be_an_imei(text: str) -> bool:
    return not isinstance(parse_imei(text), Rejection)


def _shown(name: str) -> str:
    plain = re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in name[:41])).strip()
    return plain[:39] + "…" if len(name) > 40 else plain
