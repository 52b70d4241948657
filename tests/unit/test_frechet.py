"""The Fréchet distance against closed forms and against other libraries."""

import numpy as np
import pytest
import scipy
import torch

from openfloat.errors import BadInput
from openfloat.evaluation.frechet import Gaussian, frechet_distance


def gaussian(rng: np.random.Generator, size: int, rank: int) -> Gaussian:
    root = rng.normal(size=(size, rank))
    return Gaussian(rng.normal(size=size), root @ root.T)


def test_one_dimension_is_the_closed_form() -> None:
    one, other = Gaussian(np.array([1.0]), np.eye(1) * 4), Gaussian(np.array([3.5]), np.eye(1) * 9)
    assert frechet_distance(one, other) == pytest.approx(2.5**2 + (2 - 3) ** 2, abs=1e-12)


def test_covariances_that_commute_compare_by_their_deviations() -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    a, b = rng.uniform(0, 3, (2, 6))
    mean = rng.normal(size=(2, 6))
    one = Gaussian(mean[0], turn @ np.diag(a**2) @ turn.T)
    other = Gaussian(mean[1], turn @ np.diag(b**2) @ turn.T)
    expected = np.sum((mean[0] - mean[1]) ** 2) + np.sum((a - b) ** 2)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-10)


def test_any_covariances_compare_as_by_scipys_square_root() -> None:
    rng = np.random.default_rng(1)
    one, other = gaussian(rng, 5, 5), gaussian(rng, 5, 5)
    root = scipy.linalg.sqrtm(one.covariance @ other.covariance).real
    expected = np.sum((one.mean - other.mean) ** 2) + np.trace(
        one.covariance + other.covariance - 2 * root
    )
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-9)


def test_torchmetrics_agrees() -> None:
    from torchmetrics.image.fid import _compute_fid

    rng = np.random.default_rng(2)
    one, other = gaussian(rng, 8, 8), gaussian(rng, 8, 8)
    tensors = [torch.from_numpy(part) for part in (*one, *other)]
    expected = _compute_fid(tensors[0], tensors[1], tensors[2], tensors[3])
    assert frechet_distance(one, other) == pytest.approx(float(expected), rel=1e-8)


@pytest.mark.parametrize("rank", [2, 12])
def test_a_distribution_is_at_distance_zero_from_itself(rank: int) -> None:
    """Of fewer samples than features too, where the covariance is singular."""
    one = gaussian(np.random.default_rng(3), 12, rank)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)


def test_samples_become_their_mean_and_unbiased_covariance() -> None:
    samples = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 4.0]])
    found = Gaussian.of(samples)
    np.testing.assert_allclose(found.mean, [2, 2])
    np.testing.assert_allclose(found.covariance, [[4, 3], [3, 3]])
    with pytest.raises(BadInput, match="at least two samples"):
        Gaussian.of(samples[:1])
