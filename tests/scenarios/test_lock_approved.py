"""A lock is asked for, approved, applied and read back."""

from __future__ import annotations

import pytest

from bot.sandbox.stage import Stage, everything_in


@pytest.mark.both_stores
async def test_a_lock_is_approved_applied_and_confirmed_in_the_thread(stage: Stage) -> None:
    sim = stage.monogoto.examples.fresh
    engineer, approver = stage.person("U0ENG1"), stage.person("U0APP1")
    delivery = await engineer.command("/lock-thing", f"{sim.iccid} {sim.imei}", channel="C0FIELD")
    assert delivery.acked
    await stage.until(lambda: engineer.modal and sim.name[:10] in everything_in(engineer.modal.content))
    result = await engineer.submit(engineer.modal, {"reason": "Stolen box"})
    assert result.ok, result
    (card,) = await stage.until(lambda: stage.cards("C0FIELD"))
    await stage.until(lambda: "Request posted" in engineer.modal.title)
    await approver.click(card, "request.approve")
    replies = await stage.until(lambda: [r for r in stage.replies(card) if "done" in r.text])
    assert "<@U0ENG1>" in replies[0].text
    assert stage.monogoto.thing(sim.iccid)["LockMasterImei"] is True
    assert stage.monogoto.thing(sim.iccid)["MasterIMEI"] == sim.imei
    await stage.until(lambda: "configured and read back" in card.text)
    assert "request.approve" not in str(card.blocks)
