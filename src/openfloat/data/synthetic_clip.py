"""One made clip: a portrait that speaks with a synthetic voice, and everything about it known."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openfloat.audio.frames import num_frames
from openfloat.audio.io import write_wave
from openfloat.config import EMOTIONS, FPS
from openfloat.data.controls import to_values
from openfloat.data.engine import PortraitEngine
from openfloat.data.engine_camera import Camera, draw_camera, take
from openfloat.data.engine_motion import fit_to_portrait
from openfloat.data.manifest import PortraitRow, Split, read_manifest
from openfloat.data.picture_cache import load_model
from openfloat.data.portraits import load_portrait, read_landmarks
from openfloat.data.speech_curves import SpokenClip, synthesize_spoken
from openfloat.data.synthetic_options import SynthesisOptions
from openfloat.data.synthetic_truth import ClipTruth, write_truth
from openfloat.data.voices import SILENCE, Utterance, cut
from openfloat.data.voices_cast import ProgramName
from openfloat.vision.measure import eye_aperture, mouth_aperture
from openfloat.vision.video_writer import VideoWriter

LEAD_S = 0.2
"""Silence that is left before the first word of a clip that is cut."""
NUM_MEASURED = 478
"""Points that the measures take; they look at the face's 468, which come first in the mesh."""
STILL_CRF = 18
"""Compression without a camera's jitter."""
_SPLIT_KEYS: dict[Split, int] = {"train": 1, "heldout": 2}


class ClipFiles(NamedTuple):
    """Where a clip lies; it is finished when both are there."""

    video: Path
    truth: Path

    @property
    def are_there(self) -> bool:
        """Whether the clip is finished."""
        return self.video.is_file() and self.truth.is_file()


def clip_files(out: Path, number: int) -> ClipFiles:
    """The two files of a clip."""
    stem = f"clip-{number:05d}"
    return ClipFiles(out / f"{stem}.mp4", out / f"{stem}.safetensors")


def make_clip(
    data_dir: Path,
    out: Path,
    number: int,
    options: SynthesisOptions,
    programs: Sequence[ProgramName],
    device: str = "cpu",
) -> None:
    """Make one clip and write its video, then its truth.

    Args:
        data_dir: the data pack.
        out: an existing folder.
        number: with the options' seed and split it decides everything.
        options: how it is made.
        programs: speech synthesisers to draw from.
        device: where pixels are computed.

    Raises:
        OpenFloatError: the data pack lacks something, or a synthesiser does not speak.
    """
    seed = clip_seed(options.seed, options.split, number)
    generator = np.random.default_rng((seed, 1))
    rows = read_manifest(data_dir).portraits_of(options.split)
    row = rows[int(generator.integers(len(rows)))]
    portrait = load_portrait(data_dir, row, read_landmarks(data_dir), size=2 * options.size)
    engine = PortraitEngine(load_model(data_dir), portrait, options.size, device)
    spoken = shorten(synthesize_spoken(seed, programs), options.seconds)
    values = fit_to_portrait(to_values(spoken.clip.motion), engine.rig.base, generator)
    camera = draw_camera(generator, len(values), options.size) if options.jitter else None
    files = clip_files(out, number)
    points = _film(files.video, engine, values, spoken.clip.waveform, camera)
    origin = f"made with openfloat data synthesize, seed {options.seed}, from {row.origin}"
    write_truth(files.truth, _truth(values, points, spoken, row, origin))


def clip_seed(seed: int, split: Split, number: int) -> int:
    """The seed of one clip; no two splits, seeds or numbers share one."""
    key = (seed, number, _SPLIT_KEYS[split])
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0])


def shorten(spoken: SpokenClip, seconds: float | None) -> SpokenClip:
    """Cut a clip to so many seconds from just before its first word, in whole frames."""
    total = len(spoken.clip.motion)
    frames = total if seconds is None else round(seconds * FPS)
    if frames >= total:
        return spoken
    begin_s = next((phone.start_s for phone in spoken.phones if phone.name != SILENCE), 0.0)
    first = min(max(0, int((begin_s - LEAD_S) * FPS)), total - frames)
    part = cut(Utterance(spoken.clip.waveform, spoken.phones), first / FPS, (first + frames) / FPS)
    motion = spoken.clip.motion[first : first + frames]
    return SpokenClip(spoken.clip._replace(waveform=part.waveform, motion=motion), part.phones)


def _film(
    path: Path,
    engine: PortraitEngine,
    values: NDArray[np.float32],
    waveform: NDArray[np.float32],
    camera: Camera | None,
) -> NDArray[np.float32]:
    """Write the video and return the mesh's first points in every frame, (t, 478, 2)."""
    assert len(values) == num_frames(len(waveform))
    crf = STILL_CRF if camera is None else camera.crf
    points = np.empty((len(values), NUM_MEASURED, 2), np.float32)
    with tempfile.TemporaryDirectory(prefix="openfloat-clip-") as folder:
        sound = Path(folder) / "sound.wav"
        write_wave(sound, waveform)
        with VideoWriter(path, engine.size, engine.size, FPS, sound, crf) as video:
            for frame, picture in enumerate(engine.stream(values)):
                points[frame] = picture.vertices[:NUM_MEASURED]
                image = picture.image if camera is None else take(camera, picture.image, frame)
                video.write(image[None])
    return points


def _truth(
    values: NDArray[np.float32],
    points: NDArray[np.float32],
    spoken: SpokenClip,
    row: PortraitRow,
    origin: str,
) -> ClipTruth:
    return ClipTruth(
        controls=values,
        lip_aperture=np.asarray(mouth_aperture(points), dtype=np.float32),
        lid_aperture=np.asarray(eye_aperture(points), dtype=np.float32),
        phones=spoken.phones,
        emotion=EMOTIONS[spoken.clip.emotion],
        portrait=row.name,
        person=row.person,
        voice=spoken.clip.source,
        licence=row.licence,
        origin=origin,
    )
