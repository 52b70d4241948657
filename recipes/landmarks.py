"""Train the embedded landmark network on the open data pack's portraits: minutes on two cores.

    python recipes/landmarks.py --data ../shared/data --phases 1

gives the embedded weights; without `--phases 1` a second phase of the same length follows, which
sharpens the measures. Run again after an interruption to go on from the last saved step. Only the
`train` split is learnt from; the held-out portraits give the printed error.
"""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import skimage
import torch
import torch.nn.functional as F
from landmark_samples import (
    EYES,
    LOWER_INNER_LIP,
    STORED_SIZE,
    UPPER_INNER_LIP,
    Lookalikes,
    Portraits,
    Samples,
    draw_samples,
    load_portraits,
    mirror_table,
)
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from openfloat.vision.detect import propose
from openfloat.vision.landmarks import CONTEXT, LandmarkNetwork, LandmarkOutput

TEXTURES = (
    "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "color.png", "grass.png", "gravel.png", "horse.png", "hubble_deep_field.jpg",
    "ihc.png", "moon.png", "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg",
    "text.png",
)  # fmt: skip
OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
EYELIDS = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246,
    263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466,
)  # fmt: skip
PHASES = ((2400, 0.5), (2400, 0.15))
"""Steps, and the share of roughly proposed faces: first find them, then measure them."""
LEARNING_RATE = 2e-3
LID_PAIRS = ((159, 145), (158, 153), (160, 144), (386, 374), (385, 380), (387, 373))


def find_lookalikes(portraits: Portraits) -> Lookalikes:
    """What the cascade takes for a face and is none, and pictures without people."""
    index, squares = [], []
    for i in range(0, len(portraits.images), 8):  # an eighth of them has enough
        image, points = portraits.images[i].permute(1, 2, 0).numpy(), portraits.points[i]
        low, high = points.amin(dim=0), points.amax(dim=0)
        x, y = ((low + high) / 2).tolist()
        size = (high - low).max().item()
        for square in propose(image, working_side=STORED_SIZE, votes=1):
            found = [v / STORED_SIZE for v in (square.x, square.y, square.side)]
            away = math.hypot(found[0] - x, found[1] - y) / size
            if away > 0.5 or not 0.5 < found[2] / CONTEXT / size < 2:
                index.append(i)
                squares.append(found)
    folder = Path(skimage.__file__).parent / "data"
    textures = []
    for name in TEXTURES:
        with Image.open(folder / name) as image:
            small = image.convert("RGB").resize((STORED_SIZE, STORED_SIZE))
        textures.append(np.asarray(small).transpose(2, 0, 1))
    return Lookalikes(
        torch.tensor(index), torch.tensor(squares), torch.from_numpy(np.stack(textures))
    )


def mean_shape(points: Tensor) -> Tensor:
    """The mean face about the origin, in shares of the network's square."""
    low, high = points.amin(dim=1, keepdim=True), points.amax(dim=1, keepdim=True)
    longer = (high - low).amax(dim=-1, keepdim=True)
    return ((points - (low + high) / 2) / longer).mean(dim=0) / CONTEXT


def point_weights() -> Tensor:
    """(478, 1): mouth, lids and irises count more than the skin."""
    weights = torch.ones(478, 1)
    weights[list(OUTER_LIPS + EYELIDS)] = 3
    weights[list(UPPER_INNER_LIP + LOWER_INNER_LIP)] = 5
    weights[468:] = 3
    return weights / weights.mean()


def loss(output: LandmarkOutput, samples: Samples, weights: Tensor) -> dict[str, Tensor]:
    """Distances as shares of the face, gaps of lips and lids, and the face score."""
    face = samples.is_face > 0
    predicted, true = output.points[face], samples.points[face]
    size = (true.amax(dim=1) - true.amin(dim=1)).amax(dim=-1)[:, None, None]
    error = F.smooth_l1_loss(predicted / size, true / size, beta=0.01, reduction="none")
    upper, lower = list(UPPER_INNER_LIP), list(LOWER_INNER_LIP)
    upper += [pair[0] for pair in LID_PAIRS]
    lower += [pair[1] for pair in LID_PAIRS]
    gap = (predicted[:, lower] - predicted[:, upper]) / size
    true_gap = (true[:, lower] - true[:, upper]) / size
    return {
        "points": 20 * (error * weights).mean(),
        "gaps": 40 * F.smooth_l1_loss(gap, true_gap, beta=0.005),
        "score": F.binary_cross_entropy_with_logits(output.score, samples.is_face),
    }


