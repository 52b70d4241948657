"""A batch on a cluster: the same renderers as actors of Ray Data over a shared output folder."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

from openfloat.batch.ledger import Ledger, Result
from openfloat.batch.manifest import BatchRow
from openfloat.batch.renderer import Renderer
from openfloat.batch.run import Machine, Todo
from openfloat.codec import from_json, to_json
from openfloat.errors import BadInput


def by_ray(address: str, machine: Machine, todo: Todo, ledger: Ledger) -> Iterator[Result]:
    """Results as they come, in any order.

    Args:
        address: of a running cluster, `auto`, or `local` for one on this machine, made for the
            batch.
        machine: model, device, and how many actors hold one.
        todo: what to make.
        ledger: in a folder that every machine of the cluster sees under this name.

    Raises:
        BadInput: Ray is not installed, or the cluster does not answer.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise BadInput("a cluster needs Ray: pip install 'openfloat[distributed]'") from error
    started = not ray.is_initialized()
    if started:
        _connect(address, machine)
    try:
        rows = [{"row": to_json(row), "digest": digest} for row, digest in todo.values()]
        made = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
            cast(Any, _Actor),
            fn_constructor_args=(ledger.folder.absolute(), machine),
            compute=ray.data.ActorPoolStrategy(size=min(machine.workers, len(rows))),
            num_cpus=machine.threads if address != "local" else 1,
            num_gpus=1 if machine.device.startswith("cuda") else 0,
        )
        for found in made.iter_rows():
            yield Result(**found)
    finally:
        if started:
            ray.shutdown()


def _connect(address: str, machine: Machine) -> None:
    import ray

    quiet: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False}
    try:
        if address == "local":
            ray.init(num_cpus=machine.workers, object_store_memory=200 * 2**20, **quiet)
        else:
            ray.init(address=address, log_to_driver=False)
    except Exception as error:  # Ray raises bare ones where a node does not come up
        reason = str(error).splitlines()[0]
        raise BadInput(f"the cluster at {address!r} does not answer: {reason}") from error
    ray.data.DataContext.get_current().enable_progress_bars = False


class _Actor:
    """A renderer of one member of the cluster."""

    def __init__(self, folder: Any, machine: Machine) -> None:
        self._renderer = Renderer(folder, machine.model, machine.device, machine.threads)

    def __call__(self, item: dict[str, str]) -> dict[str, Any]:
        row = from_json(BatchRow, item["row"])
        return asdict(self._renderer.render(row, item["digest"]))
