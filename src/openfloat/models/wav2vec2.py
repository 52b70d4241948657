"""wav2vec 2.0 at the video frame rate, on the network of Hugging Face transformers."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from openfloat.config import Wav2Vec2Config
from openfloat.shapes import Waveform
from openfloat.weights.official_audio import huggingface_fields

Hidden = Float[Tensor, "b t c"]

FEWEST_SAMPLES = 400
"""What the first output of the convolutions looks at; anything shorter gives none."""
_inputs_of_layers: ContextVar[list[Tensor]] = ContextVar("inputs of the layers, of one call")


class Wav2Vec2(nn.Module):
    """A frozen wav2vec 2.0 network, always in evaluation mode (otherwise it masks its input).

    transformers is imported when the first one is built: it takes seconds.
    """

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        from transformers import Wav2Vec2Config as HuggingFaceConfig
        from transformers import Wav2Vec2Model

        # Without masking there is no mask embedding, which evaluation never uses.
        fields = huggingface_fields(config) | {"mask_time_prob": 0.0, "mask_feature_prob": 0.0}
        self.network = Wav2Vec2Model(HuggingFaceConfig(**fields))
        self.requires_grad_(requires_grad=False)
        self.eval()
        for layer in self.network.encoder.layers:
            layer.register_forward_pre_hook(_keep_input)

    def train(self, mode: bool = True) -> "Wav2Vec2":  # noqa: ARG002
        """Stay in evaluation mode, whatever is asked."""
        return super().train(mode=False)

    def features(self, normalised: Waveform) -> Float[Tensor, "b c n"]:
        """Output of the convolutions, 50 per second, without interpolation."""
        return self.network.feature_extractor(normalised)

    def forward(self, normalised: Waveform, num_frames: int | None = None) -> list[Hidden]:
        """All hidden states: the embedding, then each layer's output.

        The features are interpolated linearly, corners aligned, to the number of frames before the
        transformer sees them (specification section 2, step 4).

        Args:
            normalised: zero mean and unit variance, at least 400 samples.
            num_frames: frames wanted; none: the network's own 50 per second.
        """
        with torch.no_grad():
            features = self.features(normalised)
            if num_frames is not None:
                features = F.interpolate(features, num_frames, mode="linear", align_corners=True)
            embedding, _ = self.network.feature_projection(rearrange(features, "b c t -> b t c"))
            # transformers' encoder no longer hands out its hidden states, so they are overheard.
            with _listening() as states:
                last = self.network.encoder(embedding).last_hidden_state
            return [*states, last]


@contextmanager
def _listening() -> Iterator[list[Tensor]]:
    """Collect what goes into the layers during this call, apart from calls in other threads."""
    states: list[Tensor] = []
    token = _inputs_of_layers.set(states)
    try:
        yield states
    finally:
        _inputs_of_layers.reset(token)


def _keep_input(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    states = _inputs_of_layers.get(None)
    if states is not None:
        states.append(inputs[0])
