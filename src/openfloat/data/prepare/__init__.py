"""Videos of people to clips that training reads: `openfloat data prepare`."""
