"""Put the animated face back into its photo, with the photo's own sharpness.

A decoded frame is small and softer than the photo, so its pixels are not copied. The photo itself
is bent by the motion between the decoded rest (the portrait in its own pose) and the decoded frame,
and only what bending does not explain is added: an open mouth, shut lids, light and shade. A frame
like the rest gives the photo back exactly, whatever the decoder does to colours. Towards the border
of the crop the motion fades out, so that hair, neck and shoulders stay in one piece.
"""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int64, UInt8
from numpy import ndarray
from PIL import Image
from torch import Tensor

from openfloat.vision.face import PortraitCrop, RgbImage
from openfloat.vision.geometry import Box
from openfloat.vision.optical_flow import SIDES, bend, box_blur, mesh, motion_between, pyramid

LONGEST_SIDE = 4096
"""Photos of more pixels are made smaller: hardly a player shows larger videos."""
EDGE, FADE = 0.02, 0.14
"""Shares of the crop's side: untouched along the border, and the motion's way from none to full."""
SHORTEST_FADE = 0.03
"""Where the face reaches close to the border of the crop."""
TRUSTED, STRANGE = 5.0, 15.0
"""Mean error of the bent rest, in levels of 255, up to which the photo shows, and from which the
decoded frame does."""
AROUND = 2
"""Pixels of the crop around strange places that the decoded frame takes as well."""
BAND = 32
"""Rows finished together: few enough to stay in a core's cache."""
NOISE = 1.5
"""Levels of 255 that a decoded frame may differ from the bent rest for no reason."""

Crop = UInt8[ndarray, "s s 3"]


