"""Histograms as a kind of stream: their models, and the handler that judges them."""
