"""An avatar worker: joins a LiveKit room, hears an agent's voice and gives it a face.

The agent sends its voice with `DataStreamAudioOutput(room, destination_identity="avatar")`.
"""

import argparse
import asyncio
import os
import sys


def arguments() -> argparse.Namespace:
    """What to show, and where."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("portrait", help="a photo with one face")
    parser.add_argument("--room", required=True, help="name of the room")
    parser.add_argument("--agent", required=True, help="identity of the agent whose voice it is")
    parser.add_argument("--identity", default="avatar", help="the avatar's own")
    parser.add_argument("--url", default=os.environ.get("LIVEKIT_URL", "ws://127.0.0.1:7880"))
    parser.add_argument("--model", default="openfloat-256")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, mps")
    parser.add_argument("--nfe", type=int, default=4, help="evaluations of the vector field")
    return parser.parse_args()


def token(chosen: argparse.Namespace) -> str:
    """Lets the avatar in, as one that publishes for the agent."""
    from livekit import api

    missing = {"LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"} - set(os.environ)
    if missing:
        sys.exit(f"set {' and '.join(sorted(missing))}")
    return (
        api.AccessToken(os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"])
        .with_identity(chosen.identity)
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room=chosen.room))
        .with_attributes({"lk.publish_on_behalf": chosen.agent})
        .to_jwt()
    )


async def show(chosen: argparse.Namespace) -> None:
    """Join, and stay until the room is left."""
    from livekit import rtc
    from livekit.agents.voice.avatar import AvatarOptions, AvatarRunner, DataStreamAudioReceiver

    from openfloat import FloatPipeline, SampleOptions
    from openfloat.errors import OpenFloatError
    from openfloat.serving.live import LiveHost
    from openfloat.serving.livekit import Avatar

    admission = token(chosen)
    pipeline = FloatPipeline.from_pretrained(chosen.model, device=chosen.device)
    host = LiveHost(pipeline, most_sessions=1)
    try:
        portrait = pipeline.encode(chosen.portrait)
    except OpenFloatError as error:
        sys.exit(str(error))
    room, left = rtc.Room(), asyncio.Event()
    room.on("disconnected", lambda _: left.set())
    host.start()
    try:
        try:
            await room.connect(chosen.url, admission)
        except rtc.ConnectError as error:
            sys.exit(f"cannot join {chosen.room} at {chosen.url}: {error.message}")
        avatar = await Avatar.open(host, portrait, SampleOptions(nfe=chosen.nfe, solver="ab2"))
        runner = AvatarRunner(
            room,
            audio_recv=DataStreamAudioReceiver(room, sender_identity=chosen.agent),
            video_gen=avatar,
            options=AvatarOptions(**avatar.options),
        )
        await runner.start()
        await left.wait()
        await runner.aclose()
        avatar.close()
    finally:
        await room.disconnect()
        host.stop()


def main() -> None:
    """Run until the room is left, or Ctrl-C."""
    chosen = arguments()
    try:
        asyncio.run(show(chosen))
    except ModuleNotFoundError as error:
        sys.exit(f"the worker needs {error.name}: pip install 'openfloat[livekit]'")
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
