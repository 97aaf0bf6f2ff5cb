"""Make micrographs whose grain size number is known exactly."""
