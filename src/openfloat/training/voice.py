"""How phase 2 hears: our own encoder learns along, wav2vec 2.0 stays frozen and is run once."""

import hashlib
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from openfloat.data.motion import MotionClip
from openfloat.data.windows import WindowBatch
from openfloat.drafts import drafted
from openfloat.errors import BadInput
from openfloat.models.speech import MelSpeech, Wav2Vec2Speech, build_speech
from openfloat.shapes import Speech
from openfloat.training.checkpoint import under_prefix
from openfloat.training.config import TrainConfig
from openfloat.training.networks import seeded
from openfloat.weights.store import load_into, load_state


class Voice(Protocol):
    """What turns the sound of a batch into speech features."""

    trained: nn.Module
    """The part that learns, with the names it has inside the speech encoder."""
    hears_sound: bool
    """False where features of the unchanged sound are kept."""

    def features(self, windows: WindowBatch) -> Speech:
        """Features (b k a) of the windows' frames."""


class LearningVoice:
    """Our own encoder, trained together with the vector field."""

    hears_sound = True

    def __init__(self, encoder: MelSpeech) -> None:
        self.trained: nn.Module = encoder
        self._encoder = encoder

    def features(self, windows: WindowBatch) -> Speech:
        """Run on the sound with its margins, which are cut off again.

        The windows bring the loudness of their whole clip, so that the encoder's own levelling,
        which would see the window alone, is left out.
        """
        margin = self._encoder.margin_frames
        total = windows.motion.shape[1] + 2 * margin
        return self._encoder.features(windows.waveform, total)[:, margin : total - margin]


class FrozenVoice:
    """wav2vec 2.0, run once over every clip and kept on disk; only the projection is trained."""

    hears_sound = False

    def __init__(self, encoder: Wav2Vec2Speech, clips: list[MotionClip], folder: Path) -> None:
        self.trained: nn.Module = nn.ModuleDict({"projection": encoder.projection})
        self._encoder, self._clips, self._folder = encoder.eval(), clips, folder
        folder.mkdir(parents=True, exist_ok=True)

    def features(self, windows: WindowBatch) -> Speech:
        """Project the kept states of the windows' frames."""
        total = windows.motion.shape[1]
        pieces = []
        for number, start in zip(windows.clip.tolist(), windows.start.tolist(), strict=True):
            states = self._states(number)
            frames = np.minimum(np.arange(start, start + total), len(states) - 1)
            pieces.append(torch.from_numpy(states[frames].astype(np.float32)))
        kept = torch.stack(pieces).to(windows.motion.device)
        return F.silu(self._encoder.projection(kept))

    def _states(self, number: int) -> NDArray[np.float16]:
        """(t c) hidden states of a clip, computed when they are first asked for.

        Files are named by what is said, so that clips may come and go.
        """
        clip = self._clips[number]
        name = hashlib.sha256(clip.waveform.tobytes()).hexdigest()[:20]
        path = self._folder / f"{name}-{len(clip.motion)}.npy"
        if not path.exists():
            states = projection_inputs(self._encoder, clip)
            with drafted(path) as draft:
                np.save(draft, states)
        return np.load(path, mmap_mode="r")


@torch.no_grad()
def projection_inputs(encoder: Wav2Vec2Speech, clip: MotionClip) -> NDArray[np.float16]:
    """What the projection sees of a clip (t c): the frozen network's states."""
    seen: list[Tensor] = []
    hook = encoder.projection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        device = next(encoder.parameters()).device
        encoder(torch.from_numpy(clip.waveform)[None].to(device), len(clip.motion))
    finally:
        hook.remove()
    return np.asarray(seen[0][0].half().cpu().numpy())


def make_encoder(config: TrainConfig) -> MelSpeech | Wav2Vec2Speech:
    """A speech encoder with fresh weights; wav2vec 2.0 is filled from the recipe's model folder.

    Raises:
        BadInput: the recipe names no folder with the frozen weights.
    """
    with seeded(config.seed + 1):
        encoder = build_speech(config.model.speech, config.model.motion.speech_dim)
    if isinstance(encoder, Wav2Vec2Speech):
        if not config.frozen:
            raise BadInput("this recipe needs wav2vec 2.0: set `frozen` to a model folder with it")
        kept = under_prefix("speech.backbone", load_state(config.frozen))
        load_into(encoder.backbone, kept)
    return encoder


def make_voice(
    encoder: MelSpeech | Wav2Vec2Speech, clips: list[MotionClip], cache_dir: Path
) -> Voice:
    """The way of hearing that fits an encoder.

    Args:
        encoder: from `make_encoder`.
        clips: the sampler's.
        cache_dir: where a frozen network's states are kept, in `speech_states`.
    """
    if isinstance(encoder, MelSpeech):
        return LearningVoice(encoder)
    return FrozenVoice(encoder, clips, cache_dir / "speech_states")
