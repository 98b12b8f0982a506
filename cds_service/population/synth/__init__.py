"""Synthetic patients: charts whose levels, enzymes and treatment agree with each other, and nobody's own."""
