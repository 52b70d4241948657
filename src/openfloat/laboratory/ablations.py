"""The ablations by name: their question, their variants, and what the paper found."""

from dataclasses import replace

from openfloat.laboratory.ablation import Ablation, Claim
from openfloat.laboratory.picture_ablations import COMPONENTS, DIRECTIONS
from openfloat.laboratory.variant import SMALL_FIELD, EmotionSource, Variant
from openfloat.options import SampleOptions, SolverName
from openfloat.training.config import MotionWeights


def _drawn(name: str, *, nfe: int = 10, solver: SolverName = "euler", **options: float) -> Variant:
    """The embedded model, drawn from in another way."""
    return Variant(
        name=name,
        field=None,
        options=SampleOptions(nfe=nfe, solver=solver, **options),  # type: ignore[arg-type]
    )


BASE = Variant(name="base")
"""Flow matching, frame-wise modulation, two frames of attention to either side, all losses."""


def _from_base(
    name: str, options: SampleOptions = BASE.options, *, emotion: EmotionSource = "label"
) -> Variant:
    """The small trained field, drawn from in another way."""
    return replace(BASE, name=name, trained_as="base", options=options, emotion=emotion)


NFE = Ablation(
    name="nfe",
    question="How many evaluations of the vector field, and which solver?",
    variants=(
        *(_drawn(f"euler-{n}", nfe=n) for n in (1, 2, 5, 10, 20)),
        _drawn("midpoint-10", nfe=10, solver="midpoint"),
        _drawn("heun-10", nfe=10, solver="heun"),
        _drawn("rk4-20", nfe=20, solver="rk4"),
        _drawn("ab2-5", nfe=5, solver="ab2"),
        _drawn("ab2-10", nfe=10, solver="ab2"),
    ),
    paper={
        "euler-2": {"FID": "21.79", "FVD": "178.8", "LSE-D": "7.56", "FPS on a V100": "45.2"},
        "euler-5": {"FID": "21.44", "FVD": "164.5", "LSE-D": "7.16", "FPS on a V100": "44.7"},
        "euler-10": {"FID": "21.10", "FVD": "162.1", "LSE-D": "7.29", "FPS on a V100": "41.4"},
        "euler-20": {"FID": "21.16", "FVD": "164.4", "LSE-D": "7.34", "FPS on a V100": "38.2"},
    },
    claims=(
        Claim(
            says="10 evaluations are nearer to real motion than 2 (FVD 162.1 against 178.8)",
            better="euler-10", worse="euler-2", figure="motion_frechet",
        ),
        Claim(
            says="20 evaluations are no better than 10 (FVD 164.4 against 162.1)",
            better="euler-10", worse="euler-20", figure="motion_frechet",
        ),
        Claim(
            says="the midpoint rule gains nothing over Euler's at the same evaluations",
            better="euler-10", worse="midpoint-10", figure="motion_frechet",
        ),
    ),
)  # fmt: skip

SCALES_A, SCALES_E = (1.0, 2.0), (0.0, 0.5, 1.0, 1.5, 2.0)
GUIDANCE = Ablation(
    name="guidance",
    question="How strongly towards the speech (γa) and the emotion (γe)?",
    variants=tuple(
        _from_base(f"a{a:g}-e{e:g}", SampleOptions(audio_scale=a, emotion_scale=e))
        for a in SCALES_A
        for e in SCALES_E
    ),
    paper={
        "a1-e1": {"FID": "33.07", "LSE-D": "7.05"},
        "a1-e2": {"FID": "31.84", "LSE-D": "7.21"},
        "a2-e1": {"FID": "31.68", "LSE-D": "6.99"},
        "a2-e2": {"FID": "32.25", "LSE-D": "6.99"},
    },
    claims=(
        Claim(
            says="γa = 2 brings the lips nearer to the voice than γa = 1 (LSE-D 6.99, 7.05)",
            better="a2-e1", worse="a1-e1", figure="jaw_r",
        ),
        Claim(
            says="γa = 2, γe = 1 is nearest to real clips (FID 31.68; (1, 1) has 33.07)",
            better="a2-e1", worse="a1-e1", figure="motion_frechet",
        ),
        Claim(
            says="the emotion scale works: γe = 2 shows the emotion more than 0.5",
            better="a2-e2", worse="a2-e0.5", figure="named",
        ),
    ),
)  # fmt: skip

EMOTION = Ablation(
    name="emotion",
    question="Where does the emotion come from: speech (S2E), the portrait (I2E), or nowhere? No "
    "fair trial of S2E: the portraits here wear their label's expression, while synthetic "
    "voices differ in mean rate and pitch alone.",
    variants=(
        _from_base("none", emotion="none"),
        _from_base("S2E", emotion="voice"),
        _from_base("I2E", emotion="face"),
        _from_base("label", emotion="label"),
    ),
    claims=(
        Claim(
            says="the paper's choice: the emotion heard in the speech (S2E) rather than none",
            better="S2E", worse="none", figure="named",
        ),
        Claim(
            says="the paper's choice: the emotion heard (S2E) rather than seen (I2E)",
            better="S2E", worse="I2E", figure="named",
        ),
    ),
)  # fmt: skip

