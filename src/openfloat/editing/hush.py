"""Lips that rest where nothing is heard.

Motion is drawn from noise, and what is left of it makes lips tremble in pauses. People's lips lie
still there, so they are brought to rest while the sound is far below the voice.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from openfloat.audio.normalise import LEVEL_FLOOR, Levels, speech_level
from openfloat.data.controls import INDEX
from openfloat.editing.controls import LIPS

BELOW_VOICE = 0.03
"""Share of the voice's level under which a frame counts as quiet: 30 dB."""
REACH = 8
"""Frames on either side within which sound keeps the lips from resting: they open before a word."""
REST = {"jaw_open": -0.3, "lips_pressed": 0.6}
"""Coefficients of lips at rest, the others 0: a little beyond closed, since smiling portraits show
teeth up to there (looked at and measured on training portraits)."""
FULL = 4
"""Of these, frames that keep them altogether; beyond, less and less."""


def quiet_share(levels: Levels, frames: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
    """How far from all sound each frame is: 0 within `FULL` frames of some, 1 beyond `REACH`.

    Args:
        levels: of the recording, which tell how loud its voice is.
        frames: root mean square of each frame, at 1/25 s; beyond its ends nothing is heard.
    """
    floor = max(LEVEL_FLOOR, BELOW_VOICE * float(speech_level(levels)))
    offsets = torch.arange(-REACH, REACH + 1).abs()
    weights = ((REACH + 1 - offsets) / (REACH + 1 - FULL)).clamp(max=1.0)
    heard = F.pad((frames.cpu() > floor).float(), (REACH, REACH)).unfold(0, 2 * REACH + 1, 1)
    return 1 - (heard * weights).amax(dim=1)


def hushed(piece: Tensor, quiet: Float[Tensor, " t"]) -> Tensor:
    """Frames (t, 20) of coefficients whose lips rest as far as the frame is quiet."""
    if not quiet.any():
        return piece
    lips, share = [INDEX[name] for name in LIPS], quiet.to(piece)[:, None]
    rest = piece.new_tensor([REST.get(name, 0.0) for name in LIPS])
    changed = piece.clone()
    changed[:, lips] += share * (rest - piece[:, lips])
    return changed


def hush(motion: Iterator[Tensor], quiet: Float[Tensor, " n"]) -> Iterator[Tensor]:
    """Pieces of a clip's motion in order, hushed; `quiet` has a number for each of its frames."""
    start = 0
    for piece in motion:
        yield hushed(piece, quiet[start : start + len(piece)])
        start += len(piece)