@torch.no_grad()
def judge(
    network: LandmarkNetwork, portraits: Portraits, mirror: Tensor, lookalikes: Lookalikes
) -> str:
    """Errors on pictures drawn from the held-out portraits, in words."""
    network.eval()
    generator = torch.Generator().manual_seed(99)
    samples = draw_samples(portraits, mirror, lookalikes, 400, 0.15, generator)
    output = network(samples.squares)
    network.train()
    face = samples.is_face > 0
    predicted, true = output.points[face], samples.points[face]
    ocular = (true[:, 468] - true[:, 473]).norm(dim=-1)
    error = (predicted - true).norm(dim=-1) / ocular[:, None]
    opening = [(p[:, 14] - p[:, 13]).norm(dim=-1) / ocular for p in (predicted, true)]
    lids = [
        sum((p[:, eye[3]] - p[:, eye[2]]).norm(dim=-1) for eye in EYES) / ocular
        for p in (predicted, true)
    ]
    right = ((output.score > 0) == face).float().mean()
    return (
        f"error {error.mean():.4f} (lips {error[:, list(OUTER_LIPS)].mean():.4f}, irises "
        f"{error[:, [468, 473]].mean():.4f}) of the distance between the eyes; correlation of "
        f"mouth opening {_correlation(*opening):.4f}, of eye opening {_correlation(*lids):.4f}; "
        f"score right {right:.4f}"
    )


def _correlation(a: Tensor, b: Tensor) -> float:
    return torch.corrcoef(torch.stack([a, b]))[0, 1].item()


def schedule(step: int) -> tuple[float, float]:
    """Learning rate (warm-up, then a cosine down to one hundredth) and share of rough views."""
    for steps, far_share in PHASES:
        if step < steps:
            cosine = (1 + math.cos(math.pi * step / steps)) / 2
            return LEARNING_RATE * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * cosine), far_share
        step -= steps
    raise ValueError("the run is over")


def train(data: Path, output: Path, scratch: Path, *, phases: int, batch: int, seed: int) -> None:
    """Train, go on from `scratch` if it holds a started run, write float16 weights."""
    portraits, heldout = load_portraits(data, "train"), load_portraits(data, "heldout")
    mirror = mirror_table(data, portraits.points)
    lookalikes = find_lookalikes(portraits)
    print(f"{len(portraits.images)} portraits, {len(lookalikes.index)} lookalikes", flush=True)
    torch.manual_seed(seed)
    network = LandmarkNetwork().to(memory_format=torch.channels_last)
    network.mean_shape.copy_(mean_shape(portraits.points))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0, weight_decay=0.02)
    started, weights = scratch / "landmarks_run.pt", point_weights()
    first = 0
    if started.exists():
        state = torch.load(started, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    clock, steps = time.monotonic(), sum(count for count, _ in PHASES[:phases])
    for step in range(first, steps):
        rate, far_share = schedule(step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        samples = draw_samples(portraits, mirror, lookalikes, batch, far_share, generator)
        squares = samples.squares.contiguous(memory_format=torch.channels_last)
        terms = loss(network(squares), samples, weights)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        if (step + 1) % 200 == 0 or step + 1 == steps:
            said = " ".join(f"{name} {value:.4f}" for name, value in terms.items())
            told = judge(network, heldout, mirror, lookalikes_for(heldout, lookalikes))
            print(f"{step + 1} {time.monotonic() - clock:.0f} s {said} | {told}", flush=True)
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            _save_run({**state, "step": step + 1}, started)
    _save_weights(network, output)


def lookalikes_for(portraits: Portraits, lookalikes: Lookalikes) -> Lookalikes:
    """The textures alone, with corners of these portraits: nothing of the train pictures."""
    corners = torch.tensor([[0.08, 0.08, 0.15], [0.92, 0.08, 0.15]])
    index = torch.arange(len(portraits.images)).repeat_interleave(2)
    return Lookalikes(index, corners.repeat(len(portraits.images), 1), lookalikes.textures)


def _save_run(state: dict[str, object], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def _save_weights(network: LandmarkNetwork, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {
        name: (t.half() if t.is_floating_point() else t).contiguous()
        for name, t in network.state_dict().items()
    }
    path = folder / "landmarks.safetensors"
    partial = path.with_suffix(".partial")
    save_file(state, partial)
    partial.chmod(0o644)
    partial.replace(path)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    data = os.environ.get("OPENFLOAT_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--output", type=Path, default=Path("src/openfloat/assets/face"))
    parser.add_argument("--scratch", type=Path, default=Path("runs/landmarks"))
    parser.add_argument("--phases", type=int, default=len(PHASES))
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(
        options.data,
        options.output,
        options.scratch,
        phases=options.phases,
        batch=options.batch,
        seed=options.seed,
    )


if __name__ == "__main__":
    main()
