"""One run from its recipe: open the data, make the task, go on until the recipe is fulfilled."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from torch import nn

from openfloat.codec import to_json
from openfloat.drafts import write_text
from openfloat.errors import BadInput
from openfloat.training.board import open_board
from openfloat.training.config import Part, TrainConfig
from openfloat.training.descent import Machine, TrainPrecision
from openfloat.training.loop import Progress, Task, run_loop
from openfloat.training.parallel import team
from openfloat.training.recipes import find_recipe

if TYPE_CHECKING:
    from openfloat.training.stage2 import MotionTask


def train(
    part: Part,
    recipe: str,
    run_dir: Path,
    data_dir: Path,
    cache_dir: Path,
    limit_seconds: float | None = None,
    *,
    device: str = "cpu",
    precision: TrainPrecision = "float32",
    recompute: bool = False,
    tensorboard: bool = False,
    draw: Callable[[nn.Module, Path], object] | None = None,
    told: Callable[[dict[str, Any]], object] = lambda _line: None,
) -> Progress:
    """Train a part of a model; the same call goes on with a run that was stopped.

    Started by torchrun, the processes share the work, and the run is what one process would make of
    it; all of them need to see the same folders. Ctrl-C and SIGTERM end it after the present step,
    with a checkpoint.

    Args:
        part: what to train.
        recipe: name of a preset, or path of a Python file with a function `recipe()`.
        run_dir: folder of the run: `checkpoint`, `log.jsonl`, `recipe.json`, previews.
        data_dir: the data pack; read where the cache lacks something.
        cache_dir: prepared data: `pictures`, `frames`, `speech_curves`.
        limit_seconds: stop, with a checkpoint, after this time.
        device: where networks compute; `cuda` is each process's own GPU.
        precision: of products.
        recompute: compute layers again in the backward pass instead of keeping what they made.
        tensorboard: write `tensorboard` in the run's folder beside the log.
        draw: draws videos of what phase 2 does, where its recipe asks for previews.
        told: given every line of the log.

    Raises:
        OpenFloatError: an unknown recipe, missing data, or a loss that is not a number.
    """
    config = find_recipe(recipe, part)
    with team(device) as processes:
        with processes.leader_first():
            task = make_task(config, data_dir, cache_dir, draw)
        run_dir.mkdir(parents=True, exist_ok=True)
        if processes.leads:
            write_text(run_dir / "recipe.json", to_json(config))
        machine = Machine(processes, precision, recompute)
        with (
            stop_requests() as stopped,
            open_board(run_dir if tensorboard and processes.leads else None) as board,
        ):

            def written(line: dict[str, Any]) -> None:
                board.write(line)
                told(line)

            return run_loop(
                task, config, run_dir,
                limit_seconds=limit_seconds, stopped=stopped, machine=machine,
                told=written, shown=board.show,
            )  # fmt: skip


def make_task(
    config: TrainConfig,
    data_dir: Path,
    cache_dir: Path,
    draw: Callable[[nn.Module, Path], object] | None = None,
) -> Task:
    """The task of a recipe, on its data; `draw` as in `train`."""
    if config.part == "autoencoder":
        from openfloat.data.dataset import open_sampler
        from openfloat.training.stage1 import AutoencoderTask

        size = config.model.autoencoder.size
        sampler = open_sampler(data_dir, cache_dir, real_share=config.real_share, size=size)
        return AutoencoderTask(config, sampler)
    if config.part == "reader":
        from openfloat.data.dataset import open_pictures
        from openfloat.training.stage0_reader import ReaderTask

        return ReaderTask(config, open_pictures(data_dir, cache_dir))
    if config.part == "motion":
        task = _motion_task(config, data_dir, cache_dir)
        task.draw = draw
        return task
    if config.part == "sync":
        from openfloat.data.mouths import open_mouths
        from openfloat.training.stage4_sync import SyncTask

        return SyncTask(config, open_mouths(data_dir, cache_dir / "mouths", split="train"))
    from openfloat.data.emotional_speech import read_emotional_speech
    from openfloat.training.stage3_emotion import EmotionTask

    return EmotionTask(config, read_emotional_speech(data_dir, split="train"))


def _motion_task(config: TrainConfig, data_dir: Path, cache_dir: Path) -> "MotionTask":
    from openfloat.data.manner import overlays
    from openfloat.data.windows import WindowSampler
    from openfloat.models.speech import MelSpeech
    from openfloat.training.motion_data import open_motion_clips, read_autoencoder
    from openfloat.training.stage2 import MotionTask
    from openfloat.training.voice import make_encoder, make_voice

    named = bool(config.model.controls) and config.model.motion_space == "coefficients"
    clips = open_motion_clips(config, data_dir, cache_dir, named=named)
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
    basis = read_autoencoder(Path(config.autoencoder)).basis
    return MotionTask(config, sampler, voice, basis)


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
