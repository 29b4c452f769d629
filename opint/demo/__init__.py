"""The demo: simulated streams, published to an embedded broker and judged on the spot."""
