"""Measurements: `make bench`. Absolute figures are the machine's; look at the ratios."""
