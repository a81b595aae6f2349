"""A plain client of the local Monogoto: no more than a token of its own."""

from typing import Any

import httpx

from bot.sandbox.monogoto import LocalMonogoto

DEVICE = "353053119990002"
TAC = "35305311"


class Caller:
    """A plain client with a token of its own."""

    def __init__(self, sim: LocalMonogoto) -> None:
        self.sim = sim
        self.http = httpx.AsyncClient(base_url=sim.url, trust_env=False)
        self.token = sim.mint_token()

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def call(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, path, headers=headers, **content)

    async def thing(self, iccid: str) -> httpx.Response:
        return await self.call("GET", f"/thing/ThingId_ICCID_{iccid}")

    async def lock(self, iccid: str, **other: Any) -> httpx.Response:
        record = self.sim.thing(iccid)
        body = {
            "cas": record["cas"],
            "ThingId": record["ThingId"],
            "LockMasterImei": True,
            "MasterIMEI": DEVICE,
        }
        return await self.call("PUT", "/thing/update/", json=body | other)

    async def group(self, group_id: str) -> dict[str, Any]:
        answer = await self.call("GET", f"/thingsgroup/{group_id}")
        assert answer.status_code == 200
        return dict(answer.json())

    async def put(self, group_id: str, **keys: Any) -> httpx.Response:
        return await self.call("PUT", f"/thingsgroup/{group_id}", json=keys)

    async def lock_group(self, group_id: str, **other: Any) -> httpx.Response:
        """All four documented keys, name and profile as they are."""
        group = self.sim.group(group_id)
        body = {key: group[key] for key in ("ThingsGroupName", "TelephonyProfileId")}
        return await self.put(group_id, **body | {"IMEIPrefix": TAC, "LockMasterImei": True} | other)
