"""Measures the service beside a floor and its peers, and soaks it. Nothing of it ships."""
