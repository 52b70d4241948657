"""How good a model is, in figures, measured on held-out people and voices."""
