"""Names of the released audio networks' tensors, and what they are called here.

Both audio networks are wav2vec 2.0 in Hugging Face's naming, which ours keep behind a prefix.
Source: specification, "The released weights".
"""

from collections.abc import Iterator
from typing import Any

from openfloat.config import (
    EMOTIONS,
    ModelConfig,
    Wav2Vec2Config,
    Wav2Vec2EmotionConfig,
    Wav2Vec2SpeechConfig,
)
from openfloat.errors import BadInput

SPEECH, SPEECH_NETWORK = "audio_encoder.", "audio_encoder.wav2vec2."
EMOTION = "emotion_encoder.wav2vec2_for_emotion."
EMOTION_NETWORK = f"{EMOTION}wav2vec2."
OURS_SPEECH, OURS_EMOTION = "speech.backbone.network.", "emotion.backbone.network."

_OLD_SPELLINGS = {
    "pos_conv_embed.conv.weight_g": "pos_conv_embed.conv.parametrizations.weight.original0",
    "pos_conv_embed.conv.weight_v": "pos_conv_embed.conv.parametrizations.weight.original1",
}


def new_spelling(name: str) -> str:
    """The name with the positional convolution's weight norm as current PyTorch spells it."""
    for old, new in _OLD_SPELLINGS.items():
        if name.endswith(old):
            return name.removesuffix(old) + new
    return name


def audio_names(config: ModelConfig) -> dict[str, str | None]:
    """Every official name of both audio networks, with our name inside `FloatModel`.

    Shapes are the same on both sides. None stands for what is known and not needed: the embeddings
    that mask the input during pre-training.

    Raises:
        BadInput: the config does not ask for wav2vec 2.0.
    """
    speech, emotion = config.speech, config.emotion
    if not isinstance(speech, Wav2Vec2SpeechConfig) or not isinstance(
        emotion, Wav2Vec2EmotionConfig
    ):
        raise BadInput("released audio weights fit only models with wav2vec2 speech and emotion")
    return {**speech_names(speech), **emotion_names(emotion)}


def speech_names(config: Wav2Vec2SpeechConfig) -> dict[str, str | None]:
    """The part of `audio_names` that belongs to the speech encoder."""
    names = _network_names(config.backbone, SPEECH_NETWORK, OURS_SPEECH)
    for layer in ("0.weight", "0.bias", "1.weight", "1.bias"):
        names[f"{SPEECH}audio_projection.{layer}"] = f"speech.projection.{layer}"
    return names


def emotion_names(config: Wav2Vec2EmotionConfig) -> dict[str, str | None]:
    """The part of `audio_names` that belongs to the emotion classifier."""
    names = _network_names(config.backbone, EMOTION_NETWORK, OURS_EMOTION)
    for kind in ("weight", "bias"):
        names[f"{EMOTION}classifier.dense.{kind}"] = f"emotion.dense.{kind}"
        names[f"{EMOTION}classifier.out_proj.{kind}"] = f"emotion.out.{kind}"
    return names


def speech_folder_name(name: str) -> str | None:
    """A name of a wav2vec 2.0 checkpoint as the released model calls it; None for the CTC head."""
    if name.startswith("lm_head."):
        return None
    return SPEECH_NETWORK + new_spelling(name.removeprefix("wav2vec2."))


def emotion_folder_name(name: str) -> str:
    """A name of the emotion classifier's checkpoint as the released model calls it."""
    inside = name.startswith(("wav2vec2.", "classifier."))
    return EMOTION + new_spelling(name if inside else f"wav2vec2.{name}")


def huggingface_fields(config: Wav2Vec2Config) -> dict[str, Any]:
    """The config in the words of Hugging Face's `config.json`."""
    return {
        "hidden_size": config.hidden_dim,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "intermediate_size": config.feedforward_dim,
        "conv_dim": list(config.conv_dims),
        "conv_kernel": list(config.conv_kernels),
        "conv_stride": list(config.conv_strides),
        "num_feat_extract_layers": len(config.conv_dims),
        "conv_bias": config.conv_bias,
        "feat_extract_norm": config.conv_norm,
        "do_stable_layer_norm": config.stable_layer_norm,
        "num_conv_pos_embeddings": config.position_kernel,
        "num_conv_pos_embedding_groups": config.position_groups,
    }


def disagreements(config: Wav2Vec2Config, found: dict[str, Any]) -> list[str]:
    """Where a Hugging Face `config.json` differs from ours, in words; fields it omits pass."""
    wanted = huggingface_fields(config)
    return [
        f"{field} is {found[field]!r} and not {value!r}"
        for field, value in wanted.items()
        if field in found and found[field] != value
    ]


def labels_in_other_order(found: dict[str, Any]) -> bool:
    """Whether a `config.json` names the emotions, and not in our order."""
    labels = found.get("id2label") or {}
    named = [str(labels[key]).lower() for key in sorted(labels, key=int)]
    return bool(set(named) & set(EMOTIONS)) and named != list(EMOTIONS)


def _network_names(config: Wav2Vec2Config, theirs: str, ours: str) -> dict[str, str | None]:
    names: dict[str, str | None] = {theirs + name: ours + name for name in _network(config)}
    return {**names, f"{theirs}masked_spec_embed": None}


def _network(config: Wav2Vec2Config) -> Iterator[str]:
    """Names inside one wav2vec 2.0 network, in current spelling."""
    for index in range(len(config.conv_dims)):
        layer = f"feature_extractor.conv_layers.{index}"
        yield f"{layer}.conv.weight"
        if config.conv_bias:
            yield f"{layer}.conv.bias"
        if index == 0 or config.conv_norm == "layer":
            yield from _weight_and_bias(f"{layer}.layer_norm")
    yield from _weight_and_bias("feature_projection.layer_norm")
    yield from _weight_and_bias("feature_projection.projection")
    yield "encoder.pos_conv_embed.conv.bias"
    yield from (f"encoder.{name}" for name in _OLD_SPELLINGS.values())
    yield from _weight_and_bias("encoder.layer_norm")
    for index in range(config.num_layers):
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            yield from _weight_and_bias(f"encoder.layers.{index}.attention.{part}")
        for part in (
            "layer_norm",
            "feed_forward.intermediate_dense",
            "feed_forward.output_dense",
            "final_layer_norm",
        ):
            yield from _weight_and_bias(f"encoder.layers.{index}.{part}")


def _weight_and_bias(module: str) -> Iterator[str]:
    yield f"{module}.weight"
    yield f"{module}.bias"
