"""Networks that published metrics are defined by: architectures of our own writing, no weights.

Names and shapes of their tensors are those of the published files, which users bring; `manifests/`
lists them.
"""
