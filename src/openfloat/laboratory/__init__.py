"""Ablations, each one command, and the page of results that is made of what they wrote."""
