"""Training from recipe to model folder, killed and resumed on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_pictures import write_drawn_pictures

from openfloat.config import ModelConfig
from openfloat.data.motion import MotionClip
from openfloat.data.speech_shards import Job, run_jobs
from openfloat.errors import BadCheckpoint, BadInput, OpenFloatError
from openfloat.models.model import FloatModel
from openfloat.training.config import Part
from openfloat.training.export import assemble, read_run
from openfloat.training.log import read_lines
from openfloat.training.run import train
from openfloat.weights.store import load_config, load_into, load_state

SHORT_RECIPE = """
from dataclasses import replace
from openfloat.config import ModelConfig
from openfloat.training.config import PictureWeights, Stage
from openfloat.training.recipes import tiny_autoencoder

def recipe():
    model = ModelConfig.tiny()
    return replace(
        tiny_autoencoder(),
        model=replace(model, autoencoder=replace(model.autoencoder, size=128)),
        stages=(Stage(size=64, clips=10, batch=2), Stage(size=128, clips=8, batch=2)),
        pictures=replace(PictureWeights(), coefficients=1.0, grid=1.0, mask=0.1),
        log_clips=2, checkpoint_s=0.0, preview_clips=0, warmup_clips=4,
    )
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    write_drawn_pictures(folder / "pictures")
    run_jobs(
        folder / "speech_curves", "drawn",
        [Job(hum_and_nod, ((0,), (1,), (2,), (3,)))], settings={}, workers=1,
    )  # fmt: skip
    return folder


def hum_and_nod(seed: int) -> MotionClip:
    """A tone whose loudness the jaw follows."""
    rng = np.random.default_rng(seed)
    frames = 40 + 20 * seed
    loudness = 0.5 + 0.5 * np.sin(np.arange(frames) * rng.uniform(0.3, 0.6))
    samples = np.sin(np.arange(frames * 640) * 0.1) * np.repeat(loudness, 640) * 0.3
    motion = np.zeros((frames, 20), np.float32)
    motion[:, 6] = 2 * loudness
    motion[:, :6] = rng.normal(size=6)
    return MotionClip(samples.astype(np.float32), motion, seed - 1, f"drawn/{seed}")


def trace(run_dir: Path) -> list[dict[str, float]]:
    return [
        {k: v for k, v in line.items() if k not in ("clips_per_s", "share_of_peak")}
        for line in read_lines(run_dir)
    ]


def in_a_process(recipe: Path, run_dir: Path, cache: Path) -> subprocess.Popen[bytes]:
    code = (
        "import sys, torch; torch.set_num_threads(1)\n"
        "from pathlib import Path\n"
        "from openfloat.training.run import train\n"
        "train('autoencoder', sys.argv[1], *map(Path, [sys.argv[2], sys.argv[3], sys.argv[3]]))"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(recipe), str(run_dir), str(cache)])


