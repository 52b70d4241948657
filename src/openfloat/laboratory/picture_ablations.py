"""The ablations of phase 1, on pictures."""

from openfloat.laboratory.ablation import Ablation, Claim
from openfloat.laboratory.phase1 import PictureVariant

PHASE_1 = ("familiar", "strangers")
DIRECTIONS = Ablation(
    name="directions",
    question="How many motion directions (M)?",
    variants=tuple(PictureVariant(name=f"M-{m}", num_directions=m) for m in (5, 10, 20, 40)),
    claims=(
        Claim(
            says="the paper's choice: M = 20 motion directions, not 5",
            better="M-20", worse="M-5", figure="error_left",
        ),
        Claim(
            says="the paper's choice: M = 20 motion directions, not 10",
            better="M-20", worse="M-10", figure="error_left",
        ),
        Claim(
            says="M = 20 motion directions are enough: 40 are no better",
            better="M-20", worse="M-40", figure="error_left",
        ),
    ),
    judged_on=PHASE_1,
)  # fmt: skip

COMPONENTS = Ablation(
    name="components",
    question="What does L_comp-lp buy?",
    variants=(
        PictureVariant(name="with-L_comp-lp", trained_as="M-20"),
        PictureVariant(name="without-L_comp-lp", component=0),
        PictureVariant(name="weight-100", component=100),
    ),
    paper={
        "with-L_comp-lp": {"FID": "19.80"},
        "without-L_comp-lp": {"FID": "21.06"},
    },
    claims=(
        Claim(
            says="L_comp-lp brings redrawn pictures nearer to real ones (FID 19.80, 21.06)",
            better="with-L_comp-lp", worse="without-L_comp-lp", figure="picture_frechet",
        ),
        Claim(
            says="L_comp-lp sharpens mouth and eyes",
            better="with-L_comp-lp", worse="without-L_comp-lp", figure="mouth_eyes_error_left",
        ),
    ),
    judged_on=PHASE_1,
)  # fmt: skip
