"""Write a full-size release of seeded weights, as its three downloads, to try `convert` with.

    .venv/bin/python tests/parity/make_release.py FOLDER [SEED]

Needs the parity folder (OPENFLOAT_PARITY). FOLDER gets float.pth, wav2vec2/ and emotion/, 2.5 GB.
"""

import json
import os
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))

from recipe import parity_folder, recipe_weights

from openfloat.config import EMOTIONS, Wav2Vec2Config
from openfloat.weights.official_audio import huggingface_fields

SPEECH, EMOTION = "audio_encoder.wav2vec2.", "emotion_encoder.wav2vec2_for_emotion."


def main(folder: Path, seed: int) -> None:
    """Draw every tensor by its released name and write the files that hold it."""
    keys = json.loads((parity_folder() / "state_dict_512.json").read_text())["keys"]
    parts: dict[str, dict[str, Tensor]] = {SPEECH: {}, EMOTION: {}, "": {}}
    for name, facts in keys.items():
        prefix = next(prefix for prefix in parts if name.startswith(prefix))
        shape = tuple(facts["shape"])
        if facts["kind"] == "parameter":
            sibling = keys.get(name.removesuffix("0") + "1", facts)  # weight norm: g beside v
            hidden = sibling["shape"][0]
            tensor = torch.from_numpy(recipe_weights().tensor(seed, name, shape, hidden))
        elif name == "fmt.alignment_mask":
            place = torch.arange(shape[0])
            tensor = (place[:, None] - place).abs() > 2
        else:
            continue  # blur kernels are rebuilt, and not in the released file
        parts[prefix][name.removeprefix(prefix)] = tensor
    folder.mkdir(parents=True)
    torch.save(parts[""], folder / "float.pth")
    labels = {"id2label": {str(index): name for index, name in enumerate(EMOTIONS)}}
    for name, prefix, fields in (
        ("wav2vec2", SPEECH, huggingface_fields(Wav2Vec2Config())),
        ("emotion", EMOTION, huggingface_fields(Wav2Vec2Config.large()) | labels),
    ):
        (folder / name).mkdir()
        save_file(parts[prefix], folder / name / "model.safetensors")
        (folder / name / "config.json").write_text(json.dumps(fields))


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 7)
