"""The web page of `openfloat ui`: forms made of the typed options, around the same pipeline."""
