"""`python -m bot check`: can this installation do its work, and if not, what is to be done about it.

`report` says how it is told, `variables` and `people` what the configuration and the policy come to,
`inspection` asks everybody. What Slack, the vendor and the database answer is judged in their own packages
(`slack/inspection.py`, `monogoto/inspection.py`, `storage/inspection.py`), where their words are known.
"""

from bot.check.inspection import check
from bot.check.report import Report

__all__ = ["Report", "check"]
