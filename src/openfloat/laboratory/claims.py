"""What the paper claims that no ablation here can answer, and why."""

from typing import NamedTuple


class Untested(NamedTuple):
    """One of the paper's statements."""

    says: str
    why: str


UNTESTED = (
    Untested(
        "FID 21.10, FVD 162.1, CSIM 0.843, E-FID 1.229, P-FID 0.032, LSE-D 7.290, LSE-C 8.222 on "
        "HDTF; 31.68, 166.4, 0.810, 1.367, 0.031, 6.994, 5.730 on RAVDESS",
        "neither the networks of these metrics nor HDTF and RAVDESS are ours to use here; "
        "`openfloat evaluate videos` computes them where their files are at hand",
    ),
    Untested(
        "better than SadTalker, EDTalk, AniTalker, Hallo and EchoMimic",
        "needs their weights and the same two data sets",
    ),
    Untested(
        "41.4 frames per second on a V100",
        "no V100 here; docs/performance.md has what was measured instead",
    ),
)
