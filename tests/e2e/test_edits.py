"""What users ask of motion over time, of the embedded model and of one with nameless directions."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from openfloat import FloatPipeline, Portrait, SampleOptions
from openfloat.audio.io import load_audio
from openfloat.config import FPS, ModelConfig
from openfloat.data.controls import INDEX
from openfloat.editing.controls import HEAD, LIPS
from openfloat.editing.mood_curves import BLEND_S
from openfloat.editing.steadying import reach_of
from openfloat.errors import BadInput
from openfloat.models.model import FloatModel
from openfloat.options import MotionEdit

DEMO = Path(__file__).parents[2] / "src" / "openfloat" / "assets" / "demo"
EYES = ("blink", "squint", "gaze_x", "gaze_y")
CHANGED: dict[str, object] = {
    "head": 0.5, "mouth": 1.5, "yaw": 5.0, "pitch": -4.0, "roll": 3.0, "smile": 0.5,
    "brows": -0.5, "gaze_x": 0.4, "gaze_y": 0.0, "region": "face", "edit": ("7:+1",),
    "curve": ("yaw=0:0,1:9",),
}  # fmt: skip
"""For every field of MotionEdit a value that is not its default."""


@pytest.fixture(scope="module")
def pipeline() -> FloatPipeline:
    return FloatPipeline.from_pretrained("openfloat-256")


@pytest.fixture(scope="module")
def face(pipeline: FloatPipeline) -> Portrait:
    return pipeline.encode(DEMO / "portrait.jpg")


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    return load_audio(DEMO / "speech.wav")[:80_000]


@pytest.fixture(scope="module")
def nameless() -> FloatPipeline:
    """As the paper's model: tokens are motion latents, and directions have no names."""
    torch.manual_seed(0)
    tiny = ModelConfig.tiny()
    motion = replace(tiny.motion, motion_dim=tiny.autoencoder.latent_dim)
    config = replace(tiny, controls=(), motion_space="latent", motion=motion)
    return FloatPipeline(FloatModel(config), config, torch.device("cpu"))


def drawn(pipeline: FloatPipeline, face: Portrait, sound: np.ndarray, **options: object) -> Tensor:
    """(t, m) motion of a short draw."""
    asked = SampleOptions(nfe=4, **options)  # type: ignore[arg-type]
    return torch.cat(list(pipeline.motion(face, sound, asked)))


def columns(*names: str) -> list[int]:
    return [INDEX[name] for name in names]


def roughness(motion: Tensor) -> Tensor:
    """(t - 2,) size of the acceleration in each frame."""
    return motion.diff(n=2, dim=0).norm(dim=1)


