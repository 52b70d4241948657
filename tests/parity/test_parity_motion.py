"""The vector field and its guidance against the released ones, on seeded weights."""

import re

import pytest
import torch
from recipe import Case, assert_close_to_reference, cases, recipe_weights
from torch import Tensor

from openfloat.config import FPS, VectorFieldConfig
from openfloat.flow.guidance import guide
from openfloat.models.codes import position_code, time_code
from openfloat.models.transformer import VectorField, band_mask
from openfloat.weights.official_motion import motion_names
from openfloat.weights.store import load_into

INPUTS = ("x", "wa", "wr", "we", "prev_x", "prev_wa")
SCALES = {"x": 1.0, "wa": 0.5, "prev_x": 1.0, "prev_wa": 0.5}
"""Of inputs that are stored in part and drawn again here."""


def config_of(case: Case) -> VectorFieldConfig:
    options, paper = case.options, VectorFieldConfig()
    return VectorFieldConfig(
        hidden_dim=options.get("dim_h", paper.hidden_dim),
        depth=options.get("fmt_depth", paper.depth),
        num_heads=options.get("num_heads", paper.num_heads),
        mlp_ratio=options.get("mlp_ratio", paper.mlp_ratio),
        attention_radius=options.get("attention_window", paper.attention_radius),
        window_frames=round(options.get("wav2vec_sec", 2) * FPS),
        past_frames=options.get("num_prev_frames", paper.past_frames),
    )


def field_of(case: Case) -> VectorField:
    """Ours with the case's weights, named as in a released file."""
    config = config_of(case)
    with torch.device("meta"):
        field = VectorField(config)
    shapes = {f"motion.{name}": tensor.shape for name, tensor in field.state_dict().items()}
    wanted = {theirs: ours for theirs, ours in motion_names(config).items() if ours}
    drawn = case.weights({theirs: shapes[ours] for theirs, ours in wanted.items()})
    load_into(field, {wanted[name].removeprefix("motion."): drawn[name] for name in wanted})
    return field


def inputs_of(case: Case, prefix: str = "") -> dict[str, Tensor]:
    """Inputs by their released names; those stored in part are drawn again and checked."""
    given = {}
    for name in INPUTS:
        key = f"in.{prefix}{name}"
        if key in case.stored:
            given[name] = case.input(key)
            continue
        shape = case.tensors[key]["shape"]
        drawn = recipe_weights().normal(case.seed, f"input:{prefix}{name}", shape, SCALES[name])
        given[name] = torch.from_numpy(drawn)
        part = given[name].flatten()[:: case.tensors[key]["stride"]]
        assert torch.equal(part, case.stored[f"{key}@sub"])
    return given


def velocity(
    field: VectorField, given: dict[str, Tensor], t: Tensor, *, audio: float = 1, emotion: float = 1
) -> Tensor:
    """All positions, with conditions kept (1) or dropped (0)."""
    return field(
        given["x"],
        t,
        past=given["prev_x"],
        past_speech=given["prev_wa"],
        reference=given["wr"],
        speech=audio * given["wa"],
        emotion=emotion * given["we"][:, 0],
    )


def compare_at(field: VectorField, case: Case, given: dict[str, Tensor], end: str) -> None:
    """The outputs of one flow time, `t1` or without a past `zero_t1`: plain, then guided."""
    t = case.input("in.t")[int(end[-1])][None]
    if end.startswith("zero"):
        zeros = {name: torch.zeros_like(given[name]) for name in ("prev_x", "prev_wa")}
        given = {**given, **zeros}
    branches = [
        velocity(field, given, t, audio=audio, emotion=emotion)
        for audio, emotion in ((0, 0), (1, 0), (1, 1))
    ]
    assert_close_to_reference(branches[-1], case, f"out.fwd_{end}")
    for number, (audio, _reference, emotion) in enumerate(case.facts["scales_a_r_e"]):
        if (key := f"out.cfv{number}_{end}") in case.outputs():
            assert_close_to_reference(guide(branches, (audio, emotion)), case, key)


@pytest.mark.slow
@pytest.mark.parametrize("case", cases("fmt"), indirect=True)
def test_every_output_of_the_vector_field_equals_the_reference(case: Case) -> None:
    field, given = field_of(case), inputs_of(case)
    with torch.inference_mode():
        for number in range(len(case.input("in.t"))):
            compare_at(field, case, given, f"t{number}")
            compare_at(field, case, given, f"zero_t{number}")
        both = velocity(field, inputs_of(case, "b2."), case.input("in.t")[:2])
        assert_close_to_reference(both, case, "out.fwd_batch2")
    compare_tables(field.config, case)
    assert case.uncompared() == []


def compare_tables(config: VectorFieldConfig, case: Case) -> None:
    """What is fixed before any weight is read."""
    forbidden = ~band_mask(config.total_frames, config.attention_radius)
    assert_close_to_reference(forbidden.byte(), case, "out.alignment_mask")
    positions = position_code(config.total_frames, config.hidden_dim)
    # The release computes the table in float32, ours in float64: 59 radians, rounded.
    assert_close_to_reference(
        positions, case, "out.pos_embed_at_construction", tolerance=59 * 2**-23
    )
    code = time_code(case.input("in.t"))
    assert_close_to_reference(code, case, "out.timestep_embedding", tolerance=2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("case", cases("fmt"), indirect=True)
def test_the_first_past_frame_reaches_as_far_as_in_the_release(case: Case) -> None:
    """The release notes which frames change with the first past frame."""
    (note,) = [note for note in case.notes if "prev_x[0]" in note]
    reached = [int(number) for number in re.findall(r"\d+", note.split(":")[1])]
    field, given = field_of(case), inputs_of(case)
    past = given["prev_x"].clone()
    past[:, 0] += 1
    with torch.inference_mode():
        t = case.input("in.t")[1:2]
        change = velocity(field, {**given, "prev_x": past}, t) - velocity(field, given, t)
    assert torch.nonzero(change[0].abs().amax(-1)).flatten().tolist() == reached
