"""The pipeline and the live engine over HTTP and WebSocket; needs the extra `serve`."""
