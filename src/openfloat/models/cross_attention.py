"""The vector field of the paper's ablation: conditions by cross-attention, not by modulation.

Flow time alone modulates the frames; what each frame should do comes as a second sequence that the
frames attend to, within the same band in which they see each other.
"""

from typing import cast

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import nn

from openfloat.config import VectorFieldConfig
from openfloat.models.transformer import Mask, Prepared, Steering, VectorField, band_mask
from openfloat.shapes import Float, Motion, Tensor


class CrossAttention(nn.Module):
    """Frames ask the conditions; adds nothing in an untrained network."""

    def __init__(self, hidden_dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(hidden_dim, eps=1e-6, elementwise_affine=False)
        self.query = nn.Linear(hidden_dim, hidden_dim)
        self.key_value = nn.Linear(hidden_dim, 2 * hidden_dim)
        self.out = nn.Linear(hidden_dim, hidden_dim)

    def forward(
        self, x: Float[Tensor, "b q h"], told: Float[Tensor, "b k h"], mask: Mask
    ) -> Float[Tensor, "b q h"]:
        """What the conditions add to the last q of k frames."""
        query = rearrange(self.query(self.norm(x)), "b q (n c) -> b n q c", n=self.num_heads)
        key, value = rearrange(
            self.key_value(told), "b k (two n c) -> two b n k c", two=2, n=self.num_heads
        )
        seen = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return cast(Tensor, self.out(rearrange(seen, "b n q c -> b q (n c)")))


class CrossAttentionField(VectorField):
    """`VectorField` in all but the way that conditions come in; the same calls."""

    def __init__(self, config: VectorFieldConfig) -> None:
        super().__init__(config)
        self.crossings = nn.ModuleList(
            [CrossAttention(config.hidden_dim, config.num_heads) for _ in range(config.depth)]
        )
        for crossing in self.crossings:
            assert isinstance(crossing, CrossAttention)
            nn.init.xavier_uniform_(crossing.query.weight)
            nn.init.xavier_uniform_(crossing.key_value.weight)
            nn.init.zeros_(crossing.out.weight)

    def velocity(
        self, x: Motion, t: Float[Tensor, " #b"], prepared: Prepared
    ) -> Float[Tensor, "b k f"]:
        """As in `VectorField`."""
        told = prepared.steering.through(nn.Identity()) + self.positions
        moment = F.silu(self.embed_time(t)).expand(len(x), -1)
        total = self.config.total_frames
        steering = Steering(repeat(moment, "b h -> b k h", k=total))
        band = band_mask(total, self.config.attention_radius, x.device)
        window = self.embed_motion(x) + self.positions[:, prepared.past.shape[1] :]
        hidden = torch.cat([prepared.past, window], dim=1)
        for block, crossing, mask in zip(self.blocks, self.crossings, prepared.masks, strict=True):
            hidden = block(hidden, steering.last(mask.shape[1]), mask)
            hidden = hidden + crossing(hidden, told, band[-hidden.shape[1] :])
        return cast(Tensor, self.head(hidden, steering.last(hidden.shape[1])))


def build_field(config: VectorFieldConfig) -> VectorField:
    """The vector field that a config asks for, with fresh weights."""
    if config.conditioning == "cross_attention":
        return CrossAttentionField(config)
    return VectorField(config)
