"""A cluster of Ray on this machine that serves live sessions, until standard input ends.

Prints the cluster's address when all is ready.
"""

import sys

import ray
from ray import serve

from openfloat.serving.cluster import Arguments, app


def main(model: str, port: str) -> None:
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False,
             object_store_memory=200 * 2**20)  # fmt: skip
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)})
    serve.run(app(Arguments(model=model, cpus=0.4, least=2, most=2)))
    sys.stdout.write(f"{ray.get_runtime_context().gcs_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
