"""One WebRTC call: a browser's microphone in, a face and its voice out (extra `rtc`)."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from fractions import Fraction
from typing import Any

import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from numpy.typing import NDArray

from openfloat.config import FPS
from openfloat.errors import BadInput
from openfloat.serving.player import Moment, Player

logger = logging.getLogger(__name__)

RATE = 48_000
"""Samples a second that are heard: Opus' own."""
CONNECT_S = 15.0
"""Seconds within which a browser must have connected."""
BEHIND_FRAMES = 2 * FPS
"""Frames of what was spoken that may wait; older ones are left out."""
UNSENT = 25
"""Moments that may wait to be sent; older ones are left out."""
MOST_CANDIDATES = 40
"""Addresses that an offer may name."""


class Call:
    """Everything of one call; it ends with the connection, after silence, or by `close`.

    Args:
        player: the session that is shown; closed with the call.
        silent_s: seconds without a packet of sound after which it ends.
        addresses: of this machine that may be reached; all of them if none are given.
        ended: called once when it has ended.
    """

    def __init__(
        self, player: Player, silent_s: float, addresses: list[str], ended: Callable[["Call"], None]
    ) -> None:
        self._player, self._silent_s, self._addresses = player, silent_s, addresses
        self._ended = ended
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._picture, self._sound = _Picture(), _Sound()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def answer(self, offer: str) -> str:
        """Take a browser's offer (SDP) of one sound that it sends; returns the answer.

        Raises:
            BadInput: it is no such offer.
        """
        if offer.count("a=candidate:") > MOST_CANDIDATES:
            raise BadInput(f"the offer names more than {MOST_CANDIDATES} addresses")
        if self._addresses:
            # a browser that hides its addresses behind names is on this machine, too
            offer = re.sub(r"[0-9a-f-]{36}\.local", "127.0.0.1", offer)
        connection = self._connection
        connection.on("track", self._on_track)
        connection.on("connectionstatechange", self._on_state)
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            kinds = [each.kind for each in connection.getTransceivers()]
            if sorted(kinds) != ["audio", "video"]:
                raise ValueError(f"it has {kinds}")
            connection.addTrack(self._picture)
            connection.addTrack(self._sound)
            self._bind()
            await connection.setLocalDescription(await connection.createAnswer())
        except Exception as error:  # whatever a stranger's text does to the parser
            logger.info("an offer cannot be answered: %r", error)
            raise BadInput(
                "the offer is not one of WebRTC with one sound to send and one picture to receive"
            ) from error
        self._begin(self._give_up())
        return connection.localDescription.sdp

    async def close(self) -> None:
        """End it and free the seat."""
        if self._closed:
            return
        self._closed = True
        self._player.close()
        self._ended(self)
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        await self._connection.close()

    def _bind(self) -> None:
        """Be reached where the server is, and not on all addresses of the machine."""
        if not self._addresses:
            return
        for each in self._connection.getTransceivers():
            ice: Any = each.sender.transport.transport.iceGatherer._connection
            gather: Callable[..., Awaitable[Any]] = ice.get_component_candidates

            async def bound(
                component: int, addresses: list[str], timeout: int = 5,
                gather: Callable[..., Awaitable[Any]] = gather,
            ) -> Any:  # fmt: skip
                del addresses
                return await gather(component, self._addresses, timeout)

            ice.get_component_candidates = bound

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guarded(self, work: Any) -> None:
        """Whatever ends one part of a call ends the call."""
        try:
            await work
        except (MediaStreamError, TimeoutError):
            pass  # the browser has left, or says nothing
        except Exception:
            logger.exception("a call has failed")
        await self.close()

    async def _give_up(self) -> None:
        await asyncio.sleep(CONNECT_S)
        if self._connection.connectionState == "connected":
            await asyncio.Future()  # another part of the call ends it

    async def _on_state(self) -> None:
        state = self._connection.connectionState
        if state == "connected":
            self._begin(self._show())
        elif state in ("failed", "closed"):
            await self.close()

    def _on_track(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._begin(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        """Say what the microphone hears."""
        while True:
            async with asyncio.timeout(self._silent_s):
                frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            channels = len(frame.layout.channels)
            samples = frame.to_ndarray().astype(np.int16).reshape(-1, channels)
            self._player.keep_up(samples, frame.sample_rate, BEHIND_FRAMES)

    async def _show(self) -> None:
        """Give each moment to both tracks."""
        async with aclosing(aiter(self._player)) as moments:
            async for moment in moments:
                self._picture.put(moment)
                self._sound.put(moment)


class _Track(MediaStreamTrack):
    """Moments on their way out; those that nobody takes are left out."""

    def __init__(self) -> None:
        super().__init__()
        self._moments: asyncio.Queue[Moment] = asyncio.Queue(UNSENT)

    def put(self, moment: Moment) -> None:
        if self._moments.full():
            self._moments.get_nowait()
        self._moments.put_nowait(moment)

    async def next(self) -> Moment:
        if self.readyState != "live":
            raise MediaStreamError
        return await self._moments.get()


class _Picture(_Track):
    kind = "video"

    async def recv(self) -> VideoFrame:
        moment = await self.next()
        frame = VideoFrame.from_ndarray(moment.picture, format="rgb24")
        frame.pts, frame.time_base = moment.tick, Fraction(1, FPS)
        return frame


class _Sound(_Track):
    """In packets of 20 ms, each when its time has come."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._pts, self._due = 0, 0.0
        self._second: NDArray[np.int16] | None = None

    async def recv(self) -> AudioFrame:
        clock = asyncio.get_running_loop().time
        if self._second is None:
            moment = await self.next()
            silence = np.zeros(RATE // FPS, np.int16)
            sound, self._second = np.split(silence if moment.sound is None else moment.sound, 2)
            self._pts, self._due = moment.tick * len(silence), clock() + 0.5 / FPS
        else:
            await asyncio.sleep(self._due - clock())
            sound, self._second = self._second, None
            self._pts += len(sound)
        frame = AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts, frame.time_base = self._pts, Fraction(1, RATE)
        return frame
