"""A model folder onto the Hugging Face hub, with its model card."""

import shutil
import tempfile
from pathlib import Path

from openfloat.errors import BadCheckpoint, BadInput, ModelNotFound
from openfloat.weights.fetch import CARD, is_repository
from openfloat.weights.store import CONFIG, WEIGHTS, load_config

HEAD = """---
license: {licence}
library_name: openfloat
pipeline_tag: image-to-video
tags: [talking-head, flow-matching, FLOAT]
---
"""


def push_to_hub(
    folder: Path | str, repository: str, card: str, *, licence: str, private: bool = True
) -> str:
    """Publish a model folder: config, weights and card, in one commit.

    Args:
        folder: holds `config.json` and `model.safetensors`.
        repository: owner/name; made where it does not exist.
        card: Markdown: data, figures, limits, and how not to use it.
        licence: as the hub spells it, for example apache-2.0.
        private: whether a new repository is seen by its owner alone.

    Returns:
        Address of the commit.

    Raises:
        BadInput: the name is not owner/name, or the card is empty.
        BadCheckpoint: the folder is no model folder.
        ModelNotFound: the hub cannot be reached or refuses.
    """
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    folder = Path(folder)
    if not is_repository(repository):
        raise BadInput(f"{repository!r} is not owner/name of a model on the hub")
    if not card.strip():
        raise BadInput("the model card is empty: say what it was trained on and what it is not for")
    load_config(folder)
    if not (folder / WEIGHTS).is_file():
        raise BadCheckpoint(f"{folder}: the folder holds no {WEIGHTS}")
    with tempfile.TemporaryDirectory() as name:
        staged = Path(name)
        for file in (CONFIG, WEIGHTS):
            shutil.copyfile(folder / file, staged / file)
        (staged / CARD).write_text(HEAD.format(licence=licence) + card, encoding="utf-8")
        try:
            api = HfApi()
            api.create_repo(repository, private=private, exist_ok=True)
            made = api.upload_folder(
                repo_id=repository, folder_path=staged, commit_message="Model of openfloat"
            )
        except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelNotFound(f"{repository}: the hub did not take it: {said}") from error
    return str(made.commit_url)
