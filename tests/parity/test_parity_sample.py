"""The whole way from picture and voice to motion and frames, on seeded weights."""

from collections.abc import Callable

import pytest
import torch
from recipe import Case, assert_close_to_reference, cases
from test_parity_audio import BACKBONES as SPEECH_BACKBONES
from test_parity_autoencoder import source_picture
from test_parity_emotion import BACKBONES as EMOTION_BACKBONES
from test_parity_motion import config_of
from torch import Tensor
from torch.nn import Module

from openfloat.audio.recording import Recording
from openfloat.config import (
    EMOTIONS,
    AutoencoderConfig,
    ModelConfig,
    Wav2Vec2EmotionConfig,
    Wav2Vec2SpeechConfig,
)
from openfloat.models.encoder import Appearance
from openfloat.models.model import FloatModel
from openfloat.options import SampleOptions
from openfloat.sampling import sample_motion
from openfloat.weights.official import from_official, official_names
from openfloat.weights.store import load_into

RELEASED = SampleOptions(nfe=9, audio_scale=2.0, emotion_scale=1.0)
"""The release's default: 10 grid points, which are 9 evaluations."""


def model_of(case: Case) -> FloatModel:
    """Ours with the case's weights, converted as a released file is."""
    config = ModelConfig(
        name=case.name,
        autoencoder=AutoencoderConfig(size=case.options["input_size"]),
        motion=config_of(case),
        speech=Wav2Vec2SpeechConfig(backbone=SPEECH_BACKBONES[case.options["w2v"]]),
        emotion=Wav2Vec2EmotionConfig(backbone=EMOTION_BACKBONES[case.options["ser"]]),
    )
    with torch.device("meta"):
        model = FloatModel(config)
    ours = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    # A released tensor may have more axes of length 1 than ours; the numbers are the same.
    released = {
        theirs: case.weight_sums.get(theirs, [ours[name]])[0]
        for theirs, name in official_names(config).items()
        if name
    }
    load_into(model, from_official(case.weights(released), config, ours))
    return model.eval()


class Clip:
    """What one portrait and one voice give before any motion is drawn."""

    def __init__(self, model: FloatModel, case: Case) -> None:
        """Encode both and compare them with the reference."""
        voice = case.input("in.audio_raw")[None]
        recording = Recording.open(voice[0].numpy())
        auto = model.autoencoder
        self.field = model.motion
        self.appearance: Appearance = auto.encode(source_picture(case))
        self.reference = auto.basis.motion(auto.coefficients(self.appearance.identity))
        self.pieces = list(model.speech.windows(recording, model.config.motion.window_frames))
        self.emotion = model.emotion(voice).softmax(-1)
        assert_close_to_reference(self.appearance.identity, case, "out.s_r")
        assert_close_to_reference(self.reference, case, "out.r_s")
        assert_close_to_reference(torch.cat(self.pieces, dim=1), case, "out.wa")
        assert_close_to_reference(self.emotion, case, "out.we")

    def motion(
        self, options: SampleOptions, noise: Callable[[int], Tensor], emotion: Tensor | None = None
    ) -> Tensor:
        """The whole clip's motion; as many samples of it as the noise has."""
        batch = len(noise(0))
        windows = sample_motion(
            self.field,
            [piece.expand(batch, -1, -1) for piece in self.pieces],
            reference=self.reference.expand(batch, -1),
            emotion=(self.emotion if emotion is None else emotion).expand(batch, -1),
            options=options,
            seeds=[0] * batch,
            noise=noise,
        )
        return torch.cat(list(windows), dim=1)


def compare_default(clip: Clip, case: Case) -> Tensor:
    """Both cases with the default options as one batch, and all states of its first window."""
    states: list[Tensor] = []

    def noise(window: int) -> Tensor:
        # With a fixed seed the release starts every window from the same noise.
        return torch.cat([case.input(f"in.x0.chunk{window}"), case.input("in.x0.torchseed15")])

    def keep(_: Module, given: tuple[Tensor]) -> None:
        # Past frames are embedded too, once for each window.
        if given[0].shape[1] == clip.field.config.window_frames:
            states.append(given[0][:1])

    # Euler asks for the velocity at each of its states, so what is embedded is the trajectory.
    hook = clip.field.embed_motion.register_forward_pre_hook(keep)
    motion = clip.motion(RELEASED, noise)
    hook.remove()
    walked = torch.stack([*states[: RELEASED.nfe], motion[:1, : states[0].shape[1]]])
    assert_close_to_reference(walked, case, "out.traj0")
    assert_close_to_reference(motion[:1], case, "out.sample_pred")
    # This case states no rounding noise of its own; it differs in its start alone.
    tolerance = 20 * case.tensors["out.sample_pred"]["fp64_maxabs"] + 1e-6
    assert_close_to_reference(motion[1:], case, "out.sample_torchseed15", tolerance=tolerance)
    return motion[:1]


def compare_variants(clip: Clip, case: Case) -> None:
    """Other scales, emotions, solvers and numbers of evaluations."""
    happy = torch.eye(len(EMOTIONS))[EMOTIONS.index("happy")][None]
    variants = {
        "happy": (SampleOptions(nfe=9, emotion_scale=1.5), happy),
        "nocfg": (SampleOptions(nfe=9, audio_scale=1.0), None),
        "nfe5": (SampleOptions(nfe=4), None),
        "midpoint": (SampleOptions(nfe=18, solver="midpoint"), None),
    }
    for name, (options, emotion) in variants.items():
        if (key := f"out.sample_{name}") in case.outputs():
            motion = clip.motion(options, lambda w: case.input(f"in.x0.chunk{w}"), emotion)
            assert_close_to_reference(motion, case, key)


def compare_frames(model: FloatModel, clip: Clip, case: Case, motion: Tensor) -> None:
    keys = [key for key in case.outputs() if key.startswith("out.frame_t")]
    for number in sorted({int(key.removeprefix("out.frame_t").split(".")[0]) for key in keys}):
        latent = clip.appearance.identity + motion[:, number]
        frame = model.autoencoder.decode(latent, clip.appearance.features)
        for key in keys:
            if key.split(".")[1] == f"frame_t{number}":
                assert_close_to_reference(frame, case, key)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # the full size is about 5e12 operations, on however few cores
@pytest.mark.parametrize("case", cases("sample"), indirect=True)
def test_every_output_from_picture_and_voice_to_frames_equals_the_reference(case: Case) -> None:
    model = model_of(case)
    with torch.inference_mode():
        clip = Clip(model, case)
        motion = compare_default(clip, case)
        compare_variants(clip, case)
        compare_frames(model, clip, case, motion)
    assert case.uncompared() == []