def test_a_schedule_changes_the_face_where_it_says_without_a_jump(
    pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    moment = 3.0
    schedule = drawn(
        pipeline, face, sound, emotion=f"0-{moment}:neutral,{moment}-:happy", blink="off"
    )
    neutral = drawn(pipeline, face, sound, emotion="neutral", blink="off")
    turn, blend = round(moment * FPS), round(BLEND_S * FPS)
    difference = (schedule - neutral).norm(dim=1)
    window = pipeline.config.motion.window_frames
    before = turn // window * window
    reach = reach_of(SampleOptions().steady)
    assert difference[: before - reach].max() == 0, "windows before know nothing of the change"
    assert difference[turn + blend :].mean() > 3 * difference[before : turn - blend].mean()
    smile = (schedule - neutral)[turn + blend :, INDEX["smile"]]
    assert smile.mean() > 0.1, "happy raises the corners of the mouth"
    rough = roughness(schedule)
    assert rough[turn - blend : turn + blend].max() <= 1.5 * roughness(neutral).max()
    assert rough[turn - blend : turn + blend].mean() <= 1.5 * rough.mean()


def test_lips_alone_leave_head_and_eyes_still(
    pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    usual = drawn(pipeline, face, sound)
    lips = drawn(pipeline, face, sound, edit=MotionEdit(region="lips"))
    still = columns(*HEAD, *EYES)
    assert (usual[:, still].std(dim=0) > 0.02).all(), "otherwise there is nothing to hold still"
    assert (lips[:, still].std(dim=0) <= 0.05 * usual[:, still].std(dim=0)).all()
    for column in columns(*LIPS):
        pair = torch.stack([usual[:, column], lips[:, column]])
        assert torch.corrcoef(pair)[0, 1] > 0.95


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(MotionEdit)])
def test_every_edit_changes_the_motion(
    name: str, pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    assert name in CHANGED, f"{name} is new: give a value of it that must change the motion"
    edit = MotionEdit(**{name: CHANGED[name]})  # type: ignore[arg-type]
    usual = drawn(pipeline, face, sound[:16_000])
    changed = drawn(pipeline, face, sound[:16_000], edit=edit)
    assert (usual - changed).abs().max() > 0.05


@pytest.mark.parametrize(
    "option",
    [
        {"emotion": "angry"}, {"emotion": "sad:0.5,fear:0.5"}, {"emotion": "0-1:fear,1-:sad"},
        {"emotion": "photo", "emotion_scale": 3.0}, {"emotion_window": 1.0, "emotion_scale": 3.0},
        {"blink": "off"}, {"blink": "60"}, {"blink": "drawn"}, {"steady": 0.0}, {"steady": 4.0},
        {"hush": 0.0},
    ],
    ids=str,
)  # fmt: skip
def test_every_emotion_blink_and_steadiness_changes_the_motion(
    option: dict[str, object], pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    usual = drawn(pipeline, face, sound)
    assert (usual - drawn(pipeline, face, sound, **option)).abs().max() > 0.05


@pytest.mark.parametrize(
    "nothing",
    [MotionEdit(head=1, yaw=-0.0), MotionEdit(edit=("6:+0",)), MotionEdit(edit=("3:+2", "3:-2"))],
    ids=str,
)
def test_a_zero_edit_is_no_edit_to_the_last_bit(
    nothing: MotionEdit, pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    usual = drawn(pipeline, face, sound[:16_000])
    assert torch.equal(usual, drawn(pipeline, face, sound[:16_000], edit=nothing))


def test_an_edit_of_one_control_leaves_the_others_to_the_last_bit(
    pipeline: FloatPipeline, face: Portrait, sound: np.ndarray
) -> None:
    usual = drawn(pipeline, face, sound[:16_000])
    turned = drawn(pipeline, face, sound[:16_000], edit=MotionEdit(yaw=7))
    others = [column for column in range(20) if column != INDEX["yaw"]]
    assert torch.equal(usual[:, others], turned[:, others])


@pytest.mark.parametrize("name", sorted(set(CHANGED) - {"edit"}))
def test_nameless_directions_refuse_names_in_one_sentence(
    name: str, nameless: FloatPipeline, sound: np.ndarray
) -> None:
    edit = MotionEdit(**{name: CHANGED[name]})  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="have no names") as refused:
        drawn(nameless, nameless.encode(DEMO / "portrait.jpg"), sound[:8000], edit=edit)
    assert "\n" not in str(refused.value)
    assert "--edit NUMBER:AMOUNT" in str(refused.value)


def test_what_a_photo_shows_takes_named_directions(
    nameless: FloatPipeline, sound: np.ndarray
) -> None:
    with pytest.raises(BadInput, match="cannot tell what a photo shows"):
        drawn(nameless, nameless.encode(DEMO / "portrait.jpg"), sound[:8000], emotion="photo")


def test_nameless_directions_move_by_number(nameless: FloatPipeline, sound: np.ndarray) -> None:
    face = nameless.encode(DEMO / "portrait.jpg")
    usual = drawn(nameless, face, sound[:8000])
    moved = drawn(nameless, face, sound[:8000], edit=MotionEdit(edit=("4:+1.5", "0:-2")))
    expected = torch.zeros(len(usual), 20)
    expected[:, 4], expected[:, 0] = 1.5, -2
    found = nameless.model.autoencoder.basis.coefficients(moved - usual)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "edits", [{"edit": MotionEdit(yaw=6, head=0.5, smile=0.4, edit=("6:+1.5",))}, {"blink": "40"},
              {"edit": MotionEdit(region="lips")}],
)  # fmt: skip
def test_motion_drawn_once_can_be_edited_frame_by_frame(
    pipeline: FloatPipeline, face: Portrait, sound: np.ndarray, edits: dict[str, object]
) -> None:
    options = SampleOptions(nfe=2, **edits)  # type: ignore[arg-type]
    whole = torch.cat(list(pipeline.motion(face, sound[:40_000], options)))
    plain = replace(options, edit=MotionEdit(), blink="drawn")
    once = torch.cat(list(pipeline.motion(face, sound[:40_000], plain)))
    assert not torch.equal(whole, once)
    for frame in (0, 30, len(once) - 1):
        alone = pipeline.editor(face, options)(once[frame : frame + 1], frame)
        assert torch.equal(alone, whole[frame : frame + 1])
