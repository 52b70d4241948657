"""Go on from the embedded landmark network: heads that turn and nod, lids, brows, smiles, gaze.

    python recipes/landmarks_sharpen.py --data ../shared/data

An hour of one core, a third of it for the pictures. Every fiftieth portrait of the train split is
kept back for the printed figures, which say how much of a change between two pictures of one person
is seen (slope, 1 = all); held-out people are not looked at. Run again to go on.
"""

import argparse
import math
import os
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from landmark_pictures import PICTURES, MovedPortraits, draw_pairs, load_moved
from landmark_samples import Portraits, Samples, draw_samples, load_portraits, mirror_table
from landmarks import (
    LID_PAIRS,
    find_lookalikes,
    judge,
    lookalikes_for,
    loss,
    point_weights,
    save_run,
    save_weights,
)
from torch import Tensor

from openfloat.vision.head_pose import RIGID
from openfloat.vision.landmarks import LandmarkNetwork, LandmarkOutput, embedded_network

STEPS = 900
LEARNING_RATE = 1.5e-3
STILLS, PAIRS, FAR = 10, 8, 0.2
KEPT_BACK = 50


def split(moved: MovedPortraits) -> tuple[MovedPortraits, MovedPortraits]:
    """People to learn from, and every fiftieth to judge by."""
    person = torch.arange(len(moved.images)) // PICTURES
    aside = person % KEPT_BACK == 0
    return _part(moved, ~aside), _part(moved, aside)


def _part(moved: MovedPortraits, chosen: Tensor) -> MovedPortraits:
    names = [name for name, is_in in zip(moved.names, chosen.tolist(), strict=True) if is_in]
    return MovedPortraits(moved.images[chosen], moved.points[chosen], names)


def change_loss(output: LandmarkOutput, samples: Samples, weights: Tensor) -> Tensor:
    """How points move from the first to the second picture of each pair, as shares of the face."""
    predicted = _moves(output.points)
    true = _moves(samples.points)
    size = (samples.points.amax(dim=1) - samples.points.amin(dim=1)).amax(dim=-1)
    size = size[: len(true), None, None]
    error = F.smooth_l1_loss(predicted / size, true / size, beta=0.01, reduction="none")
    return 20 * (error * weights).mean()


def _moves(points: Tensor) -> Tensor:
    first, second = points.chunk(2)
    return second - first


@torch.no_grad()
def seen(network: LandmarkNetwork, moved: MovedPortraits, mirror: Tensor) -> str:
    """How much of a change is seen, in words: slopes of what is found over what is true."""
    network.eval()
    samples = draw_pairs(moved, mirror, 400, 0.0, torch.Generator().manual_seed(5))
    points = network(samples.squares).points
    network.train()
    words = []
    for name, measure in MEASURES.items():
        found, true = _moves(measure(points)), _moves(measure(samples.points))
        slope = (found * true).sum() / true.square().sum()
        r = torch.corrcoef(torch.stack([found, true]))[0, 1]
        words.append(f"{name} {slope:.2f} (r {r:.2f})")
    return "seen of changes: " + ", ".join(words)


def _gap(pairs: tuple[tuple[int, int], ...]) -> object:
    upper, lower = [p[0] for p in pairs], [p[1] for p in pairs]
    return lambda points: (points[:, lower, 1] - points[:, upper, 1]).mean(dim=1)


def _across(points: Tensor) -> Tensor:
    """Nose tip against the sides of the face."""
    return points[:, 1, 0] - (points[:, 234, 0] + points[:, 454, 0]) / 2


def _nod(points: Tensor) -> Tensor:
    """Nose tip against forehead and chin."""
    return points[:, 1, 1] - (points[:, 10, 1] + points[:, 152, 1]) / 2


def _gaze(points: Tensor) -> Tensor:
    eyes = points[:, [33, 133, 263, 362], 0].mean(dim=1)
    return points[:, [468, 473], 0].mean(dim=1) - eyes


def _brows(points: Tensor) -> Tensor:
    return points[:, [33, 133, 263, 362], 1].mean(1) - points[:, [105, 66, 334, 296], 1].mean(1)


MEASURES = {
    "yaw": _across,
    "pitch": _nod,
    "mouth": _gap(((13, 14),)),
    "lids": _gap(LID_PAIRS),
    "smile": lambda p: p[:, 291, 0] - p[:, 61, 0],
    "brows": _brows,
    "gaze": _gaze,
}


def train(data: Path, output: Path, scratch: Path, *, steps: int, seed: int, workers: int) -> None:
    """Train, go on from `scratch` if it holds a started run, write float16 weights."""
    stills: Portraits = load_portraits(data, "train")
    moved, aside = split(load_moved(data, scratch, "train", workers=workers))
    mirror, lookalikes = mirror_table(data, stills.points), find_lookalikes(stills)
    print(f"{len(stills.images)} stills, {len(moved.images)} moved", flush=True)
    kept = torch.arange(len(stills.images)) % KEPT_BACK == 0
    judged = Portraits(stills.images[kept], stills.points[kept], [])
    torch.manual_seed(seed)
    network = LandmarkNetwork().to(memory_format=torch.channels_last)
    network.load_state_dict(embedded_network().state_dict())
    network.train().requires_grad_()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0, weight_decay=0.02)
    weights, started, first = point_weights(), scratch / "sharpen_run.pt", 0
    weights[list(RIGID)] = weights[list(RIGID)].clamp_min(2 * float(weights.min()))
    if started.exists():
        state = torch.load(started, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first = state["step"]
    clock = time.monotonic()
    for step in range(first, steps):
        rate = LEARNING_RATE * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * _cosine(step / steps))
        for group in optimizer.param_groups:
            group["lr"] = rate
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        # the stills see roughly proposed faces half of the time, as detection does
        a = draw_samples(stills, mirror, lookalikes, STILLS, 0.5, generator)
        b = draw_pairs(moved, mirror, PAIRS, FAR, generator)
        both = Samples(*(torch.cat(column) for column in zip(a, b, strict=True)))
        output_ = network(both.squares.contiguous(memory_format=torch.channels_last))
        terms = loss(output_, both, weights)
        tail = LandmarkOutput(output_.points[STILLS:], output_.score[STILLS:])
        terms["changes"] = change_loss(tail, b, weights)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        if (step + 1) % 200 == 0 or step + 1 == steps or step == 0:
            said = " ".join(f"{name} {value:.4f}" for name, value in terms.items())
            told = judge(network, judged, mirror, lookalikes_for(judged, lookalikes))
            told += " | " + seen(network, aside, mirror)
            print(f"{step + 1} {time.monotonic() - clock:.0f} s {said} | {told}", flush=True)
            run = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            save_run({**run, "step": step + 1}, started)
    save_weights(network, output)


def _cosine(share: float) -> float:
    return (1 + math.cos(math.pi * share)) / 2


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    data = os.environ.get("OPENFLOAT_DATA", "../shared/data")
    parser.add_argument("--data", type=Path, default=Path(data))
    parser.add_argument("--output", type=Path, default=Path("src/openfloat/assets/face"))
    parser.add_argument("--scratch", type=Path, default=Path("runs/landmarks"))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    train(
        options.data,
        options.output,
        options.scratch,
        steps=options.steps,
        seed=options.seed,
        workers=options.workers,
    )


if __name__ == "__main__":
    main()
