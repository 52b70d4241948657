"""Many videos from one list: on this machine by processes, on a cluster by Ray, resumable."""
