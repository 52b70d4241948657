"""Motion of real clips, read off their frames by a trained auto-encoder, for phase 2."""

import json
import logging
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from openfloat.audio.frames import num_frames
from openfloat.audio.io import load_audio
from openfloat.config import EMOTIONS, SAMPLES_PER_FRAME
from openfloat.data.clips import whole_crops
from openfloat.data.dataset import to_image
from openfloat.data.manifest import Split, read_manifest
from openfloat.data.motion import MotionClip
from openfloat.data.speech_shards import write_shard
from openfloat.errors import NoFaceFound
from openfloat.models.autoencoder import FloatAutoencoder

logger = logging.getLogger(__name__)

KIND = "encoded"
SHARD_CLIPS = 50
BATCH_FRAMES = 16


def write_latents(
    autoencoder: FloatAutoencoder, data_dir: Path, folder: Path, *, split: Split = "train"
) -> None:
    """Encode every frame of the data pack's clips into shards that `read_shards` reads.

    A clip without a face is left out. Shards that exist are kept: an interrupted call goes on
    where it was. Encode into a new folder after training the auto-encoder further.

    Args:
        autoencoder: trained, in evaluation mode.
        data_dir: the data pack; its clips have 25 frames per second.
        folder: gets `encoded-00000.safetensors` ... and, last, `encoded.json`.
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
    marker = folder / f"{KIND}.json.part"
    marker.write_text(json.dumps({"shards": len(shards)}) + "\n", encoding="utf-8")
    marker.replace(folder / f"{KIND}.json")


def _encode_all(autoencoder: FloatAutoencoder, files: Sequence[Path]) -> Iterator[MotionClip]:
    for file in files:
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
    waveform = load_audio(file)
    length = min(len(motion), num_frames(len(waveform)))
    return MotionClip(
        waveform=waveform[: length * SAMPLES_PER_FRAME],
        motion=motion[:length],
        emotion=EMOTIONS.index("neutral"),
        source=file.stem,
    )


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
