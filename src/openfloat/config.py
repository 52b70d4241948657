"""What a model is: frozen values, free of torch so that `--help` is quick."""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal, Self

FPS = 25
SAMPLE_RATE = 16_000
SAMPLES_PER_FRAME = SAMPLE_RATE // FPS
EMOTIONS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")


MOST = {"depth": 256, "num_layers": 256, "window_frames": 1024, "past_frames": 1024}
"""What no model comes near, so that a stranger's config cannot ask for all time and memory."""
MOST_OF_ALL = 2**15
MAY_BE_ZERO = ("reader_width", "attention_radius", "pose_dim")
LARGEST_RATIO = 64
MOST_ENTRIES = 1024


def refuse_absurd(config: Any) -> None:
    """Raise ValueError for a number or list in a config, nested ones included, beyond any model's.

    Whole numbers are counts, others are ratios.
    """
    for entry in fields(config):
        value = getattr(config, entry.name)
        if is_dataclass(value):
            refuse_absurd(value)
        several = value if isinstance(value, tuple) else (value,)
        most = MOST.get(entry.name, MOST_OF_ALL)
        least = 0 if entry.name in MAY_BE_ZERO else 1
        for number in several:
            counts = isinstance(number, int) and not isinstance(number, bool)
            if counts and not least <= number <= most:
                raise ValueError(f"{entry.name}={number} is not between {least} and {most}")
            if isinstance(number, float) and not 0 < number <= LARGEST_RATIO:
                raise ValueError(f"{entry.name}={number} is not between 0 and {LARGEST_RATIO}")
        if len(several) > MOST_ENTRIES:
            raise ValueError(f"{entry.name} has more than {MOST_ENTRIES} entries")


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig:
    """Shape of the motion latent auto-encoder; defaults are the paper's (section 3.1)."""

    size: int = 512
    """Picture height and width in pixels: a power of two from 64 to 1024."""
    latent_dim: int = 512
    """Width of identity and motion latents."""
    num_directions: int = 20
    """Orthonormal motion directions."""
    channel_base: int = 16_384
    """Channels at resolution r are channel_base / r, within the two bounds below."""
    max_channels: int = 512
    min_channels: int = 16
    anchored: bool = False
    """Ours: the identity's part inside the basis is minus the portrait's own motion, so that the
    decoder sees motion relative to the portrait and forgives a motion head that is not exact."""
    painted: bool = False
    """Ours: where the mask turns from the source, the decoder paints with its own features, so that
    a closed mouth can open on what the photo never showed. The paper's colours come from the
    warped source alone."""
    edge_goes_on: bool = False
    """Ours: where a grid looks beyond the source's border it finds the border's colour; the paper's
    finds zeros, which darkens or brightens the outermost pixels."""
    reader_width: int = 0
    """Ours: channels of the first layer of a network of its own that reads motion off pictures;
    0 reads it off the identity latent by five linear layers, as the paper does."""

    def __post_init__(self) -> None:
        refuse_absurd(self)
        if self.size not in (64, 128, 256, 512, 1024):
            raise ValueError(f"size={self.size} is not a power of two from 64 to 1024")
        if not 1 <= self.num_directions <= self.latent_dim:
            raise ValueError(
                f"num_directions={self.num_directions} is not between 1 and "
                f"latent_dim={self.latent_dim}"
            )
        if not 1 <= self.min_channels <= self.max_channels:
            raise ValueError(
                f"min_channels={self.min_channels} is not between 1 and "
                f"max_channels={self.max_channels}"
            )

    def channels(self, resolution: int) -> int:
        """Feature channels at a resolution."""
        return max(self.min_channels, min(self.max_channels, self.channel_base // resolution))

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Resolutions of the returned feature maps and decoder levels: 8, 16, ... size."""
        return tuple(2**k for k in range(3, self.size.bit_length()))

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(
            size=64,
            latent_dim=32,
            num_directions=20,
            channel_base=512,
            max_channels=16,
            min_channels=8,
            anchored=True,
            painted=True,
            edge_goes_on=True,
            reader_width=2,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncConfig:
    """Shape of the network that judges whether lips and voice agree; by default SyncNet's size."""

    frames: int = 5
    """Video frames in a row that are judged together."""
    num_mels: int = 80
    width: int = 64
    """Channels of the first layers; doubled with every halving."""
    embedding_dim: int = 512

    def __post_init__(self) -> None:
        if not 1 <= self.frames <= 25:
            raise ValueError(f"frames={self.frames} is not between 1 and 25")


@dataclass(frozen=True, kw_only=True, slots=True)
class VectorFieldConfig:
    """Shape of the flow-matching transformer; defaults are the paper's (section 3.2)."""

    motion_dim: int = 512
    """Channels of one motion token: the latent width, or the number of directions."""
    speech_dim: int = 512
    num_emotions: int = len(EMOTIONS)
    hidden_dim: int = 1024
    num_heads: int = 8
    depth: int = 8
    mlp_ratio: float = 4.0
    attention_radius: int = 2
    """Frames each side that one frame may attend to."""
    window_frames: int = 50
    past_frames: int = 10
    conditioning: Literal["modulation", "cross_attention"] = "modulation"
    """How conditions reach the frames: frame-wise modulation (the paper's choice), or
    cross-attention (its ablation)."""
    pose_dim: int = 0
    """Channels that tell every frame the head's pose, where one is given; 0: it cannot be."""

    def __post_init__(self) -> None:
        refuse_absurd(self)
        if self.hidden_dim % self.num_heads:
            raise ValueError(
                f"hidden_dim={self.hidden_dim} is not a multiple of num_heads={self.num_heads}"
            )
        if self.hidden_dim % 2:
            raise ValueError(f"hidden_dim={self.hidden_dim} is not even")
        if self.attention_radius < 0:
            raise ValueError(f"attention_radius={self.attention_radius} is negative")
        if not 1 <= self.past_frames <= self.window_frames:
            raise ValueError(
                f"past_frames={self.past_frames} is not between 1 and "
                f"window_frames={self.window_frames}"
            )

    @property
    def total_frames(self) -> int:
        """Positions that the transformer sees: past and window."""
        return self.past_frames + self.window_frames

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(
            motion_dim=20, speech_dim=24, hidden_dim=32, num_heads=2, depth=2,
            window_frames=10, past_frames=4, pose_dim=12,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Wav2Vec2Config:
    """Shape of a wav2vec 2.0 network; defaults are the base class, `large()` the large one."""

    hidden_dim: int = 768
    num_layers: int = 12
    num_heads: int = 12
    feedforward_dim: int = 3072
    conv_dims: tuple[int, ...] = (512, 512, 512, 512, 512, 512, 512)
    conv_kernels: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_strides: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    conv_norm: Literal["group", "layer"] = "group"
    stable_layer_norm: bool = False
    position_kernel: int = 128
    position_groups: int = 16

    def __post_init__(self) -> None:
        if not len(self.conv_dims) == len(self.conv_kernels) == len(self.conv_strides):
            raise ValueError("conv_dims, conv_kernels and conv_strides differ in length")

    @classmethod
    def large(cls) -> Self:
        """The large class with stable layer norm, as the released emotion network uses it."""
        return cls(
            hidden_dim=1024, num_layers=24, num_heads=16, feedforward_dim=4096,
            conv_bias=True, conv_norm="layer", stable_layer_norm=True,
        )  # fmt: skip

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(
            hidden_dim=32, num_layers=2, num_heads=2, feedforward_dim=64, conv_dims=(16,) * 7,
            position_kernel=16, position_groups=4,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Wav2Vec2SpeechConfig:
    """Speech features by wav2vec 2.0, interpolated to the frame rate before its transformer."""

    kind: Literal["wav2vec2"] = "wav2vec2"
    backbone: Wav2Vec2Config = Wav2Vec2Config()
    layers: Literal["all", "last"] = "all"
    """Concatenate every layer's output, or take the last alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MelSpeechConfig:
    """Speech features from a log-mel spectrogram by a convolutional network of our own."""

    kind: Literal["mel"] = "mel"
    num_mels: int = 80
    hidden_dim: int = 192
    dilations: tuple[int, ...] = (1, 2, 3, 1, 1)
    """One residual block each, at the video frame rate, kernel 3."""

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(num_mels=24, hidden_dim=16, dilations=(1,))


@dataclass(frozen=True, kw_only=True, slots=True)
class Wav2Vec2EmotionConfig:
    """Speech emotion by a wav2vec 2.0 classifier with mean pooling."""

    kind: Literal["wav2vec2"] = "wav2vec2"
    backbone: Wav2Vec2Config = field(default_factory=Wav2Vec2Config.large)


@dataclass(frozen=True, kw_only=True, slots=True)
class MelEmotionConfig:
    """Speech emotion from a log-mel spectrogram by a small network of our own."""

    kind: Literal["mel"] = "mel"
    num_mels: int = 80
    hidden_dim: int = 64

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(num_mels=24, hidden_dim=16)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Everything that decides which tensors a model has; saved as `config.json` beside them."""

    name: str = "float-512"
    autoencoder: AutoencoderConfig = AutoencoderConfig()
    motion: VectorFieldConfig = VectorFieldConfig()
    speech: Wav2Vec2SpeechConfig | MelSpeechConfig = Wav2Vec2SpeechConfig()
    emotion: Wav2Vec2EmotionConfig | MelEmotionConfig = Wav2Vec2EmotionConfig()
    motion_space: Literal["latent", "coefficients"] = "latent"
    """One motion token: the motion latent (the paper), or its coordinates in the basis."""
    controls: tuple[str, ...] = ()
    """Names of the motion directions, where they were named by construction."""

    def __post_init__(self) -> None:
        refuse_absurd(self)
        auto = self.autoencoder
        needed = auto.latent_dim if self.motion_space == "latent" else auto.num_directions
        if self.motion.motion_dim != needed:
            raise ValueError(
                f"motion_dim={self.motion.motion_dim} does not fit motion_space="
                f"{self.motion_space!r}, which needs {needed}"
            )
        if self.controls and len(self.controls) != auto.num_directions:
            raise ValueError(
                f"{len(self.controls)} control names for {auto.num_directions} directions"
            )

    @classmethod
    def float_512(cls) -> Self:
        """The paper's model: 617.5 M parameters with both audio networks."""
        return cls()

    @classmethod
    def openfloat_256(cls) -> Self:
        """Our embedded model: no foreign weights, made for two CPU cores."""
        return cls(
            name="openfloat-256",
            autoencoder=AutoencoderConfig(
                size=256,
                latent_dim=256,
                channel_base=2048,
                max_channels=128,
                min_channels=16,
                anchored=True,
                painted=True,
                edge_goes_on=True,
                reader_width=16,
            ),
            motion=VectorFieldConfig(
                motion_dim=20,
                speech_dim=192,
                hidden_dim=192,
                num_heads=4,
                depth=5,
                attention_radius=6,
                pose_dim=24,
            ),
            speech=MelSpeechConfig(),
            emotion=MelEmotionConfig(),
            motion_space="coefficients",
            controls=CONTROLS,
        )

    @classmethod
    def tiny(cls) -> Self:
        """Milliseconds on any machine; for tests."""
        return cls(
            name="tiny",
            autoencoder=AutoencoderConfig.tiny(),
            motion=VectorFieldConfig.tiny(),
            speech=MelSpeechConfig.tiny(),
            emotion=MelEmotionConfig.tiny(),
            motion_space="coefficients",
            controls=CONTROLS,
        )


CONTROLS = (
    "yaw", "pitch", "roll", "x", "y", "scale",
    "jaw_open", "lips_round", "lips_wide", "upper_lip_up", "lower_lip_down", "lips_pressed",
    "smile", "mouth_down", "brows_up", "brows_down", "blink", "squint", "gaze_x", "gaze_y",
)  # fmt: skip
"""The twenty named motions of models whose basis is taught by the data engine, in order."""

POSE = CONTROLS[:6]
"""Rotations and translations of the head: what a pose that is given consists of."""

PRESETS = {
    "float-512": ModelConfig.float_512,
    "openfloat-256": ModelConfig.openfloat_256,
    "tiny": ModelConfig.tiny,
}
