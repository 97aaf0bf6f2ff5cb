"""Run the paper's comparisons on labelled micrographs and write its figures and tables."""
