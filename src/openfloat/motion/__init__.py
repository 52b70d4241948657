"""Motion as a value: drawn from a voice or read off a video, kept in a file, edited, shown."""
