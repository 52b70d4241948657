"""The adversaries of phase 1: the whole picture at two scales, and crops of eyes and mouth.

Non-saturating losses with lazy R1 (StyleGAN2); the style term is GFPGAN's: L1 between Gram matrices
of a component critic's features (paper, section 3.1: L_full-adv, L_eye-adv, L_lip-adv, L_x-FSM).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from openfloat.config import AutoencoderConfig
from openfloat.data.batch import PairBatch
from openfloat.models.discriminator import Discriminator
from openfloat.shapes import Float, Image, Mask
from openfloat.training.config import PictureWeights
from openfloat.training.networks import seeded

R1_WEIGHT, R1_INTERVAL = 10.0, 16
COMPONENTS = ("eyes", "mouth")


class Critics(nn.ModuleDict):
    """The critics that some weight asks for; empty (and false) where none does."""

    def __init__(self, shape: AutoencoderConfig, weights: PictureWeights) -> None:
        super().__init__()
        if weights.adversarial:
            self["whole"] = Discriminator(shape, shape.size)
            self["halved"] = Discriminator(shape, shape.size // 2)
        for name in COMPONENTS:
            if getattr(weights, f"{name}_adversarial") or getattr(weights, f"{name}_style"):
                self[name] = Discriminator(shape, component_size(shape.size))

    def __bool__(self) -> bool:
        return len(self) > 0


def component_size(size: int) -> int:
    """Pixels of a component crop, for pictures of a size."""
    return max(16, size // 4)


def grown_critics(
    critics: Critics, shape: AutoencoderConfig, weights: PictureWeights, seed: int
) -> Critics:
    """Critics for larger pictures that keep what fits of the smaller ones by name and shape."""
    with seeded(seed + shape.size + 1):
        larger = Critics(shape, weights)
    old, state = critics.state_dict(), larger.state_dict()
    fitting = {n: t for n, t in old.items() if n in state and t.shape == state[n].shape}
    larger.load_state_dict(state | fitting)
    return larger


class Box(NamedTuple):
    """Squares in a batch of pictures, in [-1, 1] coordinates."""

    centre: Float[Tensor, "b 2"]
    half: Float[Tensor, " b"]


def component_boxes(region: Mask) -> dict[str, Box]:
    """Squares around the eyes and around the mouth, from the mask that holds both.

    Eyes and mouth are what lies above and below the middle row of the mask's extent.

    Args:
        region: 1 inside mouth and eyes.
    """
    size = region.shape[-1]
    inside = region[:, 0] > 0.5
    rows = inside.any(dim=2)
    places = torch.linspace(-1 + 1 / size, 1 - 1 / size, size, device=region.device)
    top, bottom = _extent(rows, places)
    is_upper = places[None, :, None] < ((top + bottom) / 2)[:, None, None]
    boxes = {}
    for name, part in (("eyes", inside & is_upper), ("mouth", inside & ~is_upper)):
        left, right = _extent(part.any(dim=1), places)
        top, bottom = _extent(part.any(dim=2), places)
        centre = torch.stack([left + right, top + bottom], dim=1) / 2
        half = torch.maximum(right - left, bottom - top) / 2 + 0.05
        boxes[name] = Box(centre, half)
    return boxes


def _extent(there: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """First and last place that is there; the whole picture where none is."""
    low = torch.where(there, places, 1.0).amin(dim=1)
    high = torch.where(there, places, -1.0).amax(dim=1)
    empty = low > high
    return low.masked_fill(empty, -1), high.masked_fill(empty, 1)


def crop(images: Image, box: Box, size: int) -> Image:
    """Cut squares out of pictures, bilinear."""
    steps = torch.linspace(-1 + 1 / size, 1 - 1 / size, size, device=images.device)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    unit = torch.stack([x, y], dim=-1)
    grid = box.centre[:, None, None, :] + box.half[:, None, None, None] * unit
    return F.grid_sample(images, grid, align_corners=False, padding_mode="border")


def views(critics: Critics, images: Image, region: Mask) -> dict[str, Image]:
    """What each critic looks at."""
    boxes = component_boxes(region)
    size = component_size(images.shape[-1])
    seen: dict[str, Image] = {}
    for name in critics:
        if name in COMPONENTS:
            seen[name] = crop(images, boxes[name], size)
        else:
            seen[name] = images if name == "whole" else F.avg_pool2d(images, 2)
    return seen


def gram(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c c"]:
    """Gram matrices of feature maps, per pixel and channel."""
    flat = rearrange(features, "b c h w -> b c (h w)")
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def fooling_parts(
    critics: Critics, made: Image, batch: PairBatch, weights: PictureWeights
) -> dict[str, Tensor]:
    """What the auto-encoder descends to look real to every critic.

    Args:
        critics: not changed; gradients that reach them are for nobody.
        made: the reconstruction.
        batch: the driving picture is the real one.
        weights: style terms of weight 0 are left out.
    """
    parts: dict[str, Tensor] = {}
    fake = views(critics, made, batch.region)
    with torch.no_grad():
        real = views(critics, batch.driving, batch.region)
    for name, critic in critics.items():
        verdict = critic(fake[name])
        key = f"{name}_adversarial" if name in COMPONENTS else "adversarial"
        parts[key] = parts.get(key, 0) + F.softplus(-verdict.score).mean()
        if name in COMPONENTS and getattr(weights, f"{name}_style"):
            with torch.no_grad():
                wanted = critic(real[name]).features
            pairs = zip(verdict.features, wanted, strict=True)
            losses = [F.l1_loss(gram(a), gram(b)) for a, b in pairs]
            parts[f"{name}_style"] = torch.stack(losses).mean()
    return parts


def critic_parts(
    critics: Critics, made: Image, batch: PairBatch, *, regularise: bool
) -> dict[str, Tensor]:
    """What the critics descend: tell real from made, with R1 on some steps.

    Args:
        critics: being trained.
        made: the reconstruction, detached.
        batch: the driving picture is the real one.
        regularise: add the R1 penalty, 16 times its weight since it comes every 16th step.
    """
    parts: dict[str, Tensor] = {}
    fake, real = (views(critics, images, batch.region) for images in (made, batch.driving))
    for name, critic in critics.items():
        seen = real[name].detach().requires_grad_(regularise)
        score = critic(seen).score
        parts[f"{name}_critic"] = (
            F.softplus(critic(fake[name]).score).mean() + F.softplus(-score).mean()
        )
        if regularise:
            (slope,) = torch.autograd.grad(score.sum(), seen, create_graph=True)
            penalty = slope.square().sum(dim=(1, 2, 3)).mean()
            parts[f"{name}_r1"] = R1_WEIGHT / 2 * R1_INTERVAL * penalty
    return parts
