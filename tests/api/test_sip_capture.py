"""``GET /call/{id}/pcap``: the SIP messages of a call that has ended."""

from pathlib import Path

import httpx

from gateway.calls.record import CallRecord, Status
from gateway.store import Store

CALL = "11111111-1111-4111-8111-111111111111"


async def test_the_capture_is_served_linked_and_deleted_with_its_call(
    api: httpx.AsyncClient, store: Store, tmp_path: Path
) -> None:
    def keep(status: Status = Status.ENDED, capture: str | None = "captures/x.pcap") -> None:
        record = CallRecord(id=CALL, direction="inbound", status=status, capture=capture)
        store.calls.save(record.model_dump(mode="json"))

    async def refused() -> str:
        answer = await api.get(f"/call/{CALL}/pcap")
        assert answer.status_code == 404
        return str(answer.json()["message"])

    assert "does not exist" in await refused()
    keep(Status.IN_PROGRESS)
    assert "has not ended" in await refused()
    keep(capture=None)
    assert "were not kept" in await refused()
    keep()
    assert "not written yet" in await refused()
    path = tmp_path / "captures" / "x.pcap"
    path.parent.mkdir()
    path.write_bytes(b"pcap")
    answer = await api.get(f"/call/{CALL}/pcap")
    assert (answer.status_code, answer.content) == (200, b"pcap")
    assert f"{CALL}.pcap" in answer.headers["content-disposition"]
    call = (await api.get(f"/call/{CALL}")).json()
    assert call["artifact"]["pcapUrl"].endswith(f"/call/{CALL}/pcap")
    await api.delete(f"/call/{CALL}")
    assert not path.exists()
