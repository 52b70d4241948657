"""Motion of real clips, read off their frames by a trained auto-encoder, for phase 2.

What was read is kept as it is (`write_observed`) and made fit for training when it is read again
(`read_observed`), where the motion's directions have names.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.interpolate import interp1d

from openfloat.audio.frames import num_frames
from openfloat.codec import write_json
from openfloat.config import EMOTIONS, SAMPLE_RATE, SAMPLES_PER_FRAME
from openfloat.data.clips import clip_sound, whole_crops
from openfloat.data.controls import INDEX
from openfloat.data.dataset import to_image
from openfloat.data.manifest import Split, read_manifest
from openfloat.data.motion import MotionClip
from openfloat.data.prepare.reader import inside_shard, read_clip
from openfloat.data.speaking import Curve, freedom, heard_speech, spoken
from openfloat.data.speech_grid import WORDS, TimedWord, read_words, spread
from openfloat.data.speech_motion import motion_for
from openfloat.data.speech_shards import iterate_shards, write_shard
from openfloat.data.voices import SILENCE, Phone, Utterance
from openfloat.data.voices_acoustics import change_speed
from openfloat.errors import NoFaceFound
from openfloat.models.autoencoder import FloatAutoencoder

logger = logging.getLogger(__name__)

KIND = "observed"
SHARD_CLIPS = 50
BATCH_FRAMES = 16

POSE = slice(0, 6)
LIPS = [
    INDEX[name]
    for name in (
        "jaw_open",
        "lips_round",
        "lips_wide",
        "upper_lip_up",
        "lower_lip_down",
        "lips_pressed",
    )
]
LIPS_GAIN = 1.5
"""The reader, taught on made pictures, sees real lips move too little: frames redrawn from what it
saw opened the lips less than half as far as the real ones, with this factor as far."""
REST = 10
"""Percentile of a clip that stands for lips at rest where the clip has no pause."""
QUIET = 0.02
"""Freedom of the lips below which they count as resting."""
MOST_REST = 25
"""Percentile of a clip above which nothing stands for lips at rest."""
FEWEST_QUIET = 5
"""Frames of rest that a pause must have to tell where it is."""
POSE_DEVIATION = 2.0
"""Frames over which a head's pose is smoothed: the reader trembles more than heads do."""
UNKNOWN = -1
"""Nobody has said what the speakers feel."""
SPEED = 0.09
"""Standard deviation of the logarithm of the playing speed: one speaker becomes several."""


def write_observed(
    autoencoder: FloatAutoencoder, data_dir: Path, folder: Path, *, split: Split = "train"
) -> None:
    """Encode every frame of the data pack's clips into shards that `read_shards` reads.

    A clip without a face is left out. Shards that exist are kept: an interrupted call goes on
    where it was. Encode into a new folder after training the auto-encoder further.

    Args:
        autoencoder: trained, in evaluation mode.
        data_dir: the data pack; its clips have 25 frames per second.
        folder: gets `observed-00000.safetensors` ... and, last, `observed.json`.
        split: whose clips.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = [row for row in read_manifest(data_dir).clips if row.split == split]
    files = [data_dir / row.file for row in rows]
    shards = range(-(-len(files) // SHARD_CLIPS))
    for shard in shards:
        path = folder / f"{KIND}-{shard:05d}.safetensors"
        if not path.exists():
            part = files[shard * SHARD_CLIPS : (shard + 1) * SHARD_CLIPS]
            write_shard(path, list(_encode_all(autoencoder, part)))
            logger.info("%s: %d clips", path, len(part))
    write_json({"shards": len(shards)}, folder / f"{KIND}.json")


def _encode_all(autoencoder: FloatAutoencoder, files: Sequence[Path]) -> Iterator[MotionClip]:
    for file in files:
        if inside_shard(file) and not read_clip(file).about.voice:
            continue
        try:
            yield encode_clip(autoencoder, file)
        except NoFaceFound:
            logger.warning("%s is left out: no face was found", file)


def encode_clip(autoencoder: FloatAutoencoder, file: Path) -> MotionClip:
    """Voice and motion coefficients of one clip with sound, cut to the shorter of the two.

    Raises:
        NoFaceFound: its middle shows no face.
        BadMedia: it cannot be read.
    """
    motion = encode_frames(autoencoder, whole_crops(file, autoencoder.config.size))
    waveform = clip_sound(file)
    length = min(len(motion), num_frames(len(waveform)))
    return MotionClip(
        waveform=waveform[: length * SAMPLES_PER_FRAME],
        motion=motion[:length],
        emotion=_emotion_of(file),
        source=file.stem,
    )


def _emotion_of(file: Path) -> int:
    """What a prepared clip's speaker feels: as its name said, else as its voice was scored."""
    if not inside_shard(file):
        return UNKNOWN
    clip = read_clip(file)
    if clip.about.emotion in EMOTIONS:
        return EMOTIONS.index(clip.about.emotion)
    scores = clip.extra.get("emotion")
    return UNKNOWN if scores is None else int(scores.argmax())


