"""The voices and control curves of phase 2 on disk: made once, where they are missing."""

import logging
from pathlib import Path

from openfloat.data.motion import MotionClip
from openfloat.data.speech_curves import write_grid_shards, write_shards
from openfloat.data.speech_shards import read_shards

logger = logging.getLogger(__name__)

SYNTHETIC_CLIPS, GRID_CLIPS = 1600, 700
"""About 3.8 hours of synthetic voices and 35 minutes of a real one."""
SEED = 1


def open_curves(
    data_dir: Path, folder: Path, *, observed: bool = False, workers: int = 2
) -> list[MotionClip]:
    """The clips of a folder; an empty one is filled first, which takes minutes.

    Synthetic voices come from the speech programs that are installed (flite, espeak-ng), the real
    one from the data pack's GRID recordings.

    Args:
        data_dir: the data pack; not needed where the folder is filled.
        folder: of shards; whatever finished shards it holds are taken as they are.
        observed: the real voice is at hand with the motion that was seen, so that no curves by
            rule are made for it.
        workers: processes that make clips.

    Raises:
        BadInput: the folder is empty and no speech program is installed.
    """
    if not _is_finished(folder):
        logger.info("%s: making voices and their motion", folder)
        if not observed and (data_dir / "manifest.json").is_file():
            write_grid_shards(
                folder, data_dir=data_dir, clips=GRID_CLIPS, seed=SEED, workers=workers
            )
        write_shards(folder, clips=SYNTHETIC_CLIPS, seed=SEED, workers=workers)
    return read_shards(folder)


def _is_finished(folder: Path) -> bool:
    """Whether every kind of shard that was begun is complete, and there is one."""
    begun = {path.name.removesuffix(".settings.json") for path in folder.glob("*.settings.json")}
    done = {path.stem for path in folder.glob("*.json") if not path.stem.endswith(".settings")}
    return bool(done) and begun <= done
