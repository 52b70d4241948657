"""Motion drawn from a voice or read off a video, and shown on any portrait."""
