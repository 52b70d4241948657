"""Layers of `openfloat.nn` against the same thing written out at length, in float64."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from openfloat.nn.equalised import EqualConv2d, EqualLinear
from openfloat.nn.filters import blur, blur_kernel, upsample
from openfloat.nn.modulated import ModulatedConv2d, ModulatedHead
from openfloat.nn.residual import ResidualDown


def doubled(module: nn.Module) -> nn.Module:
    """In float64 with every parameter random, so that nothing hides behind a zero."""
    module.double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    return module


def filtered(x: Tensor, *, up: int, down: int, pads: tuple[int, int], gain: float) -> Tensor:
    """Zero insertion, padding, filter and decimation, one output pixel at a time (1 channel)."""
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype)
    kernel = row[:, None] * row / 64 * gain
    height, width = x.shape
    spread = torch.zeros(height * up, width * up, dtype=x.dtype)
    spread[::up, ::up] = x
    padded = F.pad(spread, (*pads, *pads))
    out = torch.empty((padded.shape[0] - 4) // down + 1, (padded.shape[1] - 4) // down + 1)
    out = out.to(x.dtype)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            patch = padded[i * down : i * down + 4, j * down : j * down + 4]
            out[i, j] = (patch * kernel).sum()
    return out


def per_sample_convolution(layer: ModulatedConv2d, x: Tensor, style: Tensor) -> Tensor:
    """StyleGAN2's definition: modulate and normalise each sample's weights, then convolve."""
    inputs = layer.weight.shape[1]
    scales = F.linear(
        style, layer.modulation.weight / math.sqrt(style.shape[1]), layer.modulation.bias
    )
    outputs = []
    for sample, scale in zip(x, scales, strict=True):
        weight = layer.weight * scale[:, None, None] / math.sqrt(inputs * 3 * 3)
        weight = weight / (weight.square().sum(dim=(1, 2, 3), keepdim=True) + 1e-8).sqrt()
        if layer.up:
            out = F.conv_transpose2d(sample[None], weight.transpose(0, 1), stride=2)[0]
            rows = [filtered(c, up=1, down=1, pads=(1, 1), gain=4) for c in out]
            out = torch.stack(rows)
        else:
            out = F.conv2d(sample[None], weight, padding=1)[0]
        outputs.append(F.leaky_relu(out + layer.bias[:, None, None], 0.2) * math.sqrt(2))
    return torch.stack(outputs)


def test_an_equal_linear_layer_divides_by_the_root_of_its_fan_in() -> None:
    layer = doubled(EqualLinear(9, 4))
    x = torch.randn(5, 9, dtype=torch.float64)
    expected = x @ (layer.weight / 3).T + layer.bias
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_an_activated_layer_is_leaky_and_keeps_its_gain_outside_of_the_bias() -> None:
    linear = doubled(EqualLinear(9, 4, activate=True))
    x = torch.randn(5, 9, dtype=torch.float64)
    before = x @ (linear.weight / 3).T + linear.bias
    expected = math.sqrt(2) * torch.where(before > 0, before, 0.2 * before)
    torch.testing.assert_close(linear(x), expected, rtol=1e-12, atol=1e-12)

    convolution = doubled(EqualConv2d(4, 6, 3, padding=1, activate=True))
    x = torch.randn(2, 4, 5, 5, dtype=torch.float64)
    before = F.conv2d(x, convolution.weight / 6, convolution.bias, padding=1)
    expected = math.sqrt(2) * torch.where(before > 0, before, 0.2 * before)
    torch.testing.assert_close(convolution(x), expected, rtol=1e-12, atol=1e-12)


def test_a_convolution_without_activation_has_no_bias() -> None:
    layer = doubled(EqualConv2d(4, 6, 1, stride=2))
    assert layer.bias is None
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64)
    expected = F.conv2d(x, layer.weight / 2, stride=2)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_an_untrained_activated_layer_keeps_the_spread_of_its_input() -> None:
    x = torch.randn(4, 64, 32, 32)
    out = EqualConv2d(64, 64, 3, padding=1, activate=True)(x)
    assert out.square().mean().sqrt().item() == pytest.approx(1, abs=0.1)


def test_the_blur_kernel_sums_to_one_and_is_1_3_3_1() -> None:
    kernel = blur_kernel(torch.empty(0, dtype=torch.float64)) * 64
    assert kernel.sum().item() == 64
    assert kernel[0].tolist() == [1, 3, 3, 1]
    assert kernel[:, 1].tolist() == [3, 9, 9, 3]


@pytest.mark.parametrize(("padding", "stride"), [(1, 1), (2, 1), (1, 2)])
def test_blur_equals_the_filter_written_out(padding: int, stride: int) -> None:
    x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
    ours = blur(x, padding=padding, stride=stride, gain=3.0)
    for sample, blurred in zip(x.flatten(0, 1), ours.flatten(0, 1), strict=True):
        expected = filtered(sample, up=1, down=stride, pads=(padding, padding), gain=3.0)
        torch.testing.assert_close(blurred, expected, rtol=1e-12, atol=1e-12)


def test_upsampling_equals_zero_insertion_and_the_filter_written_out() -> None:
    x = torch.randn(1, 3, 5, 7, dtype=torch.float64)
    ours = upsample(x)
    for channel, larger in zip(x[0], ours[0], strict=True):
        expected = filtered(channel, up=2, down=1, pads=(2, 1), gain=4)
        torch.testing.assert_close(larger, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("up", [False, True])
def test_a_modulated_convolution_equals_per_sample_weights(up: bool) -> None:
    layer = doubled(ModulatedConv2d(6, 5, 3, 8, up=up))
    assert isinstance(layer, ModulatedConv2d)
    x = torch.randn(3, 6, 4, 4, dtype=torch.float64)
    style = torch.randn(3, 8, dtype=torch.float64)
    ours, expected = layer(x, style), per_sample_convolution(layer, x, style)
    assert ours.shape[-1] == (8 if up else 4)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-10)


def test_gradients_of_a_modulated_convolution_equal_those_of_per_sample_weights() -> None:
    layer = doubled(ModulatedConv2d(4, 3, 3, 5, up=True))
    assert isinstance(layer, ModulatedConv2d)
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    style = torch.randn(2, 5, dtype=torch.float64, requires_grad=True)
    leaves = (x, style, *layer.parameters())
    ours = torch.autograd.grad(layer(x, style).square().sum(), leaves)
    expected = torch.autograd.grad(per_sample_convolution(layer, x, style).square().sum(), leaves)
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def test_a_modulated_head_scales_but_never_normalises() -> None:
    head = doubled(ModulatedHead(4, 3, 5))
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64)
    style = torch.randn(2, 5, dtype=torch.float64)
    scale = style @ head.modulation.weight.T / math.sqrt(5) + head.modulation.bias
    weight = head.weight[:, :, 0, 0]
    expected = torch.einsum("oc,bc,bchw->bohw", weight / 2, scale, x) + head.bias[:, None, None]
    torch.testing.assert_close(head(x, style), expected, rtol=1e-12, atol=1e-12)


def test_a_residual_block_equals_its_definition() -> None:
    block = doubled(ResidualDown(2, 3))
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    hidden = block.conv1(x)
    smooth = torch.stack([filtered(c, up=1, down=1, pads=(2, 2), gain=1) for c in hidden[0]])
    before = F.conv2d(smooth[None], block.conv2.weight / math.sqrt(18), block.conv2.bias, stride=2)
    main = F.leaky_relu(before, 0.2) * math.sqrt(2)
    smooth = torch.stack([filtered(c, up=1, down=1, pads=(1, 1), gain=1) for c in x[0]])
    skip = F.conv2d(smooth[None], block.skip.weight / math.sqrt(2), stride=2)
    torch.testing.assert_close(block(x), (main + skip) / math.sqrt(2), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_layers_answer_in_the_type_of_their_input(dtype: torch.dtype) -> None:
    x, style = torch.randn(2, 4, 4, 4, dtype=dtype), torch.randn(2, 5, dtype=dtype)
    layer = ModulatedConv2d(4, 3, 3, 5, up=True).to(dtype)
    assert layer(x, style).dtype == dtype
    assert ResidualDown(4, 3).to(dtype)(x).dtype == dtype
