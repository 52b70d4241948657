"""`openfloat info`."""

import platform
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, kw_only=True)
class Info:
    """Print versions, devices and models."""

    def run(self) -> None:
        """Print what a bug report needs."""
        import torch

        from openfloat import __version__
        from openfloat.weights.hub import embedded_models

        print(f"openfloat {__version__}, Python {platform.python_version()}, {platform.platform()}")
        for package in ("torch", "transformers", "numpy", "av", "safetensors"):
            print(f"{package} {version(package)}")
        print(f"cpu: {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
        for index in range(torch.cuda.device_count()):
            print(f"cuda:{index}: {torch.cuda.get_device_name(index)}")
        if torch.backends.mps.is_available():
            print("mps: available")
        for name, folder in embedded_models().items():
            size = sum(file.stat().st_size for file in folder.iterdir())
            print(f"model {name}: {size / 1e6:.1f} MB, embedded")
