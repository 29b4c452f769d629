"""Policies over LRU that decide what is stored at all, or under rules."""
