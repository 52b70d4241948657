"""Motion values, their files and their edits, against closed forms."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from openfloat import __version__
from openfloat.config import ModelConfig
from openfloat.errors import BadInput
from openfloat.motion import edits
from openfloat.motion.file import FORMAT, MOST_BYTES, load_motion, save_motion
from openfloat.motion.value import MOST_FRAMES, Motion
from openfloat.reenactment.show import check_fits

NAMES = ("yaw", "jaw_open", "blink")
WORDS = {
    "format": FORMAT,
    "fps": "25",
    "controls": json.dumps(NAMES),
    "model": "openfloat-256",
    "source": "a test",
    "openfloat": __version__,
}


def motion_of(coefficients: Tensor, *, names: tuple[str, ...] = NAMES) -> Motion:
    return Motion(coefficients=coefficients, controls=names, model="openfloat-256")


def ramp(frames: int, start: float = 0.0) -> Motion:
    """Rises by 1 a frame, the second control twice as fast; the third stands still."""
    times = torch.arange(frames) + start
    return motion_of(torch.stack([times, 2 * times, torch.full_like(times, 5)], dim=1))


class TestValue:
    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"coefficients": torch.zeros(0, 3)}, "shape"),
            ({"coefficients": torch.zeros(3)}, "shape"),
            ({"coefficients": torch.zeros(2, 2000)}, "shape"),
            ({"coefficients": torch.empty(MOST_FRAMES + 1, 1).expand(-1, 3)}, "shape"),
            ({"coefficients": torch.zeros(2, 3, dtype=torch.float64)}, "float64"),
            ({"coefficients": torch.full((2, 3), torch.nan)}, "not finite"),
            ({"reference": torch.zeros(2)}, "reference"),
            ({"reference": torch.full((3,), torch.inf)}, "not finite"),
            ({"controls": ("yaw",)}, "1 names for 3"),
            ({"controls": ("yaw", "yaw", "blink")}, "same name"),
            ({"source": "a\nb"}, "printed"),
            ({"model": "m" * 1001}, "longer"),
        ],
    )
    def test_nonsense_is_refused(self, changed: dict[str, object], words: str) -> None:
        usual = {"coefficients": torch.zeros(2, 3), "controls": NAMES}
        with pytest.raises(BadInput, match=words):
            Motion(**(usual | changed))  # type: ignore[arg-type]

    def test_on_a_portrait_its_difference_to_the_reference_counts(self) -> None:
        motion = ramp(4)
        rest = torch.tensor([1.0, -1.0, 0.0])
        shown = motion.shown_from(rest)
        torch.testing.assert_close(shown.coefficients[0], rest)
        torch.testing.assert_close(shown.coefficients - rest, motion.coefficients - motion.start)
        assert torch.equal(shown.start, rest)
        kept = motion.shown_from(rest, [0, 2]).coefficients
        assert torch.equal(kept[:, [0, 2]], motion.coefficients[:, [0, 2]])
        torch.testing.assert_close(kept[0, 1], rest[1])


class TestFile:
    @pytest.mark.parametrize("reference", [None, torch.tensor([0.5, -1.0, 2.0])])
    @pytest.mark.parametrize("names", [NAMES, ()])
    def test_what_was_saved_comes_back(
        self, tmp_path: Path, reference: Tensor | None, names: tuple[str, ...]
    ) -> None:
        motion = Motion(
            coefficients=torch.randn(7, 3),
            reference=reference,
            controls=names,
            model="tiny",
            source="read off 'Ä clip'.mp4",
            measured=bool(names),
        )
        path = save_motion(tmp_path / "a.safetensors", motion)
        again = load_motion(path)
        assert torch.equal(again.coefficients, motion.coefficients)
        assert (again.reference is None) == (reference is None)
        if reference is not None:
            assert again.reference is not None
            assert torch.equal(again.reference, reference)
        assert (again.controls, again.model, again.source) == (names, "tiny", motion.source)
        assert again.measured == bool(names)
        assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]

    def test_part_of_a_larger_tensor_is_saved_alone(self, tmp_path: Path) -> None:
        path = save_motion(tmp_path / "a.safetensors", edits.cut(ramp(100), 3, 5))
        assert path.stat().st_size < 1000
        assert torch.equal(load_motion(path).coefficients, ramp(100).coefficients[3:5])

    @pytest.mark.parametrize(
        ("name", "words"),
        [("a.mp4", "must end in"), ("a", "must end in"), ("no/a.safetensors", "no such folder")],
    )
    def test_a_wrong_name_is_refused(self, tmp_path: Path, name: str, words: str) -> None:
        with pytest.raises(BadInput, match=words):
            save_motion(tmp_path / name, ramp(2))
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize(
        ("tensors", "words", "said"),
        [
            ({"coefficients": torch.zeros(2, 3)}, {"format": "other"}, "format"),
            ({"coefficients": torch.zeros(2, 3)}, {"fps": "30"}, "25 frames"),
            ({"coefficients": torch.zeros(2, 3)}, {"controls": "[1, 2, 3]"}, "names"),
            ({"coefficients": torch.zeros(2, 3)}, {"controls": '["a"'}, "names"),
            ({"coefficients": torch.zeros(2, 3)}, {"controls": "[" * 5000}, "names"),
            ({"coefficients": torch.zeros(2, 3)}, {"controls": '["a"]'}, "1 names for 3"),
            ({"coefficients": torch.zeros(2, 3)}, {"source": "x" * 70_000}, "letters"),
            ({"coefficients": torch.zeros(2, 3)}, {"source": "\x1b[31m"}, "printed"),
            ({"coefficients": torch.zeros(2, 3).double()}, {}, "F64"),
            ({"coefficients": torch.zeros(2, 3).half()}, {}, "F16"),
            ({"coefficients": torch.zeros(3)}, {}, "shape"),
            ({"coefficients": torch.zeros(0, 3)}, {}, "shape"),
            ({"coefficients": torch.zeros(1, 4000)}, {}, "shape"),
            ({"coefficients": torch.full((2, 3), torch.inf)}, {}, "not finite"),
            (
                {"coefficients": torch.zeros(2, 3), "reference": torch.zeros(4)},
                {},
                "reference of shape",
            ),
            ({"coefficients": torch.zeros(2, 3), "more": torch.zeros(4)}, {}, "no more"),
            ({"reference": torch.zeros(3)}, {}, "does not hold coefficients"),
        ],
    )
    def test_a_file_that_holds_something_else_is_refused(
        self, tmp_path: Path, tensors: dict[str, Tensor], words: dict[str, str], said: str
    ) -> None:
        path = tmp_path / "a.safetensors"
        save_file(tensors, path, metadata=WORDS | words)
        with pytest.raises(BadInput, match=said) as refusal:
            load_motion(path)
        assert str(path) in str(refusal.value)
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda _: b"",
            lambda _: b"hello, this is text",
            lambda good: good[:-5],
            lambda good: good[:40],
            lambda good: (2**62).to_bytes(8, "little") + good[8:],
        ],
        ids=["empty", "text", "cut short", "cut in its header", "a huge header"],
    )
    def test_a_damaged_file_is_refused(
        self, tmp_path: Path, spoil: Callable[[bytes], bytes]
    ) -> None:
        path = save_motion(tmp_path / "a.safetensors", ramp(9))
        path.write_bytes(spoil(path.read_bytes()))
        with pytest.raises(BadInput, match="no motion file"):
            load_motion(path)

    def test_a_missing_or_endless_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="no such file"):
            load_motion(tmp_path / "a.safetensors")
        huge = tmp_path / "huge.safetensors"
        with huge.open("wb") as file:
            file.truncate(MOST_BYTES + 1)  # takes no room on the disk
        with pytest.raises(BadInput, match="MiB"):
            load_motion(huge)

    def test_a_plain_safetensors_file_is_refused(self, tmp_path: Path) -> None:
        save_file({"coefficients": torch.zeros(2, 3)}, tmp_path / "a.safetensors")
        with pytest.raises(BadInput, match="format"):
            load_motion(tmp_path / "a.safetensors")


class TestEdits:
    def test_cuts_joined_again_are_the_whole(self) -> None:
        whole = motion_of(torch.randn(20, 3))
        parts = [edits.cut(whole, *ends) for ends in ((0, 7), (7, 8), (8, 20))]
        assert torch.equal(edits.concatenate(parts).coefficients, whole.coefficients)

    @pytest.mark.parametrize("ends", [(-1, 3), (3, 3), (0, 21), (5, 2)])
    def test_a_cut_beyond_the_ends_is_refused(self, ends: tuple[int, int]) -> None:
        with pytest.raises(BadInput, match="not within"):
            edits.cut(ramp(20), *ends)

    def test_a_cross_fade_between_levels_is_a_straight_line(self) -> None:
        low, high = (motion_of(torch.full((10, 3), level)) for level in (0.0, 5.0))
        joined = edits.concatenate([low, high], fade=4).coefficients
        assert len(joined) == 16
        torch.testing.assert_close(joined[5:11, 0], torch.arange(6.0))
        assert torch.equal(joined[:6], low.coefficients[:6])
        assert torch.equal(joined[10:], high.coefficients[:6])

    def test_joining_keeps_only_a_common_reference(self) -> None:
        own, other = torch.zeros(3), torch.ones(3)
        a, b, c = (
            Motion(coefficients=torch.zeros(4, 3), reference=at, controls=NAMES, source=word)
            for at, word in ((own, "a"), (own, "b"), (other, "c"))
        )
        same = edits.concatenate([a, b])
        assert same.reference is not None
        assert same.reference.equal(own)
        assert same.source == "a + b"
        assert edits.concatenate([a, c]).reference is None

    def test_motions_that_differ_in_kind_are_not_mixed(self) -> None:
        other = motion_of(torch.zeros(4, 3), names=("x", "y", "scale"))
        unnamed = motion_of(torch.zeros(4, 3), names=())
        foreign = Motion(coefficients=torch.zeros(4, 3), model="another")
        for first, second in ((ramp(4), other), (ramp(4), unnamed), (unnamed, foreign)):
            with pytest.raises(BadInput):
                edits.concatenate([first, second])
            with pytest.raises(BadInput):
                edits.blend(first, second, 0.5)
        with pytest.raises(BadInput, match="no motion"):
            edits.concatenate([])
        with pytest.raises(BadInput, match="fade of 9"):
            edits.concatenate([ramp(8), ramp(20)], fade=9)

    @pytest.mark.parametrize("frames", [1, 30, 40, 41, 200])
    @pytest.mark.parametrize("fade", [0, 1, 10, 20])
    def test_a_loop_of_a_whole_wave_is_the_endless_wave(self, frames: int, fade: int) -> None:
        period = 40 - fade
        wave = torch.sin(2 * torch.pi * torch.arange(40) / period)[:, None].expand(-1, 3)
        looped = edits.loop(motion_of(wave.contiguous()), frames, fade).coefficients
        endless = torch.sin(2 * torch.pi * torch.arange(frames) / period)
        torch.testing.assert_close(looped[:, 1], endless, atol=1e-4, rtol=0)

    def test_a_loop_does_not_jump(self) -> None:
        looped = edits.loop(ramp(50), 400, 10).coefficients[:, 0]
        assert len(looped) == 400
        assert looped.diff().abs().max() < 50 / 10
        assert torch.equal(looped[:40], ramp(50).coefficients[:40, 0])

    @pytest.mark.parametrize(("frames", "fade"), [(0, 1), (10, 26), (10, -1), (10**9, 1)])
    def test_an_impossible_loop_is_refused(self, frames: int, fade: int) -> None:
        with pytest.raises(BadInput):
            edits.loop(ramp(50), frames, fade)

    def test_a_blend_mixes_all_or_by_name(self) -> None:
        a, b = motion_of(torch.randn(6, 3)), motion_of(torch.randn(6, 3))
        assert torch.equal(edits.blend(a, b, 0).coefficients, a.coefficients)
        torch.testing.assert_close(edits.blend(a, b, 1).coefficients, b.coefficients)
        half = edits.blend(a, b, {"jaw_open": 0.5, "blink": 1}).coefficients
        assert torch.equal(half[:, 0], a.coefficients[:, 0])
        torch.testing.assert_close(half[:, 1], (a.coefficients + b.coefficients)[:, 1] / 2)
        torch.testing.assert_close(half[:, 2], b.coefficients[:, 2])

    def test_lips_stay_measured_wherever_they_go(self) -> None:
        drawn, read = ramp(6), replace(ramp(6), measured=True)
        assert edits.cut(edits.loop(read, 9, 2), 1, 8).measured
        assert not edits.blend(read, drawn, {"jaw_open": 1.0}).measured
        assert edits.blend(drawn, read, {"jaw_open": 1.0}).measured
        assert edits.blend(read, drawn, {"yaw": 1.0}).measured
        with pytest.raises(BadInput, match="lips"):
            edits.concatenate([drawn, read])

    def test_a_blend_of_other_lengths_or_unknown_names_is_refused(self) -> None:
        with pytest.raises(BadInput, match="6 and 7 frames"):
            edits.blend(ramp(6), ramp(7), 0.5)
        with pytest.raises(BadInput, match="no control 'ears'"):
            edits.blend(ramp(6), ramp(6), {"ears": 1.0})
        unnamed = motion_of(torch.zeros(6, 3), names=())
        with pytest.raises(BadInput, match="no names"):
            edits.blend(unnamed, unnamed, {"yaw": 1.0})

    def test_smoothing_an_impulse_gives_the_bell_curve(self) -> None:
        impulse = torch.zeros(41, 3)
        impulse[20] = 1
        smoothed = edits.smooth(motion_of(impulse), 2.0, ["yaw", "blink"]).coefficients
        bell = torch.exp(-0.5 * ((torch.arange(41) - 20.0) / 2) ** 2)
        bell[(torch.arange(41) - 20).abs() > 6] = 0
        torch.testing.assert_close(smoothed[:, 0], bell / bell.sum())
        assert torch.equal(smoothed[:, 1], impulse[:, 1]), "only what was asked for"

    def test_smoothing_leaves_stillness_and_inner_ramps(self) -> None:
        smoothed = edits.smooth(ramp(40), 1.5).coefficients
        torch.testing.assert_close(smoothed[5:-5], ramp(40).coefficients[5:-5])
        assert torch.equal(edits.smooth(ramp(40), 0).coefficients, ramp(40).coefficients)
        with pytest.raises(BadInput, match="filter"):
            edits.smooth(ramp(40), -1.0)

    @pytest.mark.parametrize(("speed", "frames"), [(2.0, 20), (0.5, 80), (1.0, 40), (1.7, 24)])
    def test_a_ramp_played_faster_is_a_steeper_ramp(self, speed: float, frames: int) -> None:
        played = edits.retime(ramp(40), speed=speed).coefficients[:, 0]
        assert len(played) == frames
        expected = ((torch.arange(frames) + 0.5) * speed - 0.5).clamp(0, 39)
        torch.testing.assert_close(played, expected)

    def test_retiming_to_a_length_covers_the_whole(self) -> None:
        for frames in (1, 10, 40, 77):
            played = edits.retime(ramp(40), frames=frames)
            assert len(played) == frames
            mean = played.coefficients.mean(0)
            torch.testing.assert_close(mean, ramp(40).coefficients.mean(0))
        assert torch.equal(edits.retime(ramp(40), frames=40).coefficients, ramp(40).coefficients)

    @pytest.mark.parametrize(
        "how",
        [{}, {"speed": 1.0, "frames": 3}, {"speed": 0.0}, {"speed": 1e-9}, {"frames": 0},
         {"speed": float("nan")}, {"speed": -1.0}],
    )  # fmt: skip
    def test_an_impossible_retiming_is_refused(self, how: dict[str, float]) -> None:
        with pytest.raises(BadInput):
            edits.retime(ramp(40), **how)  # type: ignore[arg-type]

    def test_inputs_are_untouched(self) -> None:
        motion = motion_of(torch.randn(30, 3))
        before = motion.coefficients.clone()
        edits.loop(motion, 90, 5)
        edits.smooth(motion, 1.0)
        edits.retime(motion, speed=1.3)
        edits.concatenate([motion, motion], fade=3)
        motion.shown_from(torch.ones(3))
        assert torch.equal(motion.coefficients, before)


class TestFit:
    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"coefficients": torch.zeros(2, 3), "controls": NAMES}, "3 controls"),
            ({"controls": ()}, "other names"),
            ({"controls": tuple(f"c{k}" for k in range(20))}, "other names"),
        ],
    )
    def test_a_motion_of_other_controls_is_refused(
        self, changed: dict[str, object], words: str
    ) -> None:
        config = ModelConfig.openfloat_256()
        usual = {"coefficients": torch.zeros(2, 20), "controls": config.controls}
        check_fits(config, Motion(**usual))  # type: ignore[arg-type]
        with pytest.raises(BadInput, match=words):
            check_fits(config, Motion(**(usual | changed)))  # type: ignore[arg-type]

    def test_controls_without_names_fit_their_own_model_alone(self) -> None:
        config = ModelConfig.float_512()
        zeros = torch.zeros(2, config.autoencoder.num_directions)
        check_fits(config, Motion(coefficients=zeros, model=config.name))
        with pytest.raises(BadInput, match="another"):
            check_fits(config, Motion(coefficients=zeros, model="another"))
