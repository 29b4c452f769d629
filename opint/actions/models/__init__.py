"""Models of one target: from features (n, f) to probabilities (n, k); the home of XGBoost and scikit-learn here."""
