"""What histograms are compared with: frozen and adaptive shapes, their movements, and the entries expected."""
