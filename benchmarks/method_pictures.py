"""The figures of docs/method.md, of the bundled portrait and voice.

    .venv/bin/python benchmarks/method_pictures.py [--folder docs/pictures] [--model NAME]

`method-warp.jpg`: the photo, where the decoder takes each point from, where it paints, the frame.
`method-flow.png`: how noise becomes the motion of the jaw.
"""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
import tyro
from matplotlib import pyplot as plt

from openfloat import FloatPipeline, Portrait, SampleOptions
from openfloat.audio.recording import Recording
from openfloat.config import FPS
from openfloat.data.controls import INDEX
from openfloat.flow.noise import seeded_noise
from openfloat.flow.solver import METHODS, trajectory
from openfloat.flow.times import uniform_grid
from openfloat.sampling import Carry, guided_field

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
LEVEL = 64
"""Resolution whose decisions are shown."""
JAW = INDEX["jaw_open"]
INK = "#0f766e"
HOW: dict[str, dict[str, Any]] = {".jpg": {"pil_kwargs": {"quality": 85}}}


def main(folder: Path = Path("docs/pictures"), model: str = "openfloat-256") -> None:
    """Write both figures.

    Args:
        folder: for the pictures.
        model: one whose directions have names.
    """
    mpl.use("Agg")
    plt.rcParams |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False}
    pipeline = FloatPipeline.from_pretrained(model)
    face = pipeline.encode(DEMO / "portrait.jpg")
    options, voice = SampleOptions(), Recording.open(DEMO / "speech.wav")
    with torch.inference_mode():
        show_warp(pipeline, face, voice, options, folder / "method-warp.jpg")
        show_flow(pipeline, face, voice, options, folder / "method-flow.png")


def show_warp(
    pipeline: FloatPipeline, face: Portrait, voice: Recording, options: SampleOptions, path: Path
) -> None:
    """The decoder at work on the moment when the mouth is widest open."""
    motion = torch.cat(list(pipeline.motion(face, voice, options)))
    moment = motion[int(motion[:, JAW].argmax())][None]
    network = pipeline.model.autoencoder
    latent = face.appearance.identity + network.basis.motion(moment)
    made = network.decode_levels(latent, face.appearance.features)
    level = next(level for level in made.levels if level.resolution == LEVEL)
    size = pipeline.config.autoencoder.size
    frame = pipeline.decode(face, moment)[0]
    figure, (photo, grid, mask, result) = plt.subplots(1, 4, figsize=(11, 3.1))
    photo.imshow(face.crop.image)
    photo.set_title("photo")
    grid.imshow(face.crop.image, alpha=0.35)
    places = (level.grid[0].numpy() + 1) / 2 * size
    for row in range(0, LEVEL, 3):
        grid.plot(places[row, :, 0], places[row, :, 1], color=INK, lw=0.7)
        grid.plot(places[:, row, 0], places[:, row, 1], color=INK, lw=0.7)
    grid.set(title="where points come from", xlim=(0, size), ylim=(size, 0))
    mask.imshow(1 - level.mask[0, 0].numpy(), cmap="Oranges", vmin=0, vmax=1)
    mask.set_title("where it paints")
    result.imshow(frame)
    result.set_title("frame")
    for axes in (photo, grid, mask, result):
        axes.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=110, **HOW.get(path.suffix, {}))
    plt.close(figure)


def show_flow(
    pipeline: FloatPipeline, face: Portrait, voice: Recording, options: SampleOptions, path: Path
) -> None:
    """States of the first window's jaw at some flow times."""
    config = pipeline.config.motion
    speech = next(pipeline.model.speech.windows(voice, config.window_frames))
    own = pipeline.own_motion(face)
    carry, emotion = Carry.start(config, own), pipeline.emotion(face, voice, options)
    field = guided_field(
        pipeline.model.motion, speech, carry, reference=own, emotion=emotion, options=options
    )
    noise = seeded_noise([options.seed], 0, frames=config.window_frames, width=config.motion_dim)
    times = uniform_grid(options.nfe)
    states = list(trajectory(field, noise, times, METHODS["euler"]))
    shown = (0, 3, 6, len(states) - 1)
    figure, rows = plt.subplots(1, len(shown), figsize=(11, 2.6), sharey=True)
    seconds = np.arange(config.window_frames) / FPS
    for axes, number in zip(rows, shown, strict=True):
        axes.plot(seconds, states[-1][0, :, JAW], color="#d4d4d4", lw=2)
        axes.plot(seconds, states[number][0, :, JAW], color=INK, lw=1.5)
        axes.set(title=f"flow time {float(times[number]):.1f}", xlabel="second")
    rows[0].set_ylabel("jaw, coefficient")
    figure.tight_layout()
    figure.savefig(path, dpi=110, **HOW.get(path.suffix, {}))
    plt.close(figure)


if __name__ == "__main__":
    tyro.cli(main)
