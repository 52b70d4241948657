"""How well the watermark is found, how little it is seen, what it costs, and how often it errs.

    .venv/bin/python benchmarks/watermark.py [--data FOLDER] [--unmarked 1000] [--people 4]

Prints for clips of 2 and 10 seconds of several portraits and for each way of damaging them how many
are found, the share of the payload's bits that are right, how many payloads are read (and read
wrongly), and the lowest score; PSNR and
milliseconds of processor time per frame; then, over the real clips of a data pack, how often a
single try scores above x next to the bound that the p-value rests on, and the smallest p-values.
"""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from numpy import ndarray
from PIL import Image

from openfloat import FloatPipeline
from openfloat.audio.io import load_audio
from openfloat.data.manifest import DEFAULT_DATA, read_manifest
from openfloat.errors import BadMedia
from openfloat.marking.code import Payload
from openfloat.marking.lockin import SHORTEST_S, beats_of
from openfloat.marking.search import find, scores_of
from openfloat.marking.watermark import Watermark
from openfloat.vision.video_reader import read_frames
from openfloat.vision.video_writer import VideoWriter

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
SECOND = 16_000
Damage = Callable[[ndarray, Path], None]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to look at."""

    data: Path = DEFAULT_DATA
    """Data pack whose held-out portraits and whose clips are used."""
    people: int = 4
    """Portraits beside the bundled one."""
    unmarked: int = 1000
    """Real clips to search."""


def write(frames: ndarray, path: Path, crf: int = 18) -> None:
    """Frames as they are, as H.264."""
    with VideoWriter(path, frames.shape[2], frames.shape[1], crf=crf) as file:
        file.write(frames)


def read(path: Path) -> ndarray:
    """All frames (t, h, w, 3)."""
    return np.stack(list(read_frames(path)))


def resized(frames: ndarray, width: int, height: int) -> ndarray:
    """Every frame at another size."""
    sizes = (Image.fromarray(frame).resize((width, height)) for frame in frames)
    return np.stack([np.asarray(frame) for frame in sizes])


def again(frames: ndarray, path: Path, crf: int) -> ndarray:
    """Frames after one more encoder."""
    write(frames, path, crf)
    return read(path)


def half(frames: ndarray) -> ndarray:
    """Half of the size along both sides."""
    return resized(frames, frames.shape[2] // 2, frames.shape[1] // 2)


def cropped(frames: ndarray) -> ndarray:
    """Without a tenth of each side, off the centre."""
    height, width = (side // 20 * 2 for side in frames.shape[1:3])
    return np.ascontiguousarray(frames[:, height // 4 : height // 4 - height,
                                       width // 2 : width // 2 - width])  # fmt: skip


DAMAGES: dict[str, Damage] = {
    "as written, CRF 18": lambda frames, path: write(frames, path),
    "re-encoded, CRF 23": lambda frames, path: write(again(frames, path, 18), path, 23),
    "re-encoded, CRF 28": lambda frames, path: write(again(frames, path, 18), path, 28),
    "re-encoded twice, CRF 23": lambda frames, path: write(
        again(again(frames, path, 18), path, 23), path, 23
    ),
    "re-encoded, CRF 33": lambda frames, path: write(again(frames, path, 18), path, 33),
    "half size, CRF 18": lambda frames, path: write(half(again(frames, path, 18)), path),
    "half size, CRF 23": lambda frames, path: write(half(again(frames, path, 18)), path, 23),
    "half size, CRF 28": lambda frames, path: write(half(again(frames, path, 18)), path, 28),
    "half size and back, CRF 23": lambda frames, path: write(
        resized(again(half(again(frames, path, 18)), path, 23), 256, 256), path, 23
    ),
    "crop 10 %, CRF 23": lambda frames, path: write(cropped(again(frames, path, 18)), path, 23),
    "crop 10 %, CRF 28": lambda frames, path: write(cropped(again(frames, path, 18)), path, 28),
    "crop 10 %, half size, CRF 23": lambda frames, path: write(
        half(cropped(again(frames, path, 18))[:, :228, :228]), path, 23
    ),
    "mirrored, CRF 23": lambda frames, path: write(again(frames, path, 18)[:, :, ::-1], path, 23),
    "first third cut off, CRF 23": lambda frames, path: write(
        again(frames, path, 18)[len(frames) // 3 :], path, 23
    ),
}


def generated(options: Options) -> list[ndarray]:
    """Ten seconds of each portrait, unmarked."""
    sound = np.tile(load_audio(DEMO / "speech.wav"), 3)[: 10 * SECOND]
    pipeline = FloatPipeline.from_pretrained("openfloat-256")
    photos = [DEMO / "portrait.jpg"]
    if options.people:
        rows = read_manifest(options.data).portraits_of("heldout")
        chosen = rows[:: max(len(rows) // options.people, 1)][: options.people]
        photos += [options.data / row.file for row in chosen]
    return [pipeline(photo, sound).frames for photo in photos]


def marked(frames: ndarray, payload: Payload) -> ndarray:
    """Marked frames; prints PSNR and time."""
    mark = Watermark(frames.shape[2], frames.shape[1], payload)
    started = time.process_time()
    result = np.stack([mark(frame, number / 25) for number, frame in enumerate(frames)])
    spent = (time.process_time() - started) / len(frames)
    errors = [((a.astype(int) - b) ** 2).mean() for a, b in zip(frames, result, strict=True)]
    worst, mean = (10 * math.log10(255**2 / e) for e in (max(errors), np.mean(errors)))
    print(f"PSNR {mean:.2f} dB, worst frame {worst:.2f} dB, {spent * 1e3:.2f} ms a frame")
    return result


def same_bits(one: Payload, other: Payload) -> float:
    """Share of the eighteen bits that are equal."""
    pairs = zip(one.symbols, other.symbols, strict=True)
    return 1 - sum((a ^ b).bit_count() for a, b in pairs) / 18


def survival(clips: list[ndarray], folder: Path) -> None:
    """Print the table of damages."""
    payload = Payload.of("openfloat-256", 15)
    done = [marked(clip, payload) for clip in clips]
    path = folder / "clip.mp4"
    for seconds in (2, 10):
        heads = "found | bits right | payload read | wrongly | lowest score"
        print(f"\n{seconds} s, {len(clips)} clips | {heads}")
        for name, damage in DAMAGES.items():
            findings = []
            for clip in done:
                damage(clip[: seconds * 25], path)
                findings.append(find(beats_of(path)))
            right = sum(f.payload == payload for f in findings)
            wrong = sum(f.payload not in (payload, None) for f in findings)
            found, lowest = sum(f.found for f in findings), min(f.score for f in findings)
            bits = np.mean([same_bits(f.guess, payload) for f in findings])
            print(f"{name} | {found} | {bits:.3f} | {right} | {wrong} | {lowest:.1f}", flush=True)
        chances = []
        for clip in clips:
            write(clip[: seconds * 25], path)
            chances.append(find(beats_of(path)).p_value)
        print(f"the same unmarked: smallest p-value {min(chances):.2g}")


def unmarked(options: Options) -> Iterator[Path]:
    """Real clips, spread over the data pack."""
    clips = sorted((options.data / "clips").rglob("*.mp4"))
    yield from clips[:: max(len(clips) // max(options.unmarked, 1), 1)][: options.unmarked]


def null(options: Options) -> None:
    """Print how unmarked clips score."""
    edges = np.arange(0, 7.01, 0.5)
    counts, tries, smallest = np.zeros(len(edges)), 0, []
    for path in unmarked(options):
        try:
            beats = beats_of(path)
        except BadMedia:
            continue
        if beats.duration_s < SHORTEST_S:
            continue
        scores = np.sort(scores_of(beats.places)[1].ravel())
        counts += len(scores) - np.searchsorted(scores, edges)
        tries += len(scores)
        smallest.append(find(beats).p_value)
    smallest.sort()
    print(f"\n{len(smallest)} unmarked clips, {tries:,} tries")
    print("score above | share of tries | bound 2 exp(-x^2 / 2)")
    for edge, count in zip(edges, counts, strict=True):
        print(f"{edge:.1f} | {count / max(tries, 1):.2e} | {2 * math.exp(-(edge**2) / 2):.2e}")
    print("smallest p-values:", ", ".join(f"{p:.2g}" for p in smallest[:8]))
    print("found:", sum(p < 1e-6 for p in smallest))


def main(options: Options) -> None:
    """Print everything."""
    with tempfile.TemporaryDirectory() as folder:
        survival(generated(options), Path(folder))
    null(options)


if __name__ == "__main__":
    main(tyro.cli(Options))
