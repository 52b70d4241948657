import pytest
import torch
from torch.testing import assert_close

from openfloat.flow.loss import difference_loss, velocity_loss

BOTH = pytest.mark.parametrize("loss", [velocity_loss, difference_loss])


def pair(frames=5):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, frames, 4, generator=generator, dtype=torch.float64).unbind()


def test_the_velocity_loss_is_torchs_l1():
    predicted, target = pair()
    expected = torch.nn.functional.l1_loss(predicted, target)
    assert_close(velocity_loss(predicted, target), expected, rtol=1e-12, atol=0)


def test_the_difference_loss_compares_neighbouring_frames():
    predicted, target = pair(frames=3)
    total = 0.0
    for b in range(3):
        for t in range(2):
            for f in range(4):
                ours = predicted[b, t + 1, f] - predicted[b, t, f]
                theirs = target[b, t + 1, f] - target[b, t, f]
                total += abs(ours - theirs).item() / (3 * 2 * 4)
    assert difference_loss(predicted, target).item() == pytest.approx(total, rel=1e-12)


def test_a_constant_offset_is_no_difference():
    predicted, target = pair()
    offset = torch.randn(3, 1, 4, dtype=torch.float64)
    before = difference_loss(predicted, target)
    assert_close(difference_loss(predicted + offset, target), before, rtol=1e-12, atol=0)
    assert_close(difference_loss(target + offset, target).item(), 0.0, rtol=0, atol=1e-12)


def test_a_mask_leaves_the_mean_over_what_counts():
    predicted, target = pair()
    kept = torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64).reshape(3, 1, 1)
    for loss in (velocity_loss, difference_loss):
        expected = loss(predicted[[0, 2]], target[[0, 2]])
        assert_close(loss(predicted, target, weight=kept), expected, rtol=1e-12, atol=0)


def test_masked_frames_leave_both_of_their_differences_out():
    predicted, target = pair(frames=6)
    weight = torch.tensor([1.0, 1, 1, 0, 1, 1], dtype=torch.float64).reshape(1, 6, 1)
    first = difference_loss(predicted[:, :3], target[:, :3])
    second = difference_loss(predicted[:, 4:], target[:, 4:])
    expected = (2 * first + second) / 3
    assert_close(difference_loss(predicted, target, weight=weight), expected, rtol=1e-12, atol=0)


def test_a_channel_that_counts_twice_is_as_if_it_stood_there_twice():
    predicted, target = pair()
    weight = torch.tensor([1.0, 2.0, 1.0, 1.0], dtype=torch.float64).reshape(1, 1, 4)
    doubled = [0, 1, 1, 2, 3]
    expected = velocity_loss(predicted[..., doubled], target[..., doubled])
    assert_close(velocity_loss(predicted, target, weight=weight), expected, rtol=1e-12, atol=0)


@BOTH
def test_where_nothing_counts_loss_and_gradient_are_zero(loss):
    predicted, target = pair()
    predicted.requires_grad_()
    value = loss(predicted, target, weight=torch.zeros(3, 1, 1, dtype=torch.float64))
    value.backward()
    assert value.item() == 0
    assert predicted.grad is not None
    assert predicted.grad.abs().max() == 0


def test_one_frame_has_no_differences_and_no_loss():
    predicted, target = pair(frames=1)
    assert difference_loss(predicted, target).item() == 0
