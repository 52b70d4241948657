"""From finished runs to a model folder."""

from pathlib import Path

from torch import Tensor

from openfloat.codec import from_json, to_json
from openfloat.config import ModelConfig
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.models.model import FloatModel
from openfloat.training.checkpoint import load_checkpoint, under_prefix
from openfloat.training.config import TrainConfig
from openfloat.training.networks import seeded
from openfloat.weights.store import load_into, load_state, save_model

RECIPE = "recipe.json"


def read_run(run_dir: Path) -> tuple[TrainConfig, dict[str, Tensor]]:
    """A run's recipe and its averaged weights.

    Raises:
        BadInput: the folder holds no run with a checkpoint.
    """
    found = load_checkpoint(run_dir)
    if found is None or not (run_dir / RECIPE).exists():
        raise BadInput(f"{run_dir} holds no run with a checkpoint")
    config = from_json(TrainConfig, (run_dir / RECIPE).read_text())
    return config, under_prefix("average", found[1])


def assemble(
    config: ModelConfig,
    autoencoder_run: Path | None,
    motion_run: Path | None,
    emotion_run: Path | None,
    output_folder: Path,
    *,
    reader_run: Path | None = None,
    base: Path | None = None,
    half: bool = True,
    allow_untrained: bool = False,
) -> Path:
    """Put the averaged weights of up to four runs into one model folder.

    Networks that a run keeps frozen come from the model folder that its recipe names.

    Args:
        config: the model; every run must have been of it.
        autoencoder_run: run folder of phase 1.
        motion_run: run folder of phase 2, which brings the speech encoder too.
        emotion_run: run folder of the emotion classifier.
        output_folder: gets `config.json` and `model.safetensors`.
        reader_run: run folder of the motion reader, where the model has one; without it the
            auto-encoder's run brings its own.
        base: model folder that parts without a run are taken from.
        half: store float16.
        allow_untrained: give parts without a run fresh seeded weights instead of refusing.

    Raises:
        BadInput: a run is missing, unfinished or of another part.
        BadCheckpoint: a run's weights do not fit the model.
    """
    with seeded(0):
        model = FloatModel(config)
    state = model.state_dict()
    trained: dict[str, Tensor] = {}
    for part, run_dir in (
        ("autoencoder", autoencoder_run), ("reader", reader_run),
        ("motion", motion_run), ("emotion", emotion_run),
    ):  # fmt: skip
        if run_dir is None:
            if base is not None and part != "reader":
                trained |= _part_of(base, part)
            elif part != "reader" and not allow_untrained:
                raise BadInput(f"there is no run of the {part}; a model without it is untrained")
            continue
        recipe, average = read_run(run_dir)
        if recipe.part != part:
            raise BadInput(f"{run_dir} is a run of the {recipe.part}, not of the {part}")
        if recipe.frozen:
            frozen = load_state(recipe.frozen)
            trained |= {n: t for n, t in frozen.items() if n.startswith("speech.backbone.")}
        prefix = {"motion": "", "reader": "autoencoder.reader."}.get(part, f"{part}.")
        trained |= {f"{prefix}{n}": t for n, t in average.items()}
    if misplaced := [n for n, t in trained.items() if n not in state or state[n].shape != t.shape]:
        raise BadCheckpoint(
            f"the runs do not fit {config.name}, for one in {sorted(misplaced)[0]}; "
            "the auto-encoder's run must have reached the model's picture size"
        )
    load_into(model, state | trained)
    save_model(output_folder, to_json(config), model.state_dict(), half=half)
    return output_folder


def _part_of(folder: Path, part: str) -> dict[str, Tensor]:
    """The weights of one part of a model folder; the motion brings the speech encoder along."""
    heads = ("motion.", "speech.") if part == "motion" else (f"{part}.",)
    return {name: t for name, t in load_state(folder).items() if name.startswith(heads)}
