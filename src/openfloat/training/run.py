"""One run from its recipe: open the data, make the task, go on until the recipe is fulfilled."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from openfloat.codec import to_json
from openfloat.drafts import write_text
from openfloat.errors import BadInput
from openfloat.training.config import Part, TrainConfig
from openfloat.training.loop import Progress, Task, run_loop
from openfloat.training.recipes import find_recipe


def train(
    part: Part,
    recipe: str,
    run_dir: Path,
    data_dir: Path,
    cache_dir: Path,
    limit_seconds: float | None = None,
) -> Progress:
    """Train a part of a model; the same call goes on with a run that was stopped.

    Ctrl-C and SIGTERM end it after the present step, with a checkpoint.

    Args:
        part: what to train.
        recipe: name of a preset, or path of a Python file with a function `recipe()`.
        run_dir: folder of the run: `checkpoint`, `log.jsonl`, `recipe.json`, previews.
        data_dir: the data pack; read where the cache lacks something.
        cache_dir: prepared data: `pictures`, `frames`, `speech_curves`.
        limit_seconds: stop, with a checkpoint, after this time.

    Raises:
        OpenFloatError: an unknown recipe, missing data, or a loss that is not a number.
    """
    config = find_recipe(recipe, part)
    task = make_task(config, data_dir, cache_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    write_text(run_dir / "recipe.json", to_json(config))
    with stop_requests() as stopped:
        return run_loop(task, config, run_dir, limit_seconds=limit_seconds, stopped=stopped)


def make_task(config: TrainConfig, data_dir: Path, cache_dir: Path) -> Task:
    """The task of a recipe, on its data."""
    if config.part == "autoencoder":
        from openfloat.data.dataset import open_sampler
        from openfloat.training.stage1 import AutoencoderTask

        sampler = open_sampler(data_dir, cache_dir, real_share=config.real_share)
        return AutoencoderTask(config, sampler)
    if config.part == "reader":
        from openfloat.data.dataset import open_pictures
        from openfloat.training.stage0_reader import ReaderTask

        return ReaderTask(config, open_pictures(data_dir, cache_dir))
    if config.part == "motion":
        return _motion_task(config, data_dir, cache_dir)
    from openfloat.data.emotional_speech import read_emotional_speech
    from openfloat.training.stage3_emotion import EmotionTask

    return EmotionTask(config, read_emotional_speech(data_dir, split="train"))


def _motion_task(config: TrainConfig, data_dir: Path, cache_dir: Path) -> Task:
    from openfloat.data.curve_cache import open_curves
    from openfloat.data.manner import overlays
    from openfloat.data.observed import read_observed
    from openfloat.data.speech_shards import read_shards
    from openfloat.data.windows import WindowSampler
    from openfloat.models.autoencoder import FloatAutoencoder
    from openfloat.models.speech import MelSpeech
    from openfloat.training.export import read_run
    from openfloat.training.stage2 import MotionTask
    from openfloat.training.voice import make_encoder, make_voice
    from openfloat.weights.store import load_into

    observed = cache_dir / "observed"
    clips = open_curves(data_dir, cache_dir / "speech_curves", observed=observed.is_dir())
    named = bool(config.model.controls) and config.model.motion_space == "coefficients"
    if observed.is_dir():
        clips += read_observed(observed) if named else read_shards(observed)
    encoder = make_encoder(config)
    sampler = WindowSampler(
        clips,
        total_frames=config.model.motion.total_frames,
        margin_frames=encoder.margin_frames if isinstance(encoder, MelSpeech) else 0,
        overlays=overlays() if named else None,
    )
    voice = make_voice(encoder, sampler.clips, cache_dir)
    if config.model.motion_space == "coefficients":
        return MotionTask(config, sampler, voice)
    if not config.autoencoder:
        raise BadInput(
            "this recipe moves in latents: set `autoencoder` to the run that made their basis"
        )
    recipe, average = read_run(Path(config.autoencoder))
    autoencoder = FloatAutoencoder(recipe.model.autoencoder)
    load_into(autoencoder, average)
    return MotionTask(config, sampler, voice, autoencoder.basis)


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Ctrl-C and SIGTERM inside are remembered instead of raised; asked by the returned function.

    A second one does what it usually does.
    """
    requests: list[int] = []
    usual: dict[signal.Signals, Any] = {}

    def remember(number: int, _frame: FrameType | None) -> None:
        requests.append(number)
        signal.signal(number, usual[signal.Signals(number)])

    for name in (signal.SIGINT, signal.SIGTERM):
        usual[name] = signal.signal(name, remember)
    try:
        yield lambda: bool(requests)
    finally:
        for name, handler in usual.items():
            signal.signal(name, handler)
