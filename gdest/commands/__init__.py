"""What each command does once its words are settings: open, run, report."""
