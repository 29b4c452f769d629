"""Who is notified of an incident, when, by what, and why not."""
