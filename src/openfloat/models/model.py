"""The four networks of a model under one roof."""

from torch import nn

from openfloat.config import ModelConfig
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.models.cross_attention import build_field
from openfloat.models.emotion import build_emotion
from openfloat.models.speech import build_speech


class FloatModel(nn.Module):
    """Everything that a model folder stores; the parts are called one by one.

    Build it under `openfloat.weights.store.Hollow` and fill it with `load_into` from there, or
    build it plainly for random weights.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = FloatAutoencoder(config.autoencoder)
        self.motion = build_field(config.motion)
        self.speech = build_speech(config.speech, config.motion.speech_dim)
        self.emotion = build_emotion(config.emotion)


def count_parameters(module: nn.Module) -> int:
    """Stored numbers of a network, the frozen ones too."""
    return sum(parameter.numel() for parameter in module.parameters())
