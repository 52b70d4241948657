"""The basis: orthonormal, LAPACK's signs, cached only while it is true."""

import copy

import numpy as np
import scipy.linalg
import torch

from openfloat.models.basis import MotionBasis


def test_directions_are_the_q_of_lapacks_householder_qr() -> None:
    basis = MotionBasis(16, 5)
    expected, _ = scipy.linalg.qr(basis.parameter.detach().numpy(), mode="economic")
    np.testing.assert_allclose(basis.directions().detach().numpy(), expected, rtol=0, atol=1e-6)


def test_directions_are_orthonormal_even_if_the_parameter_is_far_from_it() -> None:
    basis = MotionBasis(32, 20)
    torch.nn.init.uniform_(basis.parameter, 10, 11)
    directions = basis.directions()
    torch.testing.assert_close(directions.T @ directions, torch.eye(20), rtol=0, atol=1e-5)


def test_motion_and_coefficients_are_inverse() -> None:
    basis = MotionBasis(32, 20)
    coefficients = torch.randn(3, 20)
    back = basis.coefficients(basis.motion(coefficients))
    torch.testing.assert_close(back, coefficients, rtol=0, atol=1e-5)


def test_what_lies_outside_of_the_basis_is_dropped() -> None:
    basis = MotionBasis(8, 3)
    motion = torch.randn(2, 8)
    inside = basis.motion(basis.coefficients(motion))
    torch.testing.assert_close(
        basis.coefficients(motion - inside), torch.zeros(2, 3), rtol=0, atol=1e-6
    )


def test_training_reaches_the_parameter() -> None:
    basis = MotionBasis(8, 3)
    basis.motion(torch.ones(1, 3)).square()[:, :4].sum().backward()
    assert basis.parameter.grad is not None
    assert basis.parameter.grad.abs().max() > 1e-3


def test_eval_mode_decomposes_once_until_the_parameter_changes() -> None:
    basis = MotionBasis(8, 3).eval()
    first = basis.directions()
    assert basis.directions() is first
    with torch.no_grad():
        basis.parameter.mul_(torch.rand(8, 3))
    assert not torch.equal(basis.directions(), first)


def test_a_step_of_an_optimiser_renews_the_directions() -> None:
    basis = MotionBasis(8, 3).eval()
    optimiser = torch.optim.SGD(basis.parameters(), lr=1.0)
    before = basis.directions()
    basis.parameter.grad = torch.randn(8, 3)
    optimiser.step()
    fresh = torch.linalg.qr(basis.parameter.detach()).Q
    assert not torch.equal(basis.directions(), before)
    torch.testing.assert_close(basis.directions(), fresh, rtol=0, atol=1e-6)


def test_loading_renews_the_directions_whether_copied_or_assigned() -> None:
    for assign in (False, True):
        basis, other = MotionBasis(8, 3).eval(), MotionBasis(8, 3).eval()
        basis.directions()
        basis.load_state_dict(other.state_dict(), assign=assign)
        assert torch.equal(basis.directions(), other.directions())


def test_directions_follow_the_type_of_the_parameter() -> None:
    basis = MotionBasis(16, 4).eval()
    single = basis.directions()
    basis.bfloat16()
    assert basis.directions().dtype == torch.bfloat16
    torch.testing.assert_close(basis.directions().float(), single, rtol=0, atol=0.03)
    assert basis.motion(torch.ones(1, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16


def test_directions_cached_in_inference_mode_serve_gradients_later() -> None:
    basis = MotionBasis(8, 3).eval()
    with torch.inference_mode():
        basis.directions()
    coefficients = torch.ones(1, 3, requires_grad=True)
    basis.motion(coefficients).sum().backward()
    expected = basis.directions().sum(dim=0, keepdim=True)
    torch.testing.assert_close(coefficients.grad, expected)


def test_a_used_basis_can_be_copied_and_its_cache_is_not_state() -> None:
    basis = MotionBasis(8, 3).eval()
    basis.directions()
    twin = copy.deepcopy(basis)
    assert torch.equal(twin.directions(), basis.directions())
    assert list(basis.state_dict()) == ["parameter"]
