"""Listening to a call and steering it while it goes on: ``monitor.listenUrl``, ``controlUrl``."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any

from fastapi import APIRouter, Request, WebSocket
from starlette.websockets import WebSocketDisconnect

from gateway.agent.messages import Became, Follow, FromAgent
from gateway.api import control, errors, live_messages, monitor_links
from gateway.api.control import Control
from gateway.api.errors import ApiError, BadRequest, NotFound
from gateway.api.keys import Guard
from gateway.api.requests import read_json
from gateway.api.targets import demanded, wanted, wanted_live
from gateway.api.unusable import Unusable
from gateway.calls.ports import Papers, Switchboard
from gateway.calls.record import CallRecord, Status
from gateway.calls.steering import Steering
from gateway.store import Store
from gateway.store.tables import THE_ORG

log = logging.getLogger(__name__)

Json = dict[str, Any]
Followers = asyncio.Queue[Json | None]

LOOK_S = 0.04  # sound is sent in pieces of about this length
SLOW_S = 2.0  # a listener who takes longer to take a piece is dropped
MOST_LISTENERS = 20  # of one call: each costs as much as the call's own signalling and more
MOST_WAITING = 500  # messages: who has so many to read is dropped
LOST = (RuntimeError, WebSocketDisconnect, TimeoutError, OSError)  # how a socket ends
NORMAL, TRY_LATER = 1000, 1013  # RFC 6455 section 7.4.1 and its registry


class Monitor:
    """Also a ``calls.ports.Listener``, for those who follow a call at its control address."""

    def __init__(
        self, store: Store, switchboard: Switchboard, guard: Guard, control: Control
    ) -> None:
        self._store, self._switchboard = store, switchboard
        self._guard, self._control = guard, control
        self._followers: dict[str, set[Followers]] = {}
        self._listeners: Counter[str] = Counter()  # to each call

    # who may

    async def admit(self, what: str, call_id: str, token: str, authorization: str) -> None:
        """``what`` is listen or control. Raises NotFound, ApiError."""
        record = self._switchboard.live(call_id)
        if not monitor_links.is_token(call_id, token) or record is None:
            raise NotFound(f"Call {call_id} is not in progress")
        plan = monitor_links.plan(await self._papers(record))
        if not plan[f"{what}Enabled"]:
            raise NotFound(f"monitorPlan.{what}Enabled of call {call_id} is false")
        if plan[f"{what}AuthenticationEnabled"]:
            caller = await self._guard.caller(authorization)
            if caller.org_id != (record.org_id or THE_ORG):
                raise ApiError(401, "This key is another organisation's")

    async def _papers(self, record: CallRecord) -> Papers:
        if call := self._switchboard.steer(record.id):
            return call.papers
        stored = await self._store.of(record.org_id or THE_ORG).calls.get(record.id)
        return stored.papers if stored else {}

    # listening

    async def listen(self, socket: WebSocket, call_id: str, channels: int) -> None:
        start = {"type": "start", "encoding": "linear16", "container": "raw", "sampleRate": 16000}
        await _send(socket.send_text(json.dumps(start | {"channels": channels})))
        while (call := self._switchboard.steer(call_id)) is None:
            if self._switchboard.live(call_id) is None:
                return
            await asyncio.sleep(LOOK_S)
        with call.listen() as tap:
            while not tap.ended:
                sound = tap.mixed() if channels == 1 else tap.stereo()
                if len(sound):
                    await _send(socket.send_bytes(sound.astype("<i2").tobytes()))
                await asyncio.sleep(LOOK_S)

    @contextlib.contextmanager
    def counted(self, call_id: str) -> Iterator[bool]:
        """Whether one more may listen, who is counted until the end."""
        if self._listeners[call_id] >= MOST_LISTENERS:
            yield False
            return
        self._listeners[call_id] += 1
        try:
            yield True
        finally:
            self._listeners -= Counter([call_id])

    # steering

    async def steer(self, call_id: str, message: Json) -> None:
        """Raises BadRequest, NotFound, Unusable."""
        message = control.read(message)
        if message["type"] == "end-call":
            await self._switchboard.hang_up(call_id)
        elif call := self._switchboard.steer(call_id):
            await self._control.act(call, message)
        elif self._switchboard.live(call_id):
            raise BadRequest(f"Call {call_id} has not begun")
        else:
            raise NotFound(f"Call {call_id} is not in progress")

    async def take(self, socket: WebSocket, call_id: str, follower: Followers) -> None:
        """Messages by websocket; one that is refused is answered."""
        while True:
            text = (await socket.receive()).get("text")
            if socket.client_state.name == "DISCONNECTED":
                return
            try:
                message = json.loads(text or "")
                if not isinstance(message, dict):
                    raise ValueError("not an object")
                await self.steer(call_id, message)
            except (ApiError, Unusable) as error:
                status = error.status if isinstance(error, ApiError) else 400
                why = error.message if isinstance(error, ApiError) else str(error)
                _put(follower, {"type": "error", **errors.body(status, why)})
            except (ValueError, RecursionError):
                why = "The message must be a JSON object"
                _put(follower, {"type": "error", **errors.body(400, why)})

    # following

    async def follow(self, socket: WebSocket, call_id: str, follower: Followers) -> None:
        while (message := await follower.get()) is not None:
            await _send(socket.send_text(json.dumps(message, default=str)))

    def attend(self, call_id: str) -> Followers:
        follower: Followers = asyncio.Queue(MOST_WAITING)
        self._followers.setdefault(call_id, set()).add(follower)
        if call := self._switchboard.steer(call_id):
            _have_told(call)
        elif self._switchboard.live(call_id) is None:  # it has ended since
            _put(follower, None)
        return follower

    def leave(self, call_id: str, follower: Followers) -> None:
        """The agent tells on what only the last one wanted; nobody is disturbed by that."""
        followers = self._followers.get(call_id, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(call_id, None)

    def status_changed(self, record: CallRecord, papers: Papers) -> None:
        if record.id not in self._followers or record.status is Status.ENDED:
            return
        self._tell(record, papers, _status(record))
        if record.status is Status.IN_PROGRESS:
            self._tell(record, papers, live_messages.started(papers))
            if call := self._switchboard.steer(record.id):
                _have_told(call)

    def told(self, record: CallRecord, papers: Papers, message: FromAgent) -> None:
        if record.id not in self._followers:
            return
        for one in live_messages.written(record, papers, message):
            self._tell(record, papers, one)
        if isinstance(message, Became) and (call := self._switchboard.steer(record.id)):
            _have_told(call)

    def ended(self, record: CallRecord, papers: Papers) -> None:
        self._tell(record, papers, _status(record, endedReason=record.ended_reason))
        for follower in self._followers.pop(record.id, set()):
            _put(follower, None)

    def _tell(self, record: CallRecord, papers: Papers, one: live_messages.LiveMessage) -> None:
        if one.names & wanted_live(papers):
            for follower in self._followers.get(record.id, set()):
                _put(follower, one.message)


def _status(record: CallRecord, **more: Any) -> live_messages.LiveMessage:
    return live_messages.LiveMessage.of("status-update", status=str(record.status), **more)


def _have_told(call: Steering) -> None:
    """The agent is to tell what those who follow the call want, besides what its server does."""
    names = wanted(call.papers) | wanted_live(call.papers)
    call.tell(Follow(call=call.record.id, live=demanded(names)))


def _put(follower: Followers, message: Json | None) -> None:
    if follower.full():  # it does not read: what it has missed, it cannot make up for
        while not follower.empty():
            follower.get_nowait()
        message = None
    follower.put_nowait(message)


async def _send(sending: Coroutine[Any, Any, None]) -> None:
    """Raises TimeoutError: it is too slow."""
    async with asyncio.timeout(SLOW_S):
        await sending


async def _gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _first_of(socket: WebSocket, *works: Coroutine[Any, Any, None]) -> None:
    """Until one is done; then the socket is closed."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    slow = any(isinstance(result, TimeoutError) for result in results)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, LOST):
            log.error("a follower of a call is lost", exc_info=result)
    with contextlib.suppress(*LOST):  # it has gone already
        await _send(socket.close(TRY_LATER if slow else NORMAL))


