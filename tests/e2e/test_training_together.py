"""Several processes train one run, are killed, and one of them goes on alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from openfloat.data.motion import MotionClip
from openfloat.data.speech_shards import Job, run_jobs
from openfloat.training.log import read_lines
from openfloat.training.run import train

RECIPE = """
from dataclasses import replace
from openfloat.training.config import Stage
from openfloat.training.recipes import tiny_motion

def recipe():
    stages = (Stage(clips=160, batch=8),)
    return replace(tiny_motion(), stages=stages, pieces=2, log_clips=8, checkpoint_s=0.0)
"""


def hum(seed: int) -> MotionClip:
    """A tone whose loudness the jaw follows; short clips, so that losses mask their ends."""
    rng = np.random.default_rng(seed)
    frames = 26 + 5 * seed
    loudness = 0.5 + 0.5 * np.sin(np.arange(frames) * rng.uniform(0.3, 0.6))
    samples = np.sin(np.arange(frames * 640) * 0.1) * np.repeat(loudness, 640) * 0.3
    motion = np.repeat(loudness[:, None], 20, axis=1).astype(np.float32)
    return MotionClip(samples.astype(np.float32), motion, seed, f"drawn/{seed}")


@pytest.mark.slow
def test_two_processes_are_killed_and_one_goes_on_with_the_same_losses(tmp_path: Path) -> None:
    cache, recipe = tmp_path / "cache", tmp_path / "short.py"
    recipe.write_text(RECIPE)
    jobs = [Job(hum, ((0,), (1,), (2,)))]
    run_jobs(cache / "speech_curves", "drawn", jobs, settings={}, workers=1)
    alone, together = tmp_path / "alone", tmp_path / "together"
    told: list[dict[str, float]] = []
    train("motion", str(recipe), alone, tmp_path, cache, told=told.append)
    assert [line["clips"] for line in told] == list(range(8, 161, 8))
    assert all(0 < line["share_of_peak"] < 1 for line in told)

    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["-m", "openfloat", "train", "motion", str(recipe), "-o", str(together)]
    command += ["--data", str(tmp_path), "--cache", str(cache)]
    with (tmp_path / "said").open("w") as said:
        pair = subprocess.Popen([sys.executable, *command], stdout=said, stderr=said)
        while len(read_lines(together)) < 6:
            assert pair.poll() is None, (tmp_path / "said").read_text()
            time.sleep(0.02)
        workers = Path(f"/proc/{pair.pid}/task/{pair.pid}/children").read_text().split()
        assert len(workers) == 2
        for process in (pair.pid, *map(int, workers)):
            os.kill(process, signal.SIGKILL)
        pair.wait()
    assert len(read_lines(together)) < 20, "the run was over before it could be killed"
    train("motion", str(recipe), together, tmp_path, cache)
    lines, others = read_lines(alone), read_lines(together)
    assert [line["clips"] for line in others] == [line["clips"] for line in lines]
    for name in ("velocity", "past", "difference"):
        ours, theirs = ([line[name] for line in trace] for trace in (lines, others))
        np.testing.assert_allclose(theirs, ours, atol=1e-4, rtol=0)
