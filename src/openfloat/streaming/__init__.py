"""Live sessions: sound in as it comes, frames out as soon as they can be drawn."""
