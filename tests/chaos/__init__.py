"""Broken on purpose: lives of the whole bot under kills and faults of every kind, and what must hold of them.

`python -m tests.chaos` runs rounds. A round is planned from its seed (`plan`), played in virtual time over
real HTTP and WebSockets (`simulation`, `lives`, `people`, `rounds`), and judged by what the stand-ins have
seen (`records`, `invariants`). A share of them kills real processes (`processes`).
"""
