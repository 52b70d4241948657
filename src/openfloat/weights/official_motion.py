"""The released vector field's tensor names and ours."""

from openfloat.config import VectorFieldConfig

OFFICIAL, OURS = "fmt.", "motion."

_TOP = {
    "x_embedder.proj": "embed_motion",
    "t_embedder.mlp.0": "embed_time.inner",
    "t_embedder.mlp.2": "embed_time.outer",
    "c_embedder": "embed_condition",
    "decoder.adaLN_modulation.1": "head.modulation.linear",
    "decoder.linear": "head.linear",
}
_BLOCK = {
    "attn.qkv": "attention.qkv",
    "attn.proj": "attention.out",
    "mlp.fc1": "mlp.0",
    "mlp.fc2": "mlp.2",
    "adaLN_modulation.1": "modulation.linear",
}


def motion_names(config: VectorFieldConfig) -> dict[str, str | None]:
    """Every released name of the vector field -> the name in `FloatModel`.

    Shapes are the same on both sides. None stands for a tensor that is accepted and not used: the
    attention mask follows from the config.
    """
    layers = dict(_TOP)
    for index in range(config.depth):
        for official, ours in _BLOCK.items():
            layers[f"blocks.{index}.{official}"] = f"blocks.{index}.{ours}"
    names: dict[str, str | None] = {
        f"{OFFICIAL}{official}.{kind}": f"{OURS}{ours}.{kind}"
        for official, ours in layers.items()
        for kind in ("weight", "bias")
    }
    names[f"{OFFICIAL}pos_embed"] = f"{OURS}positions"
    names[f"{OFFICIAL}alignment_mask"] = None
    return names
