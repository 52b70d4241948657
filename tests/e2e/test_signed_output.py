"""With a certificate the video is signed, and a change of one byte shows."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("c2pa")
pytest.importorskip("cryptography")

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from openfloat import MarkOptions
from openfloat.errors import BadInput
from openfloat.marking.marker import marker
from openfloat.marking.provenance import Origin, read_video
from openfloat.marking.signing import read_manifest
from openfloat.vision.video_writer import VideoWriter

PEM = serialization.Encoding.PEM


@pytest.fixture(scope="module")
def marks(tmp_path_factory: pytest.TempPathFactory) -> MarkOptions:
    """A certificate of our own making, which nobody trusts."""
    folder = tmp_path_factory.mktemp("certificate")
    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    chain = _certificate("signer", leaf, root) + _certificate("root", root, root)
    (folder / "chain.pem").write_bytes(chain)
    kind, secret = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(leaf.private_bytes(PEM, kind, secret))
    return MarkOptions(c2pa_cert=folder / "chain.pem", c2pa_key=folder / "key.pem")


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, root: ec.EllipticCurvePrivateKey
) -> bytes:
    now, authority = dt.datetime.now(dt.UTC), key is root
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    usage |= {"digital_signature": not authority, "key_cert_sign": authority}
    usage |= {"crl_sign": authority}
    built = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name("root"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False
        )
    )
    if not authority:
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        built = built.add_extension(purpose, critical=False)
    return built.sign(root, hashes.SHA256()).public_bytes(PEM)


def _name(common: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Openfloat tests")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def written(path: Path, marks: MarkOptions) -> None:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 255, (40, 40, 3), np.uint8)
    finish = marker(marks, Origin("openfloat-256", 3), picture)
    with VideoWriter(path, 64, 64, finish=finish) as file:
        file.write(generator.integers(0, 255, (5, 64, 64, 3), np.uint8))


def test_a_signed_video_is_valid_until_a_byte_changes(marks: MarkOptions, tmp_path: Path) -> None:
    path = tmp_path / "signed.mp4"
    written(path, marks)
    manifest = read_manifest(path)
    assert (manifest.state, manifest.issuer) == ("valid", "Openfloat tests")
    assert manifest.problems == ("signingCredential.untrusted",)
    assert read_video(path).unchanged
    assert b"portrait" in path.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["signed.mp4"]
    content = bytearray(path.read_bytes())
    content[content.index(b"mdat") + 2000] ^= 1
    path.write_bytes(content)
    changed = read_manifest(path)
    assert changed.state == "invalid"
    assert "assertion.bmffHash.mismatch" in changed.problems


def test_a_key_that_does_not_fit_is_refused_before_a_frame_is_made(
    marks: MarkOptions, tmp_path: Path
) -> None:
    assert marks.c2pa_cert is not None
    with pytest.raises(BadInput, match="not a C2PA certificate"):
        marker(MarkOptions(c2pa_cert=marks.c2pa_cert, c2pa_key=marks.c2pa_cert), Origin())
    assert not list(tmp_path.iterdir())
