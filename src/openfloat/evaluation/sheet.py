"""A picture to look at: held-out portraits, each beside frames in which it speaks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from openfloat.audio.io import load_audio
from openfloat.config import SAMPLE_RATE
from openfloat.data.manifest import read_manifest
from openfloat.drafts import drafted
from openfloat.errors import BadInput, NoFaceFound
from openfloat.evaluation.voices import held_out_portraits, held_out_voices
from openfloat.pipeline import FloatPipeline

SHOWN_S = 2.0
"""Of each clip; frames are spread over its second half, when the voice has begun."""

COLUMNS = 2
"""Clips beside each other."""


def portraits_sheet(
    pipeline: FloatPipeline,
    data_dir: Path,
    path: Path,
    *,
    count: int = 24,
    frames: int = 5,
    said: Callable[[str], None] = lambda _: None,
) -> int:
    """Let held-out portraits speak held-out voices, and write a contact sheet.

    Args:
        pipeline: the model.
        data_dir: a data pack.
        path: the picture to write.
        count: portraits, spread over the sources.
        frames: shown of each clip, right of the photo.
        said: told the name of every portrait.

    Returns:
        Number of portraits shown; those without a face are left out.

    Raises:
        BadInput: none shows a face.
    """
    manifest = read_manifest(data_dir)
    voices = held_out_voices(manifest, count)
    rows: list[NDArray[np.uint8]] = []
    for number, file in enumerate(held_out_portraits(manifest, count)):
        said(file)
        voice = load_audio(data_dir / voices[number % len(voices)])[: int(SHOWN_S * SAMPLE_RATE)]
        try:
            portrait = pipeline.encode(data_dir / file)
        except NoFaceFound:
            continue
        made = pipeline(portrait, voice).frames
        moments = np.linspace(len(made) // 3, len(made) - 1, frames).astype(int)
        rows.append(np.concatenate([portrait.crop.image, *made[moments]], axis=1))
    if not rows:
        raise BadInput(f"no held-out portrait of {data_dir} shows a face")
    rows += [np.zeros_like(rows[0])] * (-len(rows) % COLUMNS)
    lines = [np.concatenate(rows[k : k + COLUMNS], axis=1) for k in range(0, len(rows), COLUMNS)]
    with drafted(path) as draft:
        Image.fromarray(np.concatenate(lines)).save(draft)
    return len(rows)
