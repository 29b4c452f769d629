"""How well trigger rates and events are judged."""
