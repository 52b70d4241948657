"""The vector field against a naive one: the same window of motion, drawn in two ways."""

import torch
from torch import Tensor

from openfloat.bench.timing import Timed, in_turns, ratios
from openfloat.config import PRESETS, VectorFieldConfig
from openfloat.flow.guidance import guide
from openfloat.flow.solver import integrate
from openfloat.flow.times import uniform_grid
from openfloat.models.transformer import VectorField
from openfloat.options import SampleOptions
from openfloat.sampling import Carry, sample_window


@torch.inference_mode()
def field_rows(rounds: int, size: str = "float-512") -> dict[str, Timed | float]:
    """Milliseconds of a window, naive and ours, how many times sooner, and the distance of both.

    Naive: the network is called three times for each evaluation (nothing, speech, speech and
    emotion), is told all conditions anew and keeps every past frame to the end. Weights are random.
    """
    window = Window(PRESETS[size]().motion)
    apart = (window.naive() - window.ours()).abs().max()
    seconds = in_turns({"naive": window.naive, "ours": window.ours}, rounds)
    return {
        "naive_ms": Timed.of([s * 1e3 for s in seconds["naive"]]),
        "ours_ms": Timed.of([s * 1e3 for s in seconds["ours"]]),
        "speedup": ratios(seconds["naive"], seconds["ours"]),
        "apart": float(apart),
    }


def random_field(config: VectorFieldConfig) -> VectorField:
    """Weights of usual size everywhere; an untrained field would be zero."""
    field = VectorField(config).requires_grad_(requires_grad=False)
    for weight in field.parameters():
        weight.normal_(std=weight.shape[-1] ** -0.5 if weight.ndim > 1 else 0.2)
    return field.eval()


class Window:
    """One window, drawn in two ways."""

    def __init__(self, config: VectorFieldConfig) -> None:
        """Draw weights and conditions."""
        torch.manual_seed(0)
        self.field = random_field(config)
        past = config.past_frames
        self.noise = torch.randn(1, config.window_frames, config.motion_dim)
        self.speech = torch.randn(1, config.window_frames, config.speech_dim)
        self.emotion = torch.randn(1, config.num_emotions).softmax(-1)
        self.reference = torch.randn(1, config.motion_dim)
        self.carry = Carry(
            past_motion=torch.randn(1, past, config.motion_dim),
            past_speech=torch.randn(1, past, config.speech_dim),
            window=1,
        )

    def ours(self) -> Tensor:
        """As `openfloat animate` draws it."""
        motion, _ = sample_window(
            self.field,
            self.speech,
            self.carry,
            reference=self.reference,
            emotion=self.emotion,
            options=SampleOptions(),
            noise=self.noise,
        )
        return motion

    def naive(self) -> Tensor:
        """Three whole calls for each evaluation, under the same guidance."""
        options = SampleOptions()
        scales = (options.audio_scale, options.emotion_scale)

        def velocity(t: Tensor, x: Tensor) -> Tensor:
            return guide([self.branch(t, x, *told) for told in ((0, 0), (1, 0), (1, 1))], scales)

        return integrate(velocity, self.noise, uniform_grid(options.nfe))

    def branch(self, t: Tensor, x: Tensor, speech: float, emotion: float) -> Tensor:
        """The plain field, with (1) or without (0) a condition."""
        positions = self.field(
            x,
            t[None],
            past=self.carry.past_motion,
            past_speech=self.carry.past_speech,
            reference=self.reference,
            speech=speech * self.speech,
            emotion=emotion * self.emotion,
        )
        return positions[:, self.field.config.past_frames :]