def routes(monitor: Monitor) -> APIRouter:
    """Without a key: the address is one."""
    router = APIRouter(prefix="/monitor/{call_id}/{token}", include_in_schema=False)

    async def let_in(socket: WebSocket, what: str, call_id: str, token: str) -> bool:
        try:
            header = socket.headers.get("authorization", "")
            await monitor.admit(what, call_id, token, header)
        except ApiError as error:
            await socket.send_denial_response(errors.response(error.status, error.message))
            return False
        await socket.accept()
        return True

    @router.websocket("/listen")
    async def listen(socket: WebSocket, call_id: str, token: str) -> None:
        if not await let_in(socket, "listen", call_id, token):
            return
        with monitor.counted(call_id) as room:
            if not room:
                await _send(socket.close(TRY_LATER, "too many listen to this call"))
                return
            channels = 1 if socket.query_params.get("channels") == "1" else 2
            await _first_of(socket, monitor.listen(socket, call_id, channels), _gone(socket))

    @router.websocket("/control")
    async def follow(socket: WebSocket, call_id: str, token: str) -> None:
        if await let_in(socket, "control", call_id, token):
            follower = monitor.attend(call_id)
            try:
                await _first_of(
                    socket,
                    monitor.follow(socket, call_id, follower),
                    monitor.take(socket, call_id, follower),
                )
            finally:
                monitor.leave(call_id, follower)

    @router.post("/control")
    async def steer(request: Request, call_id: str, token: str) -> Any:
        header = request.headers.get("authorization", "")
        await monitor.admit("control", call_id, token, header)
        await monitor.steer(call_id, await read_json(request))
        return {"success": True}

    return router
