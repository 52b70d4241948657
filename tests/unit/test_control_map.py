"""What a model needs to be told: maps in files, corrections, and names for nameless directions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from openfloat.config import ModelConfig
from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.control_map import (
    COLUMN,
    FILE,
    NOMINAL,
    SHUT,
    ControlMap,
    load_map,
    save_map,
)
from openfloat.editing.controls import edited
from openfloat.editing.editor import Editor
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.evaluation.calibrate import (
    FACTORS,
    LEAST_GAIN,
    MOST_GAIN,
    best_share,
    map_of,
    twist_of,
)
from openfloat.evaluation.calibrate_clip import fit, score
from openfloat.evaluation.face_measures import ASKABLE
from openfloat.models.basis import MotionBasis
from openfloat.options import MotionEdit, SampleOptions
from openfloat.weights.hub import resolve_model
from openfloat.weights.store import WEIGHTS, fingerprint


def test_a_map_comes_back_from_its_file(tmp_path: Path) -> None:
    made = replace(NOMINAL, r2=(0.5,) * len(NOMINAL.names), twist=(0.1, -0.05), fitted="by hand")
    assert load_map(tmp_path, 20) is None
    save_map(tmp_path, made)
    found = load_map(tmp_path, 20)
    assert found is not None
    np.testing.assert_allclose(found.rows, made.rows, rtol=1e-5)
    assert (found.names, found.r2, found.fitted) == (made.names, made.r2, made.fitted)
    assert found.twist == made.twist
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_a_map_of_other_weights_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    weights = tmp_path / WEIGHTS
    weights.write_bytes(bytes(range(256)) * 4096)
    save_map(tmp_path, replace(NOMINAL, weights=fingerprint(tmp_path)))
    assert load_map(tmp_path, 20) is not None
    changed = bytearray(weights.read_bytes())
    changed[1 :: 2**12] = bytes(256)
    weights.write_bytes(changed)
    assert load_map(tmp_path, 20) is None
    assert "of other weights" in caplog.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Expecting"),
        ('{"names": ["yaw"], "rows": [[1, 2]]}', "2 directions"),
        ('{"names": ["yaw"], "rows": [[1e9]]}', "larger than"),
        ('{"names": ["yaw"], "rows": [[NaN]]}', "not finite"),
        ('{"names": ["nose"], "rows": [[1]]}', "no control is called so"),
        ('{"names": ["yaw", "yaw"], "rows": [[1], [1]]}', "twice"),
        ('{"names": ["yaw"], "rows": [[1]], "code": "x"}', "code"),
        ('{"names": ["yaw"], "rows": [[1]], "twist": [1]}', "two numbers"),
        (" " * 2**21, "more than"),
        ("[" * 100_000, ""),
    ],
)
def test_a_map_that_is_none_is_refused_in_one_sentence(
    text: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadCheckpoint, match=FILE) as refused:
        load_map(tmp_path, 20)
    assert words in str(refused.value)


def seen_by(answers: dict[str, float], leaks: dict[str, float]) -> dict[float, list[dict]]:
    """Sweeps of five portraits by a decoder that shows so much of each control, up to 1.6.

    The third portrait answers thrice as much, the fourth not at all: neither may decide.
    """
    swept: dict[float, list[dict]] = {factor: [] for factor in FACTORS}
    for factor, rows in swept.items():
        for portrait in (1.0, 0.95, 3.0, 0.0, 1.05):
            pose = [portrait, portrait**2, -portrait]
            for control in ASKABLE:
                slope = min(1.6, portrait * factor * answers.get(control, 1.0))
                figures = {"slope": slope, "r2": 0.9, "leakage": 0.0, "seen": 1.0}
                lost = {name: factor * leaks.get(f"{control} {name}", 0.0) for name in ASKABLE}
                row = {"control": control, "pose": pose, "landmarks": {**figures, "leaks": lost}}
                rows.append(row | {"pictures": row["landmarks"]})
    return swept


def test_a_decoder_that_does_too_little_is_told_more() -> None:
    leaks = {"yaw roll": -0.2, "yaw pitch": 0.05, "mouth yaw": 0.5}
    answers = {"yaw": 0.8, "gaze_y": 0.1, "brows": 0.6, "blink": 0.9}
    found = map_of(seen_by(answers, leaks))
    assert found.gain("yaw") == pytest.approx(1 / 0.8)
    assert found.gain("brows_up") == found.gain("brows_down") == pytest.approx(1 / 0.6)
    assert found.gain("blink") == pytest.approx(SHUT / 0.9), "it counts from what shuts lids"
    assert found.gain("gaze_y") == pytest.approx(0.99 * max(FACTORS)), "never beyond what was tried"
    np.testing.assert_allclose(found.row("smile"), NOMINAL.row("smile"), rtol=1e-6)
    # a unit of yaw took a quarter of a unit of roll the other way: it is taken back
    row = found.row("yaw") * SCALES[INDEX["yaw"]]
    assert row[INDEX["roll"]] == pytest.approx(0.2 / 0.8)
    assert row[INDEX["pitch"]] == 0, "too little to be worth it"
    assert np.count_nonzero(found.row("mouth")) == 1, "lips are scaled, not added"
    assert set(found.r2) == {0.9}
    assert found.twist == (0, 0), "what all portraits leak has nothing to do with their pose"


def test_a_decoder_that_turns_about_the_wrong_axis_is_told_where_to_turn() -> None:
    """Yaw, then pitch, of a head: the decoder shows a roll that grows with both."""
    generator = np.random.default_rng(5)
    rows = []
    for pose in generator.normal(0, 1, (12, 3)):
        yaw, pitch, roll = pose
        leaks = {
            "yaw": {"roll": 0.11 * pitch, "yaw": 0.0},
            "pitch": {"roll": 0.11 * yaw + 0.02, "yaw": -0.06 * roll - 0.04},
            "roll": {"yaw": -0.06 * pitch, "roll": 0.0},
        }
        rows += [{"control": name, "pose": list(pose), "landmarks": {"leaks": lost}}
                 for name, lost in leaks.items()]  # fmt: skip
    twist = twist_of(rows)
    np.testing.assert_allclose(twist, (0.11, -0.06), rtol=1e-9)
    own = torch.randn(20)
    motion = own + torch.randn(7, 20)
    told = replace(NOMINAL, twist=twist).untwisted(motion, own)
    shown = told.clone()
    shown[:, 2] += 0.11 * (motion[:, 0] * motion[:, 1] - own[0] * own[1])
    shown[:, 0] += -0.06 * (motion[:, 2] * motion[:, 1] - own[2] * own[1])
    torch.testing.assert_close(shown, motion)
    still = own.expand(3, -1)
    assert torch.equal(replace(NOMINAL, twist=twist).untwisted(still, own), still)
    assert NOMINAL.untwisted(motion, own) is motion


def test_lids_that_go_no_further_are_asked_for_no_more() -> None:
    shares = np.array(FACTORS)
    curve = np.array([0.6, 0.78, 0.8, 0.81])
    assert best_share(shares, curve[None]) == pytest.approx(np.interp(0.99 * 0.81, curve, shares))
    assert best_share(shares, np.array([[1.2, 1.3, 1.4, 1.5]])) == FACTORS[0]
    unmeasured = np.array([[np.nan] * 4, [0.4, 0.5, 0.75, 1.25]])
    assert best_share(shares, unmeasured) == pytest.approx(2.0)
    folding = np.array([[0.78, 0.97, 0.9, 0.4]])
    assert best_share(shares, folding) == 1, "what is right stays as it is"


def test_the_embedded_model_brings_a_map_of_its_weights() -> None:
    folder = resolve_model("openfloat-256")
    found = load_map(folder, 20)
    assert found is not None, "run openfloat calibrate openfloat-256 whenever its weights change"
    assert found.names == NOMINAL.names
    for name in found.names:
        assert LEAST_GAIN <= found.gain(name) <= MOST_GAIN, name
        row = found.row(name) * SCALES / max(found.gain(name), 1)
        others = np.delete(row, INDEX[COLUMN.get(name, name)])
        assert (np.abs(others) < 0.5).all(), f"{name} is mostly something else"


def test_an_edit_asks_for_what_the_map_says() -> None:
    own = torch.randn(20)
    rows = np.array(NOMINAL.rows)
    yaw = NOMINAL.names.index("yaw")
    rows[yaw, INDEX["yaw"]] *= 1.25
    rows[yaw, INDEX["roll"]] = -0.01
    told = replace(NOMINAL, rows=tuple(map(tuple, rows.tolist())))
    made = edited(own[None], own, MotionEdit(yaw=8), told)[0] - own
    assert made[INDEX["yaw"]] == pytest.approx(1.25, abs=1e-5)
    assert made[INDEX["roll"]] == pytest.approx(-0.08, abs=1e-5)


def test_a_curve_is_the_option_at_each_moment() -> None:
    own, motion = torch.randn(20), torch.randn(60, 20)
    edit = MotionEdit(roll=3, curve=("yaw=0:0,2:8", "mouth=1:1,2:0"))
    whole = edited(motion, own, edit)
    for frame in (0, 13, 49, 59):
        still = MotionEdit(
            roll=3, yaw=min(8.0, 4 * frame / 25), mouth=max(0.0, min(1.0, 2 - frame / 25))
        )
        expected = edited(motion[frame : frame + 1], own, still)
        torch.testing.assert_close(whole[frame : frame + 1], expected, atol=1e-5, rtol=0)
    parts = [edited(motion[:7], own, edit), edited(motion[7:], own, edit, start=7)]
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(
    "text", ["yaw", "yaw=0", "nose=0:1", "yaw=0:99", "yaw=1:0,0:1", "yaw=0:0,nan:1", "yaw=0:1e400"]
)
def test_curves_of_any_other_form_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="curve"):
        MotionEdit(curve=(text,))


# What a nameless model's directions mix: four controls seen through a random invertible matrix.
MIXED = ("yaw", "pitch", "roll", "mouth")


def clip(frames: int = 400) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(4)
    controls = np.cumsum(generator.normal(0, 1, (frames, 4)), axis=0) % 17
    mixing = generator.normal(0, 1, (4, 20))
    return controls @ mixing + generator.normal(0, 0.02, (frames, 20)) + 3, controls


def fitted() -> ControlMap:
    reads, offsets, rows = fit(*clip())
    return ControlMap(
        names=MIXED,
        rows=tuple(map(tuple, rows.tolist())),
        reads=tuple(map(tuple, reads.tolist())),
        offsets=tuple(offsets.tolist()),
    )


def test_a_fit_moves_one_control_by_one_and_the_others_by_nothing() -> None:
    coefficients, controls = clip()
    reads, offsets, rows = fit(coefficients, controls)
    np.testing.assert_allclose(reads @ rows.T, np.eye(4), atol=1e-9)
    read = coefficients @ reads.T + offsets
    assert np.corrcoef(read[:, 1], controls[:, 1])[0, 1] > 0.98
    assert score(coefficients, controls[:, 2]) > 0.95
    noise = np.random.default_rng(1).normal(0, 1, len(coefficients))
    assert score(coefficients, noise) < 0.1
    assert score(coefficients, 0 * noise) == 0


def nameless(options: SampleOptions, control_map: ControlMap | None = None) -> Editor:
    config = replace(ModelConfig.tiny(), controls=(), name="nameless")
    torch.manual_seed(0)
    own = torch.from_numpy(clip()[0][:1]).float()
    return Editor(config, MotionBasis(32, 20).eval(), own, options, control_map)


def test_named_edits_work_through_a_fitted_map() -> None:
    told = fitted()
    motion = torch.from_numpy(clip()[0][10:40]).float()
    reads = torch.tensor(told.reads)
    before = motion @ reads.T
    made = nameless(SampleOptions(edit=MotionEdit(yaw=10)), told)(motion, 0) @ reads.T - before
    torch.testing.assert_close(made, torch.tensor([10.0, 0, 0, 0]).expand(30, 4), atol=1e-2, rtol=0)
    own = torch.from_numpy(clip()[0][:1]).float() @ reads.T
    still = nameless(SampleOptions(edit=MotionEdit(head=0)), told)(motion, 0) @ reads.T
    torch.testing.assert_close(still[:, :3], own[:, :3].expand(30, 3), atol=1e-2, rtol=0)
    torch.testing.assert_close(still[:, 3], before[:, 3], atol=1e-2, rtol=0)
    lips = nameless(SampleOptions(edit=MotionEdit(region="lips")), told)(motion, 0) @ reads.T
    torch.testing.assert_close(lips[:, :3], own[:, :3].expand(30, 3), atol=1e-2, rtol=0)
    torch.testing.assert_close(lips[:, 3], before[:, 3], atol=1e-2, rtol=0)
    assert torch.equal(nameless(SampleOptions(), told)(motion, 0), motion), "nothing asked"


def test_what_the_map_does_not_know_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="knows no smile"):
        nameless(SampleOptions(edit=MotionEdit(smile=1)), fitted())
    with pytest.raises(BadInput, match="knows no blink"):
        nameless(SampleOptions(blink="20"), fitted())
    with pytest.raises(BadInput, match="have no names"):
        nameless(SampleOptions(edit=MotionEdit(yaw=1)))
