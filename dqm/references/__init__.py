"""What good lumisections look like: the shape of every ME and how many entries it has."""
