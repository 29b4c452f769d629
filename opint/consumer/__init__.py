"""What all stream consumers share: transactions, offsets, heartbeats, stalls, poison messages."""
