"""Write what a run found: one table, several forms."""
