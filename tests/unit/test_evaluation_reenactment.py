"""Agreement of a reenacted clip with its driving video, on curves drawn by hand."""

import numpy as np
import pytest

from openfloat.evaluation.reenactment import FOLLOWED, _figure, agreements, reenactment_table

WAVE = np.sin(np.linspace(0, 20, 100))


def test_agreement_is_pearsons_r_over_the_frames_that_both_have() -> None:
    driving = {"yaw": 5 * WAVE, "pitch": 3 * WAVE, "aperture": 0.1 * WAVE}
    made = {"yaw": 2 * WAVE[:80] + 7, "pitch": -WAVE, "aperture": 0 * WAVE}
    found = agreements(driving, made)
    assert found["yaw"]["r"] == pytest.approx(1)
    assert found["pitch"]["r"] == pytest.approx(-1)
    assert found["aperture"]["r"] == 0, "lips that stand still follow nothing"
    assert found["yaw"]["driving"] == pytest.approx(5 * WAVE[:80].std())
    assert found["yaw"]["made"] == pytest.approx(2 * WAVE[:80].std())


def test_a_clip_that_does_not_move_says_nothing() -> None:
    def row(moves: float, r: float) -> dict[str, dict[str, float]]:
        return {name: {"r": r, "driving": moves, "made": 1.0} for name in FOLLOWED}

    rows = [{"clip": "a", **row(5.0, 0.9)}, {"clip": "b", **row(0.01, 0.1)}]
    figures = {name: _figure(rows, name) for name in FOLLOWED}
    assert figures["yaw"] == {
        "r": 0.9, "clips": 1, "of": 2, "goal": {"wanted": "at least 0.8", "holds": True}
    }  # fmt: skip
    assert _figure(rows[1:], "pitch")["r"] is None
    shown = reenactment_table({"rows": rows, "figures": figures})
    assert "yaw: r 0.90, median of 1 of 2 clips that move, wanted at least 0.8: yes" in shown
