"""Motion after it was drawn: what a user asks of named controls, as arithmetic on coefficients.

For models whose motion directions have names; what works on streams takes and gives frames as they
come, so that nothing waits for the end of a clip.
"""
