"""Pages for people: rendered here, without scripts, from what the other rooms have worked out."""
