"""Convolutions of 8-bit numbers against those of whole ones."""

import pytest
import torch
import torch.nn.functional as F

from openfloat.nn.short import (
    convolved,
    doubled,
    no_warning,
    packed,
    phase_padding,
    phases,
    shortened,
)

no_warning()


def apart(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Spread of the difference, of the expected values'."""
    assert found.shape == expected.shape
    return float((found - expected).std() / expected.std())


@pytest.mark.parametrize("padding", [(0, 1), (1, 1)])
def test_a_convolution_loses_one_or_two_percent(padding: tuple[int, int]) -> None:
    x, weight, bias = 3 * torch.randn(2, 16, 12, 32), torch.randn(24, 32, 3, 3), torch.randn(24)
    found = convolved(shortened(x), packed(weight, padding), padding, bias)
    expected = F.conv2d(x.permute(0, 3, 1, 2), weight, bias, padding=padding)
    assert 0 < apart(found.permute(0, 3, 1, 2), expected) < 0.03


@pytest.mark.parametrize("rows_around", [0, 1])
def test_four_phases_are_the_transposed_convolution(rows_around: int) -> None:
    x, weight = torch.randn(1, 10, 14, 32), torch.randn(24, 32, 3, 3)
    kernels = zip(phases(weight), phase_padding(rows_around), strict=True)
    weights = tuple(packed(kernel, padding) for kernel, padding in kernels)
    found = doubled(shortened(x), weights, rows_around).permute(0, 3, 1, 2)
    expected = F.conv_transpose2d(x.permute(0, 3, 1, 2), weight.transpose(0, 1), stride=2)
    assert apart(found, expected if rows_around else expected[:, :, 2:-2]) < 0.03


def test_numbers_of_any_range_are_kept_to_a_step() -> None:
    for low, high in ((0.0, 9.0), (-1e-3, 0.0), (-50.0, 0.1), (3.0, 4.0), (0.0, 0.0)):
        x = torch.linspace(low, high, 3 * 4 * 5 * 6).view(3, 4, 5, 6)
        short = shortened(x)
        back = (short.numbers.float() - short.zero) * short.scale
        assert (back.permute(0, 2, 3, 1) - x).abs().max() <= 0.51 * short.scale + 1e-12
