"""Generated videos say so: metadata, a watermark, on request a signature and a visible notice."""
