"""C2PA manifests: a signature that binds a video to what made it. Needs openfloat[provenance]."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from openfloat import __version__
from openfloat.errors import BadInput
from openfloat.marking.provenance import Origin
from openfloat.vision.video_reader import RgbFrame

SETTINGS = {
    "verify": {"remote_manifest_fetch": False},
    "builder": {"thumbnail": {"enabled": False}},
}
"""Nothing is asked of the network, and no small copy of the photo goes into the video."""
MISSING = "signing needs the package c2pa-python: pip install 'openfloat[provenance]'"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was found of a manifest.

    Attributes:
        state: "absent", "valid", "trusted", "invalid", or "unknown" without the library. Valid
            says that the file is as it was signed; trusted, that the signer is known too.
        issuer: who signed, by the certificate's own words.
        problems: codes of what did not hold.
    """

    state: str
    issuer: str | None = None
    problems: tuple[str, ...] = ()


class Signature:
    """Signs videos with one certificate.

    Args:
        certificate: PEM file of the certificate chain, the signer's own first.
        key: PEM file of its private key on the curve P-256.

    Raises:
        BadInput: the library is missing, or the files are not a certificate and its key.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._c2pa = _library()
        if self._c2pa is None:
            raise BadInput(MISSING)
        try:
            chain, private = certificate.read_bytes(), key.read_bytes()
        except OSError as error:
            raise BadInput(f"{error.filename} cannot be read: {error.strerror}") from error
        algorithm = self._c2pa.C2paSigningAlg.ES256
        self._info = self._c2pa.C2paSignerInfo(algorithm, chain, private, None)
        try:
            self._signer().close()
        except self._c2pa.C2paError as error:
            raise BadInput(
                f"{certificate} and {key} are not a C2PA certificate and its key: {error}"
            ) from error

    def sign(self, path: Path, origin: Origin, picture: RgbFrame | None) -> None:
        """Sign an mp4 file in place.

        Args:
            path: a finished file.
            origin: what made it.
            picture: the portrait, named as an ingredient.

        Raises:
            BadInput: the library refuses to sign.
        """
        assert self._c2pa is not None
        signed = path.with_name(path.name + ".signed")
        try:
            with self._c2pa.Builder(json.dumps(_claim(origin)), _context(self._c2pa)) as builder:
                if picture is not None:
                    relation = "componentOf" if origin.composite else "inputTo"
                    ingredient = {"title": "portrait", "relationship": relation}
                    builder.add_ingredient(ingredient, "image/png", _png(picture))
                with path.open("rb") as source, signed.open("w+b") as target:
                    builder.sign(self._signer(), "video/mp4", source, target)
            signed.chmod(path.stat().st_mode)
            signed.replace(path)
        except self._c2pa.C2paError as error:
            raise BadInput(f"the video cannot be signed: {error}") from error
        finally:
            signed.unlink(missing_ok=True)

    def _signer(self) -> Any:
        assert self._c2pa is not None
        return self._c2pa.Signer.from_info(self._info)


def read_manifest(path: Path) -> Manifest:
    """What a file's C2PA manifest says; nothing is asked of the network."""
    c2pa = _library()
    if c2pa is None:
        return Manifest("unknown")
    try:
        reader = c2pa.Reader.try_create(str(path), context=_context(c2pa))
        if reader is None:
            return Manifest("absent")
        with reader:
            store = json.loads(reader.json())
            state = str(reader.get_validation_state() or "invalid").lower()
    except c2pa.C2paError as error:
        kind = type(error).__name__
        absent = kind in ("ManifestNotFound", "NotSupported", "_C2paNotSupported")
        return Manifest("absent") if absent else Manifest("invalid", None, (str(error),))
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    issuer = active.get("signature_info", {}).get("issuer")
    problems = tuple(sorted({entry["code"] for entry in store.get("validation_status", ())}))
    return Manifest(state, issuer, problems)


def _context(c2pa: ModuleType) -> Any:
    return c2pa.Context(c2pa.Settings.from_dict(SETTINGS))


def _claim(origin: Origin) -> dict[str, object]:
    action = {
        "action": "c2pa.created",
        "digitalSourceType": origin.source_type,
        "softwareAgent": {"name": "openfloat", "version": __version__},
        "parameters": {"model": origin.model or "unknown"},
    }
    assertions: list[dict[str, object]] = [
        {"label": "c2pa.actions.v2", "data": {"actions": [action]}}
    ]
    if origin.consent is not None:
        agreed = {"statement": origin.consent.statement, "sha256": origin.consent.sha256}
        assertions.append({"label": "org.openfloat.consent", "data": agreed})
    return {
        "claim_generator_info": [{"name": "openfloat", "version": __version__}],
        "format": "video/mp4",
        "title": "AI-generated video",
        "assertions": assertions,
    }


def _png(picture: RgbFrame) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    file.seek(0)
    return file


def _library() -> ModuleType | None:
    try:
        import c2pa
    except ImportError:
        return None
    return c2pa
