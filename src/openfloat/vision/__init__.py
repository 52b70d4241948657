"""Pictures, faces and videos: what stands between files and the model's pixels."""
