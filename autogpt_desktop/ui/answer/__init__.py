"""The parts of the Questions panel."""
