"""The orthonormal basis of motion (paper, section 3.1)."""

from typing import NamedTuple

import torch
from torch import nn

from openfloat.shapes import Coefficients, Float, Latent, Tensor

QR_EPSILON = 1e-8


class _Cached(NamedTuple):
    """Directions, and the state of the parameter that they were computed from."""

    parameter: nn.Parameter
    version: int
    directions: Tensor


class MotionBasis(nn.Module):
    """Motion directions: the Q of a QR decomposition of one free parameter (d m).

    Signs are those of LAPACK's Householder QR; the released weights depend on them. In eval mode Q
    is computed once and again only after the parameter has changed (in place, by an optimiser or by
    loading; a write through `.data` goes unseen, as torch does not count it).
    """

    def __init__(self, latent_dim: int, num_directions: int) -> None:
        """Draw the parameter from N(0, 1).

        Args:
            latent_dim: width d of a motion latent.
            num_directions: m directions, at most `latent_dim`.
        """
        super().__init__()
        self.parameter = nn.Parameter(torch.randn(latent_dim, num_directions))
        self._cached: _Cached | None = None

    def directions(self) -> Float[Tensor, "d m"]:
        """Orthonormal columns; differentiable in training mode, cached constants in eval mode."""
        if self.training or self.parameter.is_inference():
            self._cached = None
            return self._decompose()
        cached = self._cached
        if cached is None or not self._fits(cached):
            with torch.inference_mode(mode=False), torch.no_grad():
                directions = self._decompose()
            cached = _Cached(self.parameter, self.parameter._version, directions)
            self._cached = cached
        return cached.directions

    def motion(self, coefficients: Coefficients) -> Latent:
        """Motion latents (b d): the sum of directions weighted by coefficients (b m)."""
        return coefficients @ self.directions().T.to(coefficients.dtype)

    def coefficients(self, motion: Latent) -> Coefficients:
        """Coordinates (b m) of motion latents (b d); what is outside the basis is dropped."""
        return motion @ self.directions().to(motion.dtype)

    def _decompose(self) -> Float[Tensor, "d m"]:
        """Q of the reduced QR, in float32 or better, returned in the parameter's type."""
        dtype = torch.promote_types(self.parameter.dtype, torch.float32)
        return torch.linalg.qr(self.parameter.to(dtype) + QR_EPSILON).Q.to(self.parameter.dtype)

    def _fits(self, cached: _Cached) -> bool:
        """Whether the parameter is still what the cached directions came from."""
        parameter, directions = self.parameter, cached.directions
        return (
            cached.parameter is parameter
            and cached.version == parameter._version
            and directions.device == parameter.device
            and directions.dtype == parameter.dtype
        )
