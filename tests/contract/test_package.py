"""What the package promises: quick imports, configs that survive JSON, presets that build."""

import os
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import openfloat
from openfloat.cli.main import SPINS
from openfloat.codec import from_json, to_json
from openfloat.config import PRESETS, ModelConfig

ROOT = Path(__file__).parent.parent.parent


def test_importing_the_package_loads_no_torch() -> None:
    probe = "import sys, openfloat; assert 'torch' not in sys.modules; openfloat.SampleOptions"
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=30)


def test_loading_the_embedded_model_loads_no_compiler_and_no_foreign_networks() -> None:
    """Each of them takes seconds to import."""
    probe = """
import sys
from openfloat import FloatPipeline
FloatPipeline.from_pretrained()
heavy = {"torch._dynamo", "torch._inductor", "sympy", "transformers", "skimage.transform"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=60)


def test_every_public_name_can_be_had() -> None:
    for name in openfloat.__all__:
        assert getattr(openfloat, name).__name__ == name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = openfloat.no_such_name


def test_the_console_script_resolves() -> None:
    (script,) = [e for e in entry_points(group="console_scripts") if e.name == "openfloat"]
    assert callable(script.load())


@pytest.mark.parametrize(
    ("wanted", "found"),
    [({}, SPINS), ({"GOMP_SPINCOUNT": "7"}, "7"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "None")],
)
def test_the_command_waits_without_keeping_cores_busy(wanted: dict[str, str], found: str) -> None:
    probe = (
        "import atexit, os, sys\n"
        "from openfloat.cli.main import main\n"
        "assert 'torch' not in sys.modules\n"
        "atexit.register(lambda: print(os.environ.get('GOMP_SPINCOUNT')))\n"
        "sys.argv = ['openfloat', '--version']\n"
        "main()\n"
    )
    plain = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env=plain | wanted,
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == [openfloat.__version__, found]


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_survives_json(name: str) -> None:
    config = PRESETS[name]()
    assert config.name == name
    assert from_json(ModelConfig, to_json(config)) == config


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"size": 512', '"size": 500', "power of two"),
        ('"size": 512', '"size": "big"', "int"),
        ('"size": 512', '"sighs": 512', "sighs"),
        ('"kind": "wav2vec2"', '"kind": "tape"', "none of the allowed kinds"),
        ('"motion_space": "latent"', '"motion_space": "coefficients"', "motion_dim"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(old: str, new: str, words: str) -> None:
    text = to_json(ModelConfig.float_512())
    assert old in text
    with pytest.raises(ValueError, match=words):
        from_json(ModelConfig, text.replace(old, new))


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{openfloat.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_torch_is_capped_in_the_metadata() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert any(d.startswith("torch>=") and "<" in d for d in project["dependencies"])
