"""Grade etched-steel micrographs: ASTM grain size number G from images."""

__version__ = "0.1.0"
