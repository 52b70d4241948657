"""Fréchet distance between Gaussians: the formula behind FID, FVD, E-FID and P-FID."""

from typing import NamedTuple, Self

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from openfloat.errors import BadInput


class Gaussian(NamedTuple):
    """Mean and covariance of feature vectors."""

    mean: Float64[ndarray, " c"]
    covariance: Float64[ndarray, "c c"]

    @classmethod
    def of(cls, features: ndarray) -> Self:
        """Of samples (n, c); the covariance is the unbiased one.

        Raises:
            BadInput: fewer than two samples.
        """
        rows = np.asarray(features, np.float64)
        if len(rows) < 2:
            raise BadInput(f"a distribution needs at least two samples, not {len(rows)}")
        return cls(rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False)))


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) (Heusel et al. 2017, eq. 6; Dowson and Landau).

    The trace of the root is the sum of the roots of the eigenvalues of C1^(1/2) C2 C1^(1/2), which
    is symmetric: no complex parts arise, singular covariances (fewer samples than features) need no
    padding, and the distance of a distribution to itself is 0 up to rounding. Never below 0.
    """
    moved = one.mean - other.mean
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    middle = root @ other.covariance @ root
    shared = np.sqrt(np.linalg.eigvalsh((middle + middle.T) / 2).clip(0)).sum()
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    return float(max(0.0, moved @ moved + traces - 2 * shared))
