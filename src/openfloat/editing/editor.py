"""All that a user asks of a model's motion, piece by piece: for named directions and for others."""

import torch
from torch import Tensor

from openfloat.config import ModelConfig
from openfloat.editing.control_map import NOMINAL, ControlMap
from openfloat.editing.controls import edited
from openfloat.editing.lids import BLINK, with_lids
from openfloat.editing.read_controls import NamelessEdit
from openfloat.errors import BadInput
from openfloat.models.basis import MotionBasis
from openfloat.options import MotionEdit, SampleOptions


class Editor:
    """Changes motion tokens of one portrait; keeps nothing between calls."""

    def __init__(
        self,
        config: ModelConfig,
        basis: MotionBasis,
        own: Tensor,
        options: SampleOptions,
        control_map: ControlMap | None = None,
    ) -> None:
        """Make ready.

        Args:
            config: of the model.
            basis: its motion directions.
            own: (1, m) coefficients of the portrait.
            options: what is asked.
            control_map: what was measured of the model, if it was.

        Raises:
            BadInput: the options ask by name for what the model has no name for.
        """
        self._config, self._basis, self._own, self._options = config, basis, own[0], options
        self._map = control_map or NOMINAL
        self._nameless: NamelessEdit | None = None
        if not config.controls and control_map is not None:
            self._nameless = NamelessEdit(config.name, control_map, own[0], options)
        elif not config.controls and options.edit != MotionEdit(edit=options.edit.edit):
            raise BadInput(
                f"the motion directions of {config.name} have no names: of the edits it knows "
                "only --edit NUMBER:AMOUNT, until openfloat calibrate has fitted names to them"
            )

    def __call__(self, piece: Tensor, start: int) -> Tensor:
        """Tokens (t, f) changed; `start` is the number of the first in the clip."""
        options = self._options
        if self._config.controls:
            changed = edited(piece, self._own, options.edit, self._map, start)
            own, gain = float(self._own[BLINK]), self._map.gain("blink")
            return with_lids(changed, options.lids, own, start, options.seed, gain)
        shift = torch.zeros(1, len(self._own), device=piece.device)
        for number, amount in options.edit.directions:
            shift[0, number] += amount
        latent = self._config.motion_space == "latent"
        if self._nameless is not None and self._nameless.asks:
            drawn = self._basis.coefficients(piece) if latent else piece
            shift = shift + self._nameless.shift(drawn, start)
        if not shift.any():
            return piece
        return piece + (self._basis.motion(shift) if latent else shift)
