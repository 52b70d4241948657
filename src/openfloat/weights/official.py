"""The released FLOAT weights as a model folder of ours: pure renaming, strict, tensors only."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor

from openfloat.codec import to_json
from openfloat.config import (
    ModelConfig,
    Wav2Vec2Config,
    Wav2Vec2EmotionConfig,
    Wav2Vec2SpeechConfig,
)
from openfloat.drafts import not_written
from openfloat.errors import BadCheckpoint, BadInput
from openfloat.weights.manifest import Shapes, float_512_shapes
from openfloat.weights.official_audio import (
    audio_names,
    disagreements,
    emotion_folder_name,
    labels_in_other_order,
    new_spelling,
    speech_folder_name,
)
from openfloat.weights.official_autoencoder import autoencoder_names
from openfloat.weights.official_motion import motion_names
from openfloat.weights.store import CONFIG, WEIGHTS, listed, read_tensors, save_model
from openfloat.weights.unpickle import unpickled

FLOAT_512 = ModelConfig.float_512()
OLD_WEIGHTS = "pytorch_model.bin"


def official_names(config: ModelConfig) -> dict[str, str | None]:
    """Every name that a released model of this shape knows -> ours in `FloatModel`.

    None stands for what is accepted and not used.
    """
    return {
        **autoencoder_names(config.autoencoder),
        **motion_names(config.motion),
        **audio_names(config),
    }


def from_official(
    state: Mapping[str, Tensor], config: ModelConfig, shapes: Shapes
) -> dict[str, Tensor]:
    """Rename a released model's tensors; values stay the same, axes of length 1 may go.

    Args:
        state: all tensors of the released model, audio networks included.
        config: the model's shape.
        shapes: name -> shape of every tensor in our `FloatModel` of that config.

    Returns:
        The state dictionary of our model, float32.

    Raises:
        BadCheckpoint: a name is unknown, missing or given twice, or a shape does not fit.
    """
    names = official_names(config)
    given = _spelled_once(state)
    if unknown := given.keys() - names.keys():
        raise BadCheckpoint(f"the released weights hold unknown names: {listed(unknown)}")
    wanted = {theirs: ours for theirs, ours in names.items() if ours is not None}
    if missing := wanted.keys() - given.keys():
        raise BadCheckpoint(f"the released weights lack {listed(missing)}")
    if strangers := set(wanted.values()) ^ shapes.keys():
        raise BadCheckpoint(f"config and shapes are of different models: {listed(strangers)}")
    return {ours: _reshaped(theirs, given[theirs], shapes[ours]) for theirs, ours in wanted.items()}


def convert_release(
    float_weights: str | Path,
    wav2vec2: str | Path,
    emotion: str | Path,
    output: str | Path,
    *,
    config: ModelConfig = FLOAT_512,
    shapes: Shapes | None = None,
) -> int:
    """Write a model folder from the three downloads of the released FLOAT.

    Tensors are mapped from disk, so that memory stays far below the size of the weights. Where
    `float_weights` holds audio networks too, they win over the folders, as in the release.

    Args:
        float_weights: `float.pth`, or a safetensors file with the same names.
        wav2vec2: Hugging Face folder of wav2vec2-base-960h.
        emotion: Hugging Face folder of wav2vec-english-speech-emotion-recognition.
        output: model folder to write.
        config: shape of the model; the release's unless it is a test.
        shapes: our tensors' shapes for that config; none: those of float-512.

    Returns:
        Number of parameters written.

    Raises:
        BadCheckpoint: a file is missing, damaged, holds anything but tensors, or does not fit.
        NotWritten: the folder cannot be written.
    """
    speech_config, emotion_config = config.speech, config.emotion
    if not isinstance(speech_config, Wav2Vec2SpeechConfig) or not isinstance(
        emotion_config, Wav2Vec2EmotionConfig
    ):
        raise BadInput("only models with wav2vec2 speech and emotion have a released form")
    wav2vec2, emotion = Path(wav2vec2), Path(emotion)
    if labels_in_other_order(_read_folder_config(emotion)):
        raise BadCheckpoint(f"{emotion / CONFIG}: the emotions are not in the released order")
    with _scratch(Path(output)) as scratch:
        state = {
            **_read_folder(wav2vec2, speech_config.backbone, speech_folder_name, scratch),
            **_read_folder(emotion, emotion_config.backbone, emotion_folder_name, scratch),
            **_spelled_once(_read_weights(Path(float_weights), scratch)),
        }
        tensors = from_official(state, config, float_512_shapes() if shapes is None else shapes)
        save_model(output, to_json(config), tensors)
    return sum(tensor.numel() for tensor in tensors.values())


@contextmanager
def _scratch(output: Path) -> Iterator[Path]:
    """A folder beside the output for tensors out of pickles; gone afterwards."""
    beside = next(folder for folder in output.absolute().parents if folder.is_dir())
    try:
        folder = tempfile.TemporaryDirectory(dir=beside, prefix=".openfloat-")
    except OSError as error:
        raise not_written(output, error) from error
    with folder as name:
        yield Path(name)


def _spelled_once(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All names in current spelling; a name in both spellings is refused."""
    spelled = {new_spelling(name): tensor for name, tensor in state.items()}
    if len(spelled) < len(state):
        twice = [name for name in state if new_spelling(name) != name]
        raise BadCheckpoint(f"the released weights hold in both spellings: {listed(twice)}")
    return spelled


def _reshaped(name: str, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The tensor as float32 in our shape, which may differ in axes of length 1 alone."""
    if [n for n in tensor.shape if n != 1] != [n for n in shape if n != 1]:
        raise BadCheckpoint(f"{name} has the shape {list(tensor.shape)} and not {list(shape)}")
    if not tensor.is_floating_point():
        raise BadCheckpoint(f"{name} holds {tensor.dtype} and not floating-point numbers")
    return tensor.float().reshape(shape)


def _read_folder(
    folder: Path, config: Wav2Vec2Config, rename: Callable[[str], str | None], scratch: Path
) -> dict[str, Tensor]:
    """Tensors of a Hugging Face folder by their names in the released model."""
    if wrong := disagreements(config, _read_folder_config(folder)):
        raise BadCheckpoint(f"{folder / CONFIG}: {'; '.join(wrong)}")
    found = [file for file in (folder / WEIGHTS, folder / OLD_WEIGHTS) if file.is_file()]
    if not found:
        raise BadCheckpoint(f"{folder}: the folder holds neither {WEIGHTS} nor {OLD_WEIGHTS}")
    tensors: dict[str, Tensor] = {}
    for name, tensor in _read_weights(found[0], scratch).items():
        official = rename(name)
        if official in tensors:
            raise BadCheckpoint(f"{found[0]}: {name} is given twice")
        if official is not None:
            tensors[official] = tensor
    return tensors


def _read_folder_config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadCheckpoint(f"{file}: there is no Hugging Face config that can be read") from error
    if not isinstance(found, dict):
        raise BadCheckpoint(f"{file}: there is no Hugging Face config that can be read")
    return found


def _read_weights(file: Path, scratch: Path) -> dict[str, Tensor]:
    """A flat dictionary of tensors from a safetensors or PyTorch file, mapped from disk."""
    if file.suffix == ".safetensors":
        return read_tensors(file)
    return read_tensors(unpickled(file, scratch / f"{len(list(scratch.iterdir()))}.safetensors"))
