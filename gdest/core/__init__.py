"""Hold what every room shares: nouns, formulas, settings, tiles and grids, files, errors, threads."""
