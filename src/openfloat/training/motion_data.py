"""What phase 2 learns from: curves by rule, and motion that was seen in real clips."""

from pathlib import Path

from openfloat.data.curve_cache import open_curves
from openfloat.data.motion import MotionClip
from openfloat.data.observed import KIND, read_observed, words_of, write_observed
from openfloat.data.prepare.reader import is_prepared
from openfloat.data.speech_shards import read_shards
from openfloat.errors import BadInput
from openfloat.models.autoencoder import FloatAutoencoder
from openfloat.training.config import TrainConfig
from openfloat.training.export import read_run
from openfloat.weights.store import load_into


def open_motion_clips(
    config: TrainConfig, data_dir: Path, cache_dir: Path, *, named: bool
) -> list[MotionClip]:
    """Voices with their motion; what is not in the cache is made first.

    Prepared clips bring their own voices: what the recipe's auto-encoder sees in them is read once
    and kept in `cache_dir / "observed"`. Other data packs get synthetic voices and curves by rule,
    and motion that was observed before, if there is some.

    Args:
        config: the recipe.
        data_dir: the data pack.
        cache_dir: gets `observed` or `speech_curves`.
        named: whether directions are the named controls, so that what was seen is made fit.

    Raises:
        BadInput: prepared clips have not been observed, and the recipe names no auto-encoder.
    """
    observed = cache_dir / KIND
    prepared = is_prepared(data_dir)
    if prepared and not (observed / f"{KIND}.json").is_file():
        if not config.autoencoder:
            raise BadInput(
                "the motion of prepared clips has not been observed: set the recipe's "
                "`autoencoder` to a run of phase 1, or run `openfloat data observe`"
            )
        write_observed(read_autoencoder(Path(config.autoencoder)), data_dir, observed)
    clips: list[MotionClip] = []
    if not prepared:
        clips += open_curves(data_dir, cache_dir / "speech_curves", observed=observed.is_dir())
    if observed.is_dir():
        clips += read_observed(observed, words_of(data_dir)) if named else read_shards(observed)
    return clips


def read_autoencoder(run_dir: Path) -> FloatAutoencoder:
    """The averaged auto-encoder of a run of phase 1, in evaluation mode.

    Raises:
        BadInput: the folder holds no run with a checkpoint.
        BadCheckpoint: the run has not reached the model's picture size.
    """
    recipe, average = read_run(run_dir)
    autoencoder = FloatAutoencoder(recipe.model.autoencoder)
    load_into(autoencoder, average)
    return autoencoder.eval()
