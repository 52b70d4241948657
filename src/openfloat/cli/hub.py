"""`openfloat download` and `openfloat upload`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg


@dataclass(frozen=True, kw_only=True)
class Download:
    """Fetch a model from the Hugging Face hub; what was cut off goes on where it stopped."""

    name: Positional[str]
    """float-512 (the released weights, converted), or owner/name of a model."""
    revision: str | None = None
    """Branch, tag or commit; none: the main branch."""
    accept_licence: bool = False
    """You have read the licence of the weights and agree; needed where it is not a free one."""
    output: Annotated[Path, arg(aliases=["-o"])] = Path("float-512")
    """Model folder that float-512 is written to; other models stay in the hub's cache."""

    def run(self) -> None:
        """Fetch it and say where it is."""
        from openfloat.weights.fetch import fetch_model
        from openfloat.weights.released_places import FLOAT_512, download_float_512, licences

        if self.name != FLOAT_512:
            folder = fetch_model(
                self.name, revision=self.revision, accept_licence=self.accept_licence
            )
            print(folder)
            return
        print(licences())
        count = download_float_512(self.output, accept_licence=self.accept_licence)
        print(f"{self.output}: {count / 1e6:.1f} M parameters")


@dataclass(frozen=True, kw_only=True)
class Upload:
    """Publish a model folder on the Hugging Face hub, with a model card."""

    folder: Positional[Path]
    """Model folder."""
    repository: Positional[str]
    """owner/name; made, for you alone, where it does not exist."""
    card: Path = Path("MODEL_CARD.md")
    """Markdown file: data, figures, limits, and how not to use it."""
    licence: str = "apache-2.0"
    """As the hub spells it."""
    public: bool = False
    """A new repository is seen by everybody."""

    def run(self) -> None:
        """Upload it and say where it is."""
        from openfloat.errors import BadInput
        from openfloat.weights.publish import push_to_hub

        try:
            card = self.card.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{self.card}: there is no model card that can be read") from error
        print(
            push_to_hub(
                self.folder, self.repository, card, licence=self.licence, private=not self.public
            )
        )
