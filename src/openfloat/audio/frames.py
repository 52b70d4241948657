"""Sound samples at 16 kHz and video frames at 25 per second: 640 samples to a frame."""

from openfloat.config import SAMPLES_PER_FRAME


def num_frames(samples: int) -> int:
    """Frames that cover a number of samples; a begun frame counts (specification section 2)."""
    return -(-samples // SAMPLES_PER_FRAME)


def num_samples(frames: int) -> int:
    """Samples that a number of whole frames last."""
    return frames * SAMPLES_PER_FRAME
