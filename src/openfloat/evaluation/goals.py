"""What the embedded model is asked to reach, and the table that says whether it does."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure and the range that is good enough."""

    what: str
    low: float = float("-inf")
    high: float = float("inf")

    @property
    def wanted(self) -> str:
        """The range in words."""
        if self.low == float("-inf"):
            return f"at most {self.high:g}"
        if self.high == float("inf"):
            return f"at least {self.low:g}"
        return f"{self.low:g} to {self.high:g}"

    def judge(self, value: float | None) -> dict[str, Any]:
        """What is wanted, and whether a value is: None where there is none."""
        holds = None if value is None else self.low <= value <= self.high
        return {"wanted": self.wanted, "holds": holds}


GOALS = {
    "psnr": Goal("frames redrawn from the first, PSNR in dB", low=27),
    "ssim": Goal("the same, SSIM", low=0.88),
    "lip_r": Goal("generated lips follow the real ones, Pearson r", low=0.6),
    "lip_lag_frames": Goal("their lag in frames", low=-1, high=1),
    "silence_ratio": Goal("opening in silence over opening in speech", high=0.15),
    "closure_rate": Goal("lips closed at p, b, m", low=0.8),
    "yaw_spread_ratio": Goal("spread of yaw over that of real clips", low=0.5, high=1.5),
    "pitch_spread_ratio": Goal("the same of pitch", low=0.5, high=1.5),
    "roll_spread_ratio": Goal("the same of roll", low=0.5, high=1.5),
    "blinks_per_minute": Goal("blinks a minute", low=8, high=25),
    "identity_ratio": Goal("distance to the portrait over that of real frames", high=1.3),
    "emotions_in_direction": Goal("emotions that move the face their way, growing", low=7),
    "jitter_ratio": Goal("acceleration of the nose bridge over that of real clips", high=1.5),
    "fps": Goal("whole command for the longest voice, frames per second", low=25),
    "megabytes": Goal("embedded files, MB", high=60),
}
SLOPE = Goal("measured over asked, as the data engine answers", low=0.85, high=1.15)
LEAKAGE = Goal("share that shows in other controls", high=0.1)
CONTROL_GOALS = {
    "yaw": {"slope": SLOPE, "leakage": LEAKAGE},
    "pitch": {"slope": SLOPE, "leakage": LEAKAGE},
    "roll": {"slope": SLOPE, "leakage": LEAKAGE},
    "mouth": {"slope": SLOPE, "leakage": LEAKAGE},
    "blink": {"slope": SLOPE, "leakage": LEAKAGE},
    "smile": {"slope": SLOPE},
    "brows": {"slope": SLOPE},
    "gaze_x": {"slope": SLOPE},
    "gaze_y": {"slope": SLOPE},
}
"""By control and figure; for controls that move soft skin leakage is told, not judged."""


def table(report: dict[str, Any]) -> str:
    """The report's figures beside their goals, a line each."""
    lines = [f"{'figure':22s} {'median':>8s}  {'range':>18s}  {'goal':14s} holds"]
    for name, goal in GOALS.items():
        if name not in report:
            continue
        low, high = report["spread"].get(name, (report[name], report[name]))
        holds = {True: "yes", False: "NO", None: "-"}[report["goals"][name]["holds"]]
        lines.append(
            f"{name:22s} {report[name]:8.3f}  {low:8.3f} ..{high:8.3f}  {goal.wanted:14s} {holds}"
            f"   {goal.what}"
        )
    return "\n".join(lines)


def controls_table(report: dict[str, Any]) -> str:
    """A line for each control and yardstick, the goals, and whether they hold."""
    lines = [
        f"{'control':8s} {'by':10s} {'portraits':>9s} {'slope':>6s} {'range':>14s} {'R2':>5s} "
        f"{'leakage':>7s} {'into':7s} {'seen':>5s}"
    ]
    for name, row in report["controls"].items():
        lines += [
            f"{name:8s} {kind:10s} {_answer(figures)}"
            for kind, figures in row["yardsticks"].items()
        ]
        for figure, goal in row["goals"].items():
            found = "not measured" if row[figure] is None else f"{row[figure]:.2f}"
            holds = {True: "yes", False: "NO", None: "-"}[goal["holds"]]
            lines.append(f"{'':8s} {figure} {found}, wanted {goal['wanted']}: {holds}")
        if "leakage" not in row["goals"] and row["leakage"] is not None:
            lines.append(f"{'':8s} leakage {row['leakage']:.2f}")
    return "\n".join(lines)


def _answer(figures: dict[str, Any]) -> str:
    """One yardstick's figures of one control."""
    counted = f"{figures['measured']} of {figures['measured'] + figures['skipped']}"
    if figures["slope"] is None:
        return f"{counted:>9s} sees too little of it"
    low, high = figures["spread"]["slope"]
    return (
        f"{counted:>9s} {figures['slope']:6.2f} {low:6.2f} ..{high:5.2f} {figures['r2']:5.2f} "
        f"{figures['leakage']:7.2f} {figures['into']:7s} {figures['seen']:5.2f}"
    )
