"""`openfloat bench`: speed and memory, as ratios within one run wherever that is possible."""
