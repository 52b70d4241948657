"""The decoder for inference on processor cores: the pictures of `synthesis`, several times sooner.

Each core decodes frames of its own. Small maps of its frames go through shared weights together;
large ones frame by frame through weights that the frame's style has scaled, so that modulation,
demodulation, gain and bias cost no pass over them; the last level in strips that stay in the cache.
`synthesis.Decoder` is the reference, and what training uses.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import UInt8

from openfloat.models.encoder import SourceMap
from openfloat.models.fast_layers import Convolution, Maps, Style
from openfloat.models.fast_levels import COLOURS, FLOWS, LastLevel, Level, LevelWeights, Styles
from openfloat.models.synthesis import Decoder, SynthesisLevel
from openfloat.nn.cores import side_by_side
from openfloat.nn.memory import keep_freed_memory
from openfloat.nn.pixels import rgb_bytes
from openfloat.nn.short import no_warning
from openfloat.shapes import Float, Image, Latent, Tensor

TOGETHER = 32
"""Up to this resolution frames share a call."""
MOST_TOGETHER = 5


class Frames(NamedTuple):
    """What each layer makes of some frames' styles."""

    first: Style
    levels: tuple[Styles, ...]

    def of(self, frames: slice) -> "Frames":
        """Some of them."""
        return Frames(self.first.of(frames), tuple(level.of(frames) for level in self.levels))


class FastWeights:
    """A decoder's weights made ready once, for any portrait; copies: the decoder may change."""

    def __init__(self, decoder: Decoder, *, short: bool = False) -> None:
        """Fold, order and transform them; on a processor.

        Args:
            decoder: the trained one.
            short: large convolutions in 8-bit numbers; flows, warps and colours stay float32.
        """
        keep_freed_memory()
        if short:
            no_warning()
        with torch.inference_mode():
            self.constant = decoder.constant.permute(0, 2, 3, 1).clone()
            self.first = Convolution(decoder.conv, self.constant.shape[1])
            self.levels = []
            for size, level in decoder.levels.items():
                assert isinstance(level, SynthesisLevel)
                self.levels.append(LevelWeights(level, int(size), short=short))
            parts = [self.first.modulation]
            parts += [modulation for level in self.levels for modulation in level.modulations]
            weights, biases = zip(*parts, strict=True)
            self._widths = [len(bias) for bias in biases]
            self._weight, self._bias = torch.cat(weights), torch.cat(biases)

    def styles(self, latent: Latent) -> Frames:
        """All layers' styles."""
        scales = torch.nn.functional.linear(latent, self._weight, self._bias)
        first, *rest = scales.split(self._widths, dim=1)
        levels = zip(self.levels, rest[0::3], rest[1::3], rest[2::3], strict=True)
        return Frames(
            self.first.style(first), tuple(level.styles(*three) for level, *three in levels)
        )


class FastDecoder:
    """Decodes frames of one portrait, and leaves no trace of calls."""

    def __init__(
        self, weights: FastWeights, features: Sequence[SourceMap], cores: int | None = None
    ) -> None:
        """Make everything ready that does not depend on the frame.

        Args:
            weights: of the decoder, shared by all portraits.
            features: one portrait's feature maps (1 c r r), r = 8 ... size.
            cores: how many it uses; none: as many as torch may in this thread.
        """
        self._cores = cores or torch.get_num_threads()
        self._weights = weights
        with torch.inference_mode():
            self._levels = [
                Level(level, source)
                for level, source in zip(weights.levels[:-1], features[:-1], strict=True)
            ]
            self._last = LastLevel(weights.levels[-1], features[-1])
        self._shared = sum(level.resolution <= TOGETHER for level in self._levels)

    def __call__(self, latent: Latent) -> Image:
        """Pictures (b 3 size size) of latents, about [-1, 1], not clamped."""
        return torch.cat(self._decode(latent, lambda image: image))

    def rgb(self, latent: Latent) -> UInt8[Tensor, "b h w 3"]:
        """The same pictures as RGB bytes."""
        return torch.cat(self._decode(latent, rgb_bytes))

    def _decode(self, latent: Latent, finish: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Finished pictures of some frames each."""
        with torch.inference_mode():
            frames = self._weights.styles(latent)
        size = min(MOST_TOGETHER, -(-len(latent) // self._cores))

        def some(number: int) -> Tensor:
            with torch.inference_mode():
                chosen = frames.of(slice(number * size, (number + 1) * size))
                return torch.cat([finish(image) for image in self._images(chosen)])

        return side_by_side(some, -(-len(latent) // size), self._cores)

    def _images(self, frames: Frames) -> list[Float[Tensor, "1 3 h w"]]:
        """One picture for each frame."""
        constant = self._weights.constant.expand(len(frames.first.scale), -1, -1, -1)
        hidden = self._weights.first(constant, frames.first)
        state = hidden.new_zeros(len(hidden), FLOWS + COLOURS, *hidden.shape[1:3])
        for level, styles in zip(self._levels[: self._shared], frames.levels, strict=False):
            hidden, state = level(hidden, state, styles)
        return [
            self._rest(hidden[n : n + 1], state[n : n + 1], frames.of(slice(n, n + 1)))
            for n in range(len(hidden))
        ]

    def _rest(self, hidden: Maps, state: Tensor, frame: Frames) -> Tensor:
        """One frame's picture, from what all frames' small levels have made of it."""
        for level, styles in zip(
            self._levels[self._shared :], frame.levels[self._shared : -1], strict=True
        ):
            hidden, state = level(hidden, state, styles)
        return self._last(hidden, state, frame.levels[-1])
