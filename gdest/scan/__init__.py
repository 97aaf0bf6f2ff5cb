"""Scan an archive: an archive in, ledger and reports out."""