class PasteBack:
    """Turns decoded crops of one portrait into full pictures; holds what does not change.

    Attributes:
        width: of the full pictures, in pixels, even.
        height: of the full pictures, in pixels, even.
        touched: whole pixels of the full picture that a frame may change; all others are the
            photo's.
        mask: (touched height, touched width) how much of the motion is shown, 0 ... 1.
    """

    def __init__(self, picture: RgbImage, crop: PortraitCrop, rest: Crop) -> None:
        """Make ready all that the frames share.

        Photos of more than 4096 pixels along a side are made smaller; then a last odd row or column
        is dropped, since H.264 stores pictures of even size.

        Args:
            picture: RGB bytes, the photo that was cropped.
            crop: what was cut out of it; parts outside of the picture are dropped.
            rest: the crop decoded with the portrait's own motion.
        """
        photo, box = within_limits(picture, crop.box)
        self.height, self.width = photo.shape[:2]
        self._photo = photo
        self._size = size = len(rest)
        mask = _motion_mask(size, crop)
        self.touched = touched = _touched(box, self.width, self.height)
        scale = size / box.width
        # smaller than the crop: averaged first, so that no pixel of it is skipped
        self._side = side = min(size, int(box.width))
        zoom = side / box.width
        self._taps_across = _cubic_taps(side, zoom, touched.left - box.left, touched.width)
        self._taps_down = _cubic_taps(side, zoom, touched.top - box.top, touched.height)
        self._rows = slice(int(touched.top), int(touched.bottom))
        self._columns = slice(int(touched.left), int(touched.right))
        patch = torch.from_numpy(photo[self._rows, self._columns].astype(np.float32))
        self._patch = patch.permute(2, 0, 1)[None].contiguous()
        self._grid = mesh(*patch.shape[:2])[0]
        self._step = 2 / scale / torch.tensor([touched.width, touched.height])[:, None, None]
        self._mask = torch.from_numpy(mask)[None, None]
        self.mask = self._down(self._across(self._mask), slice(None))[0].clamp(0, 1).numpy()
        rest_pixels = _pixels(rest)
        # what the decoder does to colours: the slow part of its error, slower than teeth
        self._tint = box_blur(box_blur(_pixels(crop.image) - rest_pixels, size // 10), size // 10)
        self._rest, self._pyramid = rest_pixels, pyramid(rest_pixels)

    def __call__(self, frame: Crop) -> RgbImage:
        """The full picture (height, width, 3) of one decoded crop."""
        full = self._photo.copy()
        self._fill(full, frame, None)
        return full

    def with_matte(
        self, frame: Crop, matte: Float32[ndarray, "h w"]
    ) -> tuple[RgbImage, Float32[ndarray, "h w"]]:
        """The full picture, and a matte of the photo (height, width) that moves with it."""
        full, moved = self._photo.copy(), matte.copy()
        self._fill(full, frame, moved)
        return full, moved

    def _fill(self, full: RgbImage, frame: Crop, matte: Float32[ndarray, "h w"] | None) -> None:
        """Change what a frame changes, in place."""
        still = None
        if matte is not None:
            part = matte[self._rows, self._columns].copy()
            still = torch.from_numpy(part)[None, None]
        with torch.inference_mode():
            narrow = self._across(self._explain(_pixels(frame)))
            for start in range(0, len(self._grid), BAND):
                band = slice(start, start + BAND)
                rows = full[self._rows, self._columns][band]
                for channel, plane in enumerate(self._band(narrow, band).numpy()):
                    rows[..., channel] = plane
                if matte is not None and still is not None:
                    shift = self._down(narrow, band)[4:]
                    grid = self._grid[band] + shift.permute(1, 2, 0)
                    moved = F.grid_sample(still, grid[None], "bilinear", "border", False)  # noqa: FBT003
                    matte[self._rows, self._columns][band] = moved[0, 0].numpy()

    def _band(self, narrow: Float[Tensor, "6 s w"], band: slice) -> UInt8[Tensor, "3 n w"]:
        """Some rows of the touched rectangle, from what `_explain` says of them."""
        added, share, shift = self._down(narrow, band).split((3, 1, 2))
        grid = self._grid[band] + shift.permute(1, 2, 0)
        # bilinear would take half of the time, and a fifth of the photo's grain
        bent = F.grid_sample(
            self._patch, grid[None], mode="bicubic", padding_mode="border", align_corners=False
        )[0]
        return torch.addcmul(added, bent, share).add_(0.5).clamp_(0, 255).byte()

    def _explain(self, frame: Float[Tensor, "1 3 s s"]) -> Float[Tensor, "1 6 s s"]:
        """Split a frame, at its own size, into the bent photo and what is added to it.

        Returns:
            Levels of 255 to add (red, green, blue); the bent photo's share, 0 ... 1; and how far
            from its own place each pixel comes from (x, y), in halves of the touched rectangle.
        """
        flow = motion_between(self._pyramid, pyramid(frame))
        flow = F.interpolate(flow, size=(self._size, self._size), mode="bilinear")
        flow *= self._size / SIDES[-1]
        bent = bend(self._rest, flow)
        change = frame - bent
        error = box_blur(change.abs().mean(1, keepdim=True), 2)
        strange = ((error - TRUSTED) / (STRANGE - TRUSTED)).clamp(0, 1)
        # with their surroundings: motion found beside a mouth that opens wide is not to be believed
        for reach in ((0, AROUND), (AROUND, 0)):
            strange = F.max_pool2d(strange, (2 * reach[0] + 1, 2 * reach[1] + 1), 1, reach)
        strange = box_blur(strange, AROUND)
        drawn = self._mask * strange
        change -= change.clamp(-NOISE, NOISE)
        added = drawn * (frame + self._tint) + (self._mask - drawn) * change
        return torch.cat((added, 1 - drawn, flow * self._mask * self._step), dim=1)

    def _across(self, planes: Float[Tensor, "1 c s s"]) -> Float[Tensor, "c _ w"]:
        """Planes of the crop, as wide as the touched rectangle but not yet as high."""
        if self._side < self._size:
            planes = F.interpolate(planes, size=(self._side, self._side), mode="area")
        return _mixed_rows(planes[0].mT.contiguous(), *self._taps_across).mT.contiguous()

    def _down(self, narrow: Float[Tensor, "c s w"], band: slice) -> Float[Tensor, "c n w"]:
        """Some rows of the planes over the touched rectangle."""
        rows, weights = self._taps_down
        return _mixed_rows(narrow, rows[:, band], weights[:, band])


def _pixels(image: Crop) -> Float[Tensor, "1 3 s s"]:
    """Levels of 255."""
    return torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]


def _cubic_taps(
    side: int, scale: float, start: float, length: float
) -> tuple[Int64[Tensor, "4 n"], Float[Tensor, "4 n 1"]]:
    """Which four rows of a small picture make each row of a part of the large one, and how much.

    Args:
        side: rows of the small picture; the outer ones are repeated.
        scale: rows of the small picture for each of the large one.
        start: first row of the part.
        length: rows of the part.
    """
    place = (start + torch.arange(int(length), dtype=torch.float64) + 0.5) * scale - 0.5
    first = place.floor()
    x = place - first
    # Catmull and Rom's spline
    weights = (
        ((2 - x) * x - 1) * x / 2,
        (3 * x - 5) * x * x / 2 + 1,
        ((4 - 3 * x) * x + 1) * x / 2,
        (x - 1) * x * x / 2,
    )
    rows = torch.stack([first + tap for tap in (-1, 0, 1, 2)]).clamp(0, side - 1)
    return rows.long(), torch.stack(weights).float()[..., None]


def _mixed_rows(
    planes: Float[Tensor, "c s w"], rows: Int64[Tensor, "4 n"], weights: Float[Tensor, "4 n 1"]
) -> Float[Tensor, "c n w"]:
    """Rows mixed by `_cubic_taps`; whole rows are moved, which is much faster than pixels."""
    mixed = planes.index_select(1, rows[0]) * weights[0]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        mixed.addcmul_(planes.index_select(1, row), weight)
    return mixed


def full_size(picture: RgbImage) -> tuple[int, int]:
    """Width and height of a photo's full pictures: at most 4096 pixels, even."""
    height, width = picture.shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(round(width * scale) // 2, 1) * 2, max(round(height * scale) // 2, 1) * 2


def at_full_size(picture: RgbImage) -> RgbImage:
    """A photo at its `full_size`, as it is."""
    return within_limits(picture, Box(0, 0, 2, 2))[0]


def within_limits(picture: RgbImage, box: Box) -> tuple[RgbImage, Box]:
    """The photo at `full_size`, and the crop's whole pixels there."""
    longer = max(picture.shape[:2])
    width, height = full_size(picture)
    if longer > LONGEST_SIDE:
        scale = LONGEST_SIDE / longer
        size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
        left, top, side = (round(v * scale) for v in (box.left, box.top, box.width))
        box = Box(left, top, left + side, top + side)
    return picture[:height, :width].copy(), box


def _touched(box: Box, width: int, height: int) -> Box:
    """The whole pixels of the picture where the mask may be above 0."""
    edge = int(EDGE * box.width)
    return Box(
        max(box.left + edge, 0),
        max(box.top + edge, 0),
        min(box.right - edge, width),
        min(box.bottom - edge, height),
    )


def _motion_mask(size: int, crop: PortraitCrop) -> Float32[ndarray, "s s"]:
    """How much of the motion is shown in a crop of some size: 1 inside, 0 along the border.

    The way from 0 to 1 is shorter at a side that the face comes close to.
    """
    fades = [FADE] * 4
    if crop.face is not None:
        face, box = crop.face.box, crop.box
        gaps = face.left - box.left, face.top - box.top, box.right - face.right
        shares = [gap / box.width - EDGE for gap in (*gaps, box.bottom - face.bottom)]
        fades = [min(max(share, SHORTEST_FADE), FADE) for share in shares]
    place = (np.arange(size) + 0.5) / size - EDGE
    back = place[::-1]
    left, top, right, bottom = (
        _smooth(way / fade) for way, fade in zip((place, place, back, back), fades, strict=True)
    )
    return np.outer(top * bottom, left * right).astype(np.float32)


def _smooth(x: Float[ndarray, " n"]) -> Float[ndarray, " n"]:
    """0 below 0, 1 above 1, without a kink in between."""
    x = x.clip(0, 1)
    return x * x * (3 - 2 * x)
