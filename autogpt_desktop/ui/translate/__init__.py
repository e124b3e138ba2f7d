"""The parts of the Translate panel."""
