"""Convolution by Winograd's products against the plain one."""

import pytest
import torch
import torch.nn.functional as F

from openfloat.nn.winograd import convolved, transformed


@pytest.mark.parametrize(
    ("count", "height", "width", "inputs", "outputs"),
    [(1, 4, 4, 1, 1), (2, 8, 12, 5, 3), (3, 16, 8, 4, 7), (1, 64, 64, 64, 64)],
)
def test_it_is_a_modulated_convolution_with_leaky_relu(
    count: int, height: int, width: int, inputs: int, outputs: int
) -> None:
    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.float64)

    x, weight = drawn(count, height, width, inputs), drawn(outputs, inputs, 3, 3)
    scale, norm, bias = drawn(count, inputs), drawn(count, outputs), drawn(outputs)
    found = convolved(x, transformed(weight), scale[:, None, None], norm, bias)
    maps = (x * scale[:, None, None]).permute(0, 3, 1, 2)
    plain = F.conv2d(maps, weight, padding=1).permute(0, 2, 3, 1)
    expected = F.leaky_relu(plain * norm[:, None, None] + bias, 0.2)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_float32_loses_little() -> None:
    x, weight = torch.randn(1, 32, 32, 64), torch.randn(64, 64, 3, 3) / 24
    ones = torch.ones(1, 64)
    found = convolved(x, transformed(weight), ones[:, None, None], ones, torch.zeros(64))
    exact = F.conv2d(x.permute(0, 3, 1, 2).double(), weight.double(), padding=1)
    error = found.permute(0, 3, 1, 2) - F.leaky_relu(exact, 0.2)
    assert error.abs().max() < 5e-5