@torch.inference_mode()
def encode_frames(
    autoencoder: FloatAutoencoder, frames: Iterator[NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """Coefficients (t, m) of cropped frames."""
    found = []
    while batch := list(islice(frames, BATCH_FRAMES)):
        images = to_image(np.stack(batch), autoencoder.config.size)
        found.append(autoencoder.motion_of(images))
    return np.asarray(torch.cat(found).numpy(), dtype=np.float32)


def words_of(data_dir: Path) -> Mapping[str, Sequence[TimedWord]]:
    """Word times by clip name, where a data pack has any."""
    return read_words(data_dir) if (data_dir / WORDS).is_file() else {}


def read_observed(
    folder: Path,
    words: Mapping[str, Sequence[TimedWord]] = MappingProxyType({}),
    *,
    variants: int = 4,
    seed: int = 0,
) -> list[MotionClip]:
    """What `write_observed` kept, as clips for a model whose directions are the named controls.

    Pose and lips are what was seen; where nobody speaks the lips are at rest. The rest of the face,
    which the reader sees badly, gets the curves that synthetic voices have (`speech_motion`), where
    nobody speaks.

    Args:
        folder: of shards.
        words: when what is said, by name of the clip; elsewhere the loudness tells.
        variants: how often each clip comes, every time at another playing speed.
        seed: of speeds and curves.

    Raises:
        BadInput: the folder holds no finished shards, or one is damaged.
    """
    generator = np.random.default_rng(seed)
    return [
        _at_speed(clip, free, float(np.exp(generator.normal(0, SPEED))), generator)
        for clip in iterate_shards(folder)
        for free in [freedom(_speaking(clip, words.get(clip.source)))]
        for _ in range(variants)
    ]


def _speaking(clip: MotionClip, words: Sequence[TimedWord] | None) -> Curve:
    """(t,) 1 where speech is heard."""
    if words is None:
        return heard_speech(clip.waveform)
    return spoken(spread(words, len(clip.waveform) / SAMPLE_RATE), len(clip.motion))


def _at_speed(
    clip: MotionClip, free: Curve, speed: float, generator: np.random.Generator
) -> MotionClip:
    """The clip played faster or slower, with a face of its own that also says how its lips rest."""
    silence = Phone(SILENCE, 0, len(clip.waveform) / SAMPLE_RATE)
    voice = change_speed(Utterance(clip.waveform, (silence,)), speed)
    motion = motion_for(voice, "neutral", generator)
    times = (np.arange(len(motion)) + 0.5) * speed - 0.5  # in frames of the clip
    seen = interp1d(np.arange(len(free)), as_controls(clip.motion, free), axis=0)(
        times.clip(0, len(free) - 1)
    )
    moved = np.interp(times, np.arange(len(free)), free)[:, None]
    motion[:, POSE] = seen[:, POSE]
    motion[:, LIPS] = moved * seen[:, LIPS] + (1 - moved) * motion[:, LIPS]
    return clip._replace(waveform=voice.waveform, motion=motion, emotion=UNKNOWN)


def as_controls(found: NDArray[np.float32], free: Curve) -> NDArray[np.float32]:
    """Coefficients (t, 20) that the reader saw, with a calm pose and lips that rest at zero.

    Args:
        found: (t, 20) coefficients.
        free: (t,) how far lips may leave their rest; where they may not tells where that is.
    """
    out = found.copy()
    out[:, POSE] = ndimage.gaussian_filter1d(found[:, POSE], POSE_DEVIATION, axis=0)
    lips = found[:, LIPS]
    rest = np.percentile(lips, REST, axis=0)
    quiet = lips[free < QUIET]
    if len(quiet) >= FEWEST_QUIET:
        rest = np.minimum(np.median(quiet, axis=0), np.percentile(lips, MOST_REST, axis=0))
    out[:, LIPS] = (LIPS_GAIN * (lips - rest)).clip(0)
    return out
