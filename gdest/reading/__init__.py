"""Read what a microscopist's viewer can open: formats, pixel sizes, and what in a picture is no metal."""
