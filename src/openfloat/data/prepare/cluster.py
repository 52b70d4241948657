"""The same preparation on a Ray cluster (extra `distributed`)."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from openfloat.data.prepare.run import Job, make_shard
from openfloat.errors import BadInput

LOCAL = "local"
LOCAL_STORE = 200 * 2**20
"""Bytes of shared memory of a cluster on this machine; only numbers of shards go through it."""


def on_ray(jobs: Sequence[Job], address: str, workers: int = 2) -> Iterator[int]:
    """Make shards on a cluster whose machines all see the folders, and have openfloat installed.

    Args:
        jobs: one for each shard.
        address: of the cluster (`auto`, `ray://host:10001`), or `local` for one on this machine.
        workers: processor cores of a local one.

    Raises:
        BadInput: Ray is not installed, or there is no cluster at the address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise BadInput("Ray is not installed: pip install 'openfloat[distributed]'") from None
    if address == LOCAL:
        os.environ.setdefault("RAY_worker_niceness", "0")
        place: dict[str, Any] = {
            "num_cpus": workers, "include_dashboard": False, "object_store_memory": LOCAL_STORE,
        }  # fmt: skip
    else:
        place = {"address": address}
    try:
        ray.init(**place, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"there is no Ray cluster at {address}: {reason}") from error
    try:
        items = ray.data.from_items([{"job": job} for job in jobs], override_num_blocks=len(jobs))
        made = items.map(lambda row: {"number": make_shard(row["job"])}, num_cpus=1)
        for row in made.iter_rows():
            yield int(row["number"])
    finally:
        ray.shutdown()
