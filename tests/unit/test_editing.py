"""Streams of motion, steadied and given lids."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from openfloat.audio.normalise import measure
from openfloat.data.controls import INDEX, SCALES
from openfloat.editing.controls import EYES, HEAD, LIPS, MOUTH, edited
from openfloat.editing.hush import FULL, REACH, REST, hush, quiet_share
from openfloat.editing.lids import BLINK, blink_curve, with_lids
from openfloat.editing.steadying import STEADIED, steady
from openfloat.evaluation.signals import acceleration, count_blinks
from openfloat.options import MotionEdit


def pieces(motion: Tensor, *lengths: int) -> list[Tensor]:
    return list(motion.split([*lengths, len(motion) - sum(lengths)]))


@pytest.mark.parametrize("lengths", [(), (1, 1, 1), (50,), (3, 40, 2)])
@pytest.mark.parametrize("frames", [60, 1, 5])
def test_pieces_do_not_matter_and_no_frame_is_lost(lengths: tuple[int, ...], frames: int) -> None:
    motion = torch.randn(frames, 20)
    lengths = tuple(itertools.takewhile(lambda _: frames > sum(lengths), lengths))
    whole = torch.cat(list(steady(iter([motion]), 1.5)))
    parts = torch.cat(list(steady(iter(pieces(motion, *lengths)), 1.5)))
    assert whole.shape == motion.shape
    torch.testing.assert_close(parts, whole)


def test_the_head_is_steadied_and_the_lips_are_left_alone() -> None:
    motion = torch.randn(200, 20)
    steadied = torch.cat(list(steady(iter([motion]), 1.5)))
    slow = [INDEX[name] for name in STEADIED]
    quick = [column for column in range(20) if column not in slow]
    assert torch.equal(steadied[:, quick], motion[:, quick])
    before, after = (acceleration(m[:, slow, None].double().numpy()) for m in (motion, steadied))
    assert after < 0.2 * before


def test_a_still_head_stays_where_it_is() -> None:
    motion = torch.randn(1, 20).expand(40, -1)
    torch.testing.assert_close(torch.cat(list(steady(iter([motion]), 2.0))), motion)


def test_no_deviation_changes_nothing() -> None:
    motion = torch.randn(9, 20)
    assert torch.equal(torch.cat(list(steady(iter([motion]), 0))), motion)


def test_natural_blinks_come_at_the_rate_of_people() -> None:
    rates = [count_blinks(blink_curve(0, 60 * 25, seed).astype(float)) for seed in range(12)]
    assert 8 <= np.median(rates) <= 25
    assert len(set(rates)) > 3, "the seed decides"


def test_lids_are_as_asked_for() -> None:
    motion = torch.randn(300, 20)
    own = 0.2

    def lids(kind: str, seed: int = 1) -> Tensor:
        made = torch.cat([
            with_lids(motion[start : start + 50], kind, own, start, seed)
            for start in range(0, 300, 50)
        ])  # fmt: skip
        others = [column for column in range(20) if column != BLINK]
        assert torch.equal(made[:, others], motion[:, others])
        return made[:, BLINK]

    assert torch.equal(lids("drawn"), motion[:, BLINK])
    assert (lids("off") == torch.tensor(own)).all()
    natural = lids("natural")
    assert natural.min() == torch.tensor(own)
    assert natural.max() > 0.8 / SCALES[BLINK]
    assert torch.equal(natural, lids("natural"))


def test_any_stretch_of_blinks_is_known_alone() -> None:
    whole = blink_curve(0, 4000, 3)
    parts = [blink_curve(start, 37, 3) for start in range(0, 4000, 37)]
    np.testing.assert_array_equal(np.concatenate(parts)[:4000], whole)
    assert whole.max() <= 1


def test_a_blink_ends_in_the_minute_after_it_began() -> None:
    borders = [blink_curve(60 * 25 - 1, 5, seed) for seed in range(300)]
    begun = [lids for lids in borders if lids[0] > 0.9]
    assert begun
    assert all(lids[1] > 0 for lids in begun)


def test_a_rate_of_blinks_is_kept() -> None:
    for rate in (0, 6, 30):
        counts = [count_blinks(blink_curve(0, 1500, s, rate).astype(float)) for s in range(20)]
        assert np.mean(counts) == pytest.approx(rate, rel=0.25)


def test_no_edit_changes_nothing() -> None:
    motion = torch.randn(30, 20)
    assert edited(motion, torch.randn(20), MotionEdit()) is motion


@pytest.mark.parametrize("region", ["lips", "head", "face", "eyes", "lip", "exp", "pose"])
def test_outside_of_its_region_everything_stays_as_in_the_portrait(region: str) -> None:
    motion, own = torch.randn(30, 20), torch.randn(20)
    made = edited(motion, own, MotionEdit(region=region))  # type: ignore[arg-type]
    face = [n for n in INDEX if n not in HEAD]
    moving = {
        "lips": MOUTH, "lip": MOUTH, "head": HEAD, "pose": HEAD, "face": face, "exp": face,
        "eyes": EYES,
    }[region]  # fmt: skip
    for name, column in INDEX.items():
        expected = motion[:, column] if name in moving else own[column].expand(30)
        torch.testing.assert_close(made[:, column], expected)


def test_amounts_scale_the_change_and_offsets_add_in_physical_units() -> None:
    motion, own = torch.randn(30, 20), torch.randn(20)
    own[INDEX["smile"]] = 0
    made = edited(motion, own, MotionEdit(head=0.5, mouth=2, yaw=8, smile=-0.3, gaze_x=0.4))
    yaw, jaw, gaze = INDEX["yaw"], INDEX["jaw_open"], INDEX["gaze_x"]
    torch.testing.assert_close(made[:, yaw], own[yaw] + 0.5 * (motion[:, yaw] - own[yaw]) + 1)
    torch.testing.assert_close(made[:, jaw], own[jaw] + 2 * (motion[:, jaw] - own[jaw]))
    assert (made[:, gaze] == 0.4 / SCALES[gaze]).all()
    down = INDEX["mouth_down"]
    torch.testing.assert_close(made[:, down], motion[:, down] + 0.3 / float(SCALES[down]))
    changed = {INDEX[n] for n in (*HEAD, *LIPS, "mouth_down", "gaze_x")}
    same = [column for column in range(20) if column not in changed]
    torch.testing.assert_close(made[:, same], motion[:, same])


def test_a_portraits_own_smile_goes_before_corners_are_pulled_down() -> None:
    own, smile, down = torch.zeros(20), INDEX["smile"], INDEX["mouth_down"]
    own[smile] = 0.6 / float(SCALES[smile])
    for asked, less, corners in ((-0.4, 0.4, 0.0), (-1.0, 0.6, 0.4)):
        made = edited(own[None], own, MotionEdit(smile=asked))[0] - own
        assert made[smile] * SCALES[smile] == pytest.approx(-less, abs=1e-3)
        assert made[down] * SCALES[down] == pytest.approx(corners, abs=1e-3)


def test_offsets_compose_and_invert() -> None:
    motion, own = torch.randn(30, 20), torch.randn(20)
    there = edited(motion, own, MotionEdit(yaw=5, pitch=-3, edit=("15:+2.5",)))
    back = edited(there, own, MotionEdit(yaw=-5, pitch=3, edit=("15:-2.5",)))
    torch.testing.assert_close(back, motion)
    twice = edited(edited(motion, own, MotionEdit(roll=2)), own, MotionEdit(roll=3))
    torch.testing.assert_close(twice, edited(motion, own, MotionEdit(roll=5)))


@pytest.mark.parametrize(
    "bad",
    [
        {"head": -1}, {"mouth": 9}, {"yaw": 90}, {"smile": 2}, {"gaze_x": -3}, {"region": "nose"},
        {"edit": ("20:+1",)}, {"edit": ("yaw",)}, {"edit": ("3:inf",)}, {"head": float("nan")},
    ],
)  # fmt: skip
def test_edits_out_of_range_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        MotionEdit(**bad)  # type: ignore[arg-type]


def said(*voiced: int, frames: int = 60, quiet: float = 1e-4) -> Tensor:
    """Samples (1, s) of a voice that is heard in the given frames alone."""
    levels = torch.full((frames,), quiet)
    levels[list(voiced)] = 0.1
    return (torch.randn(frames, 640) * levels[:, None]).reshape(1, -1)


def test_lips_rest_in_pauses_alone_and_open_before_a_word() -> None:
    levels = measure([said(*range(20, 40))])
    share = quiet_share(levels, levels.frames[0])
    assert (share[20 - FULL : 40 + FULL] == 0).all()
    assert (share[: 20 - REACH] == 1).all()
    assert (share[40 + REACH :] == 1).all()
    assert (share.diff().abs() < 0.25).all()  # neither shut nor opened at once
    motion = torch.randn(60, 20)
    calm = torch.cat(list(hush(iter(motion.split(7)), share)))
    lips = [INDEX[name] for name in LIPS]
    others = [k for k in range(20) if k not in lips]
    assert torch.equal(calm[:, others], motion[:, others])
    assert torch.equal(calm[20:40], motion[20:40])
    at_rest = torch.tensor([REST.get(name, 0.0) for name in LIPS])
    torch.testing.assert_close(calm[:12, lips], at_rest.expand(12, -1))
    assert torch.equal(torch.cat(list(hush(iter([motion]), 0 * share))), motion)


def test_a_noisy_room_is_not_taken_for_a_pause_nor_hiss_for_a_voice() -> None:
    noisy = measure([said(*range(20, 40), quiet=0.01)])
    assert (quiet_share(noisy, noisy.frames[0]) == 0).all()
    hiss = measure([said()])
    assert (quiet_share(hiss, hiss.frames[0]) == 1).all()
