"""Turn one file into rows: tiles, zooms, homogeneity, doubts."""
