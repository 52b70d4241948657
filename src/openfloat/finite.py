"""Numbers stay numbers: a check for the borders between the stages of a computation."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from openfloat.errors import NotFinite


def finite(stage: str, *tensors: Tensor) -> None:
    """Let numbers pass, and nothing else.

    Args:
        stage: what computed them, as the subject of a sentence.
        tensors: of any shape.

    Raises:
        NotFinite: one holds NaN or infinity; the stage is named.
    """
    for tensor in tensors:
        if not torch.isfinite(tensor).all():
            raise NotFinite(
                f"{stage} gave numbers that are not finite: the weights are damaged, or the "
                "precision is too low for them"
            )


def checked(stage: str, tensors: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same tensors one by one, each looked at by `finite` as it passes."""
    for tensor in tensors:
        finite(stage, tensor)
        yield tensor
