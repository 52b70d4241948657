"""An avatar for LiveKit: its `VideoGenerator`, drawn by our engine (extra `livekit`)."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import numpy as np
from livekit import rtc

from openfloat.clip import Portrait
from openfloat.config import FPS
from openfloat.options import SampleOptions
from openfloat.serving.live import LiveHost
from openfloat.serving.player import SPARE_FRAMES, Moment, Player
from openfloat.streaming.session import Timing

try:
    from livekit.agents.voice.avatar import VideoGenerator
except ModuleNotFoundError:
    # `livekit` alone has the frames; the runner is in livekit-agents
    VideoGenerator = object

SAMPLE_RATE = 24_000
"""Samples a second that are heard, unless told otherwise: what most voices for agents give."""


class Avatar(VideoGenerator):  # type: ignore[misc]
    """A portrait that says what LiveKit pushes; give it to livekit-agents' `AvatarRunner`.

    Pictures and sound come in pairs from one clock of 25 ticks a second: each picture of somebody
    who speaks is followed by the 40 ms of sound that belong to it, and while nobody speaks there
    are pictures alone. What marks the end of a segment is given back after its last sound.
    """

    def __init__(self, player: Player, size: int, sample_rate: int) -> None:
        """Use `Avatar.open`."""
        self._player, self._size, self._rate = player, size, sample_rate

    @classmethod
    async def open(
        cls, host: LiveHost, portrait: Portrait, options: SampleOptions = SampleOptions(),
        timing: Timing = Timing(), *, sample_rate: int = SAMPLE_RATE,
        spare_frames: int = SPARE_FRAMES,
    ) -> "Avatar":  # fmt: skip
        """Take a seat.

        Args:
            host: the engine with its thread, started; one serves many avatars.
            portrait: who speaks.
            options: how motion is drawn.
            timing: how soon.
            sample_rate: of the sound that is given out, a multiple of 25.
            spare_frames: frames that drawing one step may take; fewer answer sooner.

        Raises:
            Busy: all seats are taken.
            BadInput: timing or rate cannot be used.
        """
        player = await Player.open(
            host, portrait, options=options, timing=timing, rate=sample_rate,
            spare_frames=spare_frames,
        )  # fmt: skip
        return cls(player, host.pipeline.config.autoencoder.size, sample_rate)

    @property
    def options(self) -> dict[str, Any]:
        """What `AvatarOptions` is made of."""
        return {
            "video_width": self._size, "video_height": self._size, "video_fps": FPS,
            "audio_sample_rate": self._rate, "audio_channels": 1,
        }  # fmt: skip

    @property
    def held_frames(self) -> int:
        """Times at which a picture was shown again because none was drawn: the machine is slow."""
        return self._player.held

    async def push_audio(self, frame: Any) -> None:
        """Say an `rtc.AudioFrame` of any rate; anything else is an `AudioSegmentEnd`."""
        if isinstance(frame, rtc.AudioFrame):
            samples = np.frombuffer(frame.data, np.int16)
            await self._player.say(samples.reshape(-1, frame.num_channels), frame.sample_rate)
        else:
            self._player.end(frame)

    async def clear_buffer(self) -> None:
        """Forget all that was not shown."""
        await self._player.interrupt()

    async def __aiter__(self) -> AsyncGenerator[Any, None]:
        """`rtc.VideoFrame`, `rtc.AudioFrame` and what was pushed as the end of a segment."""
        async with aclosing(aiter(self._player)) as moments:
            async for moment in moments:
                yield self._picture(moment)
                if moment.sound is not None:
                    data, length = moment.sound.tobytes(), len(moment.sound)
                    yield rtc.AudioFrame(data, self._rate, 1, length)
                for mark in moment.marks:
                    yield mark

    def _picture(self, moment: Moment) -> rtc.VideoFrame:
        height, width, _ = moment.picture.shape
        data = moment.picture.tobytes()
        return rtc.VideoFrame(width, height, rtc.VideoBufferType.RGB24, data)

    def close(self) -> None:
        """Free the seat."""
        self._player.close()