OBJECTIVE = Ablation(
    name="objective",
    question="Flow matching or denoising diffusion (500 cosine steps, DDIM 50)?",
    variants=(
        BASE,
        Variant(name="epsilon", objective="epsilon"),
        Variant(name="x0", objective="x0"),
    ),
    paper={
        "base": {"LSE-D": "7.29", "FPS on a V100": "41.4"},
        "epsilon": {"LSE-D": "9.92", "FPS on a V100": "30.4"},
        "x0": {"LSE-D": "9.05", "FPS on a V100": "30.5"},
    },
    claims=(
        Claim(
            says="flow matching follows the voice better than predicting noise (LSE-D 7.29, 9.92)",
            better="base", worse="epsilon", figure="jaw_r",
        ),
        Claim(
            says="flow matching follows the voice better than predicting data (LSE-D 7.29, 9.05)",
            better="base", worse="x0", figure="jaw_r",
        ),
        Claim(
            says="predicting data follows the voice better than predicting noise (9.05, 9.92)",
            better="x0", worse="epsilon", figure="jaw_r",
        ),
    ),
)  # fmt: skip

CONDITIONING = Ablation(
    name="conditioning",
    question="Frame-wise modulation or cross-attention?",
    variants=(
        BASE,
        Variant(
            name="cross-attention", field=replace(SMALL_FIELD, conditioning="cross_attention")
        ),
    ),
    claims=(
        Claim(
            says="the paper's choice: frame-wise modulation rather than cross-attention",
            better="base", worse="cross-attention", figure="jaw_r",
        ),
    ),
)  # fmt: skip

RADIUS = Ablation(
    name="radius",
    question="How far does attention reach (frames to either side)?",
    variants=(
        Variant(name="radius-1", field=replace(SMALL_FIELD, attention_radius=1)),
        replace(BASE, name="base"),
        Variant(name="radius-3", field=replace(SMALL_FIELD, attention_radius=3)),
        Variant(name="radius-full", field=replace(SMALL_FIELD, attention_radius=60)),
    ),
    claims=tuple(
        Claim(
            says=f"the paper's choice: attention over two frames to either side, not {said}",
            better="base",
            worse=f"radius-{worse}",
            figure="motion_frechet",
        )
        for worse, said in (("1", "one"), ("3", "three"), ("full", "all"))
    ),
)

LOSSES = Ablation(
    name="losses",
    question="What do L_vel and L_past buy?",
    variants=(
        BASE,
        Variant(name="without-L_vel", weights=MotionWeights(difference=0)),
        Variant(name="without-L_past", weights=MotionWeights(past=0)),
    ),
    claims=(
        Claim(
            says="the paper's choice: with L_vel, so that motion changes as real motion does",
            better="base", worse="without-L_vel", figure="lip_velocity_error",
        ),
        Claim(
            says="the paper's choice: with the clean past in the loss (L_past)",
            better="base", worse="without-L_past", figure="motion_frechet",
        ),
    ),
)  # fmt: skip

WIDTH = Ablation(
    name="width",
    question="How wide is a motion token (d; the coefficients themselves, or latents of width d)?",
    variants=(
        BASE,
        *(Variant(name=f"d-{width}", latent_dim=width) for width in (256, 512, 768)),
    ),
    claims=tuple(
        Claim(
            says=f"the paper's choice: latents of width 512, not {worse}",
            better="d-512",
            worse=f"d-{worse}",
            figure="motion_frechet",
        )
        for worse in (256, 768)
    ),
)

POSED = Ablation(
    name="pose",
    question="Is the head told its pose in every frame?",
    variants=(BASE, Variant(name="with-pose", field=replace(SMALL_FIELD, pose_dim=24))),
    paper={
        "base": {"FID": "21.10", "FVD": "162.1", "E-FID": "1.229", "P-FID": ".032"},
        "with-pose": {"FID": "19.72", "FVD": "126.7", "E-FID": ".926", "P-FID": ".012"},
    },
    claims=(
        Claim(
            says="told the pose, motion is nearer to the real one (FVD 126.7 against 162.1)",
            better="with-pose",
            worse="base",
            figure="motion_frechet",
        ),
    ),
)

ABLATIONS = {
    ablation.name: ablation
    for ablation in (
        OBJECTIVE, GUIDANCE, EMOTION, CONDITIONING, POSED, LOSSES, RADIUS, NFE, WIDTH,
        DIRECTIONS, COMPONENTS,
    )
}  # fmt: skip
"""In the order in which `openfloat ablate all` runs them."""
