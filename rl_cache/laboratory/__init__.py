"""What runs policies over traces, and what is measured of them."""
