"""Runs that go on from a finished model instead of random weights."""

from collections.abc import Mapping

import torch.nn.functional as F
from torch import Tensor

from openfloat.models.transformer import VectorField
from openfloat.weights.store import load_into

TOLD = "embed_condition.weight"
"""Its last columns are those of the pose."""


def go_on_from(field: VectorField, state: Mapping[str, Tensor]) -> None:
    """Give a field the weights of one that is the same, but perhaps without a pose.

    It then starts as the same function: what is new about the pose is fresh, and counts for
    nothing yet.

    Raises:
        BadCheckpoint: the weights are of another field.
    """
    known, own = dict(state), field.state_dict()
    if field.pose is not None and TOLD in known and "pose.linear.weight" not in known:
        known |= {name: tensor for name, tensor in own.items() if name.startswith("pose.")}
        known[TOLD] = F.pad(known[TOLD], (0, field.config.pose_dim))
    load_into(field, known)
