"""People's labels of lumisections: read and written as files, kept in the store, held against verdicts."""
