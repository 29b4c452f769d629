"""The quality of a whole lumisection from a few numbers of every histogram, by an ensemble of autoencoders."""
