"""How well a model redraws and speaks, measured on held-out clips of the data pack.

    .venv/bin/python benchmarks/quality.py [--model NAME] [--data DIR] [--clips 12]

For each clip: PSNR and SSIM of its frames redrawn from its first frame; and the correlation of the
mouth's opening between the real video and the video generated from first frame and voice, at the
best lag of at most two frames. Then, on the bundled portrait: the opening of the mouth for a quiet
recording as a share of that for speech. Prints a row per clip and the medians.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from numpy.typing import NDArray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from openfloat import CropOptions, FloatPipeline
from openfloat.audio.io import load_audio
from openfloat.data.manifest import data_folder, read_manifest
from openfloat.pipeline import Portrait
from openfloat.vision.face import Face, cut_square, detect_faces, refine
from openfloat.vision.geometry import square_around
from openfloat.vision.measure import mouth_aperture
from openfloat.vision.video import read_frames

DEMO = Path(__file__).parent.parent / "src" / "openfloat" / "assets" / "demo"
AS_IT_IS = CropOptions(crop=False)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure."""

    model: str = "openfloat-256"
    data: Path | None = None
    """The data pack; default OPENFLOAT_DATA, else ../shared/data."""
    clips: int = 12


def main() -> None:
    """Measure and print."""
    options = tyro.cli(Options, description=__doc__)
    pipeline = FloatPipeline.from_pretrained(options.model)
    data = data_folder(options.data)
    held_out = [row for row in read_manifest(data).clips if row.split == "heldout"]
    others = [row for row in held_out if "grid_s1" not in row.file]
    chosen = [*others, *(row for row in held_out if row not in others)][: options.clips]
    rows = []
    for row in chosen:
        rows.append(measure(pipeline, data / row.file))
        print(f"{row.file:34s} " + "  ".join(f"{n} {v:6.2f}" for n, v in rows[-1].items()))
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"median {name}: {np.median(values):.2f} ({values.min():.2f} to {values.max():.2f})")
    print(f"quiet / speech mouth opening: {quiet_share(pipeline):.2f}")


def measure(pipeline: FloatPipeline, path: Path) -> dict[str, float]:
    """The figures of one clip."""
    frames = list(read_frames(path))[:75]
    face = max(detect_faces(frames[0]), key=lambda found: found.size)
    box = square_around(face.box)
    size = pipeline.config.autoencoder.size
    real = np.stack([cut_square(frame, box, size, "edge") for frame in frames])
    portrait = pipeline.encode(real[0], AS_IT_IS)
    redrawn = redraw(pipeline, portrait, real)
    spoken = pipeline(portrait, load_audio(path)).frames
    length = min(len(spoken), len(real))
    r, lag = best_correlation(openings(real)[:length], openings(spoken)[:length])
    pairs = list(zip(real[1:], redrawn[1:], strict=True))
    return {
        "psnr": float(np.mean([peak_signal_noise_ratio(a, b) for a, b in pairs])),
        "ssim": float(np.mean([structural_similarity(a, b, channel_axis=2) for a, b in pairs])),
        "lip_r": r,
        "lag_frames": float(lag),
    }


@torch.inference_mode()
def redraw(
    pipeline: FloatPipeline, portrait: Portrait, frames: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Frames from the looks of the portrait and the motion that the encoder sees in them."""
    network = pipeline.model.autoencoder
    made = []
    for piece in np.array_split(frames, max(1, len(frames) // 8)):
        images = torch.from_numpy(piece).permute(0, 3, 1, 2).float() / 127.5 - 1
        motion = network.coefficients(network.encode(images).identity)
        if pipeline.config.motion_space == "latent":
            motion = network.basis.motion(motion)
        made.append(pipeline.decode(portrait, motion))
    return np.concatenate(made)


def openings(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Opening of the mouth in each frame, the face followed from frame to frame."""
    faces: list[Face] = detect_faces(frames[0])[:1]
    found = []
    for frame in frames:
        faces = refine(frame, faces)
        found.append(float(mouth_aperture(faces[0].points)))
    return np.array(found)


def best_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[float, int]:
    """Largest Pearson r over lags of at most two frames, and its lag (positive: b is late)."""
    scores = {}
    for lag in range(-2, 3):
        first = a[max(0, -lag) : len(a) - max(0, lag)]
        second = b[max(0, lag) : len(b) - max(0, -lag)]
        scores[lag] = float(np.corrcoef(first, second)[0, 1])
    lag = max(scores, key=lambda key: scores[key])
    return scores[lag], lag


def quiet_share(pipeline: FloatPipeline) -> float:
    """How far the mouth opens for hiss (90th less 10th percentile), as a share of speech."""
    portrait = pipeline.encode(DEMO / "portrait.jpg")
    speech = load_audio(DEMO / "speech.wav")[: 3 * 16_000]
    hiss = (np.random.default_rng(0).standard_normal(len(speech)) * 1e-4).astype(np.float32)
    spread = []
    for sound in (hiss, speech):
        low, high = np.percentile(openings(pipeline(portrait, sound).frames), (10, 90))
        spread.append(high - low)
    return float(spread[0] / spread[1])


if __name__ == "__main__":
    main()
