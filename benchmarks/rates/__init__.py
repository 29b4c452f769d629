"""How well trigger rates are judged, and how well the event hotline keeps its rate."""
