"""Names as people give them to SIMs, groups and models; and some that nobody should trust."""

from __future__ import annotations

from typing import Final

PLACES: Final = (
    "Malmö", "Porto", "Gdańsk", "Lyon", "Bilbao", "Tampere", "Aarhus", "Graz", "Leiden", "Cork", "Brno",
    "Zürich", "Tartu", "Split", "Ghent", "Uppsala", "Turku", "Kraków", "Bergen", "Nantes", "Bologna",
    "Cádiz", "Dresden", "Haifa", "İzmir",
)  # fmt: skip
ROLES: Final = (
    "Cold store", "Bus", "Parking meter", "Lift", "Water pump", "Weather mast", "Scooter", "Vending machine",
    "Fire panel", "Smart bin", "Charger", "Flood gauge", "Gas meter", "Trailer", "Beehive", "Traffic light",
)  # fmt: skip
PARTS: Final = ("gateway", "tracker", "modem", "sensor", "router", "backup", "camera", "meter")
GROUP_KINDS: Final = (
    "phones", "trackers", "meters", "field trial", "spare parts", "chargers", "pumps", "lifts",
)  # fmt: skip

TACS: Final = (
    "35305311", "86696204", "35824005", "01234500", "86425203", "35693803",
    "86012307", "35441209", "86833404", "35909906",
)  # fmt: skip

HOSTILE: Final = {
    "mention": "<!channel> please <@U0ADMIN|approve> & <https://example.com|click>",
    "bold": "*bold* _slanted_ ~gone~ `code` > quote",
    "formula": '=cmd|"/C calc"!A0',
    "long": "Very long name " * 40,
    "emoji": "🚜 Tractor 👩‍🌾 :rotating_light: №7",
    "right_to_left": "מכונה \u202e54321\u202c חיפה",
    "markup": "<script>alert('x')</script>\r\n\x07{{7*7}}",
}
