import re
from dataclasses import replace

import torch

from openfloat.config import VectorFieldConfig
from openfloat.models.transformer import VectorField
from openfloat.weights.official_motion import motion_names


def test_every_tensor_of_the_field_has_exactly_one_released_name():
    for config in (VectorFieldConfig(), replace(VectorFieldConfig.tiny(), pose_dim=0)):
        with torch.device("meta"):
            field = VectorField(config)
        ours = [name for name in motion_names(config).values() if name is not None]
        assert sorted(ours) == sorted(f"motion.{name}" for name in field.state_dict())


def test_only_the_mask_is_accepted_without_use():
    names = motion_names(VectorFieldConfig())
    assert [name for name, ours in names.items() if ours is None] == ["fmt.alignment_mask"]


def test_blocks_keep_their_numbers():
    for official, ours in motion_names(VectorFieldConfig()).items():
        if number := re.search(r"blocks\.(\d+)\.", official):
            assert ours is not None
            assert f"blocks.{number[1]}." in ours
