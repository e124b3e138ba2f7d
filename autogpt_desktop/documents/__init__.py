"""Files of people: read, split, indexed. No Qt, no torch."""