@pytest.mark.slow
def test_a_killed_and_resumed_run_leaves_the_trace_of_an_uninterrupted_one(
    cache: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "short.py"
    recipe.write_text(SHORT_RECIPE)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train("autoencoder", str(recipe), whole, cache, cache)
    assert len(trace(whole)) == 9
    process = in_a_process(recipe, broken, cache)
    while len(read_lines(broken)) < 7:  # the network has grown by then
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    train("autoencoder", str(recipe), broken, cache, cache)
    assert trace(broken) == trace(whole)


@pytest.mark.slow
def test_two_phases_become_a_model_folder(cache: Path, tmp_path: Path) -> None:
    runs = {part: tmp_path / part for part in ("reader", "autoencoder", "motion")}
    recipe = tmp_path / "brief.py"
    for part, clips in (("reader", 640), ("autoencoder", 160), ("motion", 1600)):
        more = f", reader={str(runs['reader'])!r}" if part == "autoencoder" else ""
        recipe.write_text(
            "from dataclasses import replace\n"
            f"from openfloat.training.recipes import tiny_{part} as whole\n"
            "def recipe():\n"
            f"    stage = replace(whole().stages[0], clips={clips})\n"
            f"    return replace(whole(), stages=(stage,){more})\n"
        )
        progress = train(part, str(recipe), runs[part], cache, cache)  # type: ignore[arg-type]
        assert progress.clips == clips
        lines = read_lines(runs[part])
        loss = {"reader": "coefficients", "autoencoder": "l1", "motion": "velocity"}[part]
        assert lines[-1][loss] < 0.9 * lines[0][loss]
    assert list(runs["autoencoder"].glob("preview-*.png"))
    _, reader = read_run(runs["reader"])
    _, average = read_run(runs["autoencoder"])
    for name, tensor in reader.items():
        assert torch.equal(average[f"reader.{name}"], tensor), "a trained reader is kept as it is"

    config = ModelConfig.tiny()
    with pytest.raises(BadInput, match="no run of the emotion"):
        assemble(config, runs["autoencoder"], runs["motion"], None, tmp_path / "model")
    folder = assemble(
        config, runs["autoencoder"], runs["motion"], None, tmp_path / "model", allow_untrained=True
    )
    again = assemble(config, runs["autoencoder"], None, None, tmp_path / "again", base=folder)
    first, second = load_state(folder), load_state(again)
    assert all(torch.equal(first[name], second[name]) for name in first), "taken from the base"
    model = FloatModel(load_config(folder))
    load_into(model, load_state(folder))
    model.eval()
    with torch.inference_mode():
        picture = torch.zeros(1, 3, 64, 64)
        appearance = model.autoencoder.encode(picture)
        assert torch.isfinite(
            model.autoencoder.decode(appearance.identity, appearance.features)
        ).all()
    assert model.motion.head.linear.weight.abs().sum() > 0, "the vector field is still untrained"


@pytest.mark.slow
@pytest.mark.parametrize("part", ["reader", "autoencoder", "motion"])
def test_bfloat16_with_recomputed_layers_finds_nearly_the_same_losses(
    part: Part, cache: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "brief.py"
    if part == "autoencoder":  # adversaries and their gradient penalty included
        recipe.write_text(
            SHORT_RECIPE.replace("clips=10", "clips=2").replace("clips=8,", "clips=2,")
        )
    else:
        recipe.write_text(
            "from dataclasses import replace\n"
            f"from openfloat.training.recipes import tiny_{part} as whole\n"
            "def recipe():\n"
            "    return replace(whole(), stages=(replace(whole().stages[0], clips=32),))\n"
        )
    train(part, str(recipe), tmp_path / "plain", cache, cache)
    train(
        part, str(recipe), tmp_path / "thrifty", cache, cache,
        precision="bfloat16", recompute=True,
    )  # fmt: skip
    plain, thrifty = trace(tmp_path / "plain")[0], trace(tmp_path / "thrifty")[0]
    assert plain.keys() == thrifty.keys()
    for name, loss in plain.items():
        assert thrifty[name] == pytest.approx(loss, rel=0.1, abs=0.02), name
    assert plain != thrifty


def test_a_recipe_can_lengthen_a_run_that_is_done(cache: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "brief.py"
    text = SHORT_RECIPE.replace("size=128))", "size=64))").replace(
        "clips=10, batch=2), Stage(size=128, clips=8", "clips=4, batch=2), Stage(size=64, clips=4"
    )
    recipe.write_text(text)
    assert train("autoencoder", str(recipe), tmp_path / "run", cache, cache).clips == 8
    recipe.write_text(text.replace("clips=4, batch=2)),", "clips=8, batch=2)),"))
    assert train("autoencoder", str(recipe), tmp_path / "run", cache, cache).clips == 12
    assert [line["clips"] for line in read_lines(tmp_path / "run")] == [2, 4, 6, 8, 10, 12]


def test_a_loss_that_is_not_a_number_ends_the_run_in_one_sentence(
    cache: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "wild.py"
    recipe.write_text(SHORT_RECIPE.replace("log_clips=2", "lr=1e20, log_clips=2"))
    with pytest.raises(OpenFloatError, match=r"training of .* diverged"):
        train("autoencoder", str(recipe), tmp_path / "run", cache, cache)


def test_a_run_of_another_model_is_not_resumed(cache: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "brief.py"
    brief = SHORT_RECIPE.replace("clips=10", "clips=2").replace("clips=8,", "clips=2,")
    recipe.write_text(brief)
    train("autoencoder", str(recipe), tmp_path / "run", cache, cache)
    recipe.write_text(brief.replace("size=128))", "size=128, latent_dim=24))"))
    with pytest.raises(BadCheckpoint, match="run of another model"):
        train("autoencoder", str(recipe), tmp_path / "run", cache, cache)


def test_unknown_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="neither a Python file nor one of tiny, openfloat-256"):
        train("motion", "tinny", tmp_path, tmp_path, tmp_path)
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(BadInput, match="has no function recipe"):
        train("motion", str(tmp_path / "empty.py"), tmp_path, tmp_path, tmp_path)
