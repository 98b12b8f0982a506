"""What the service keeps: calls, cards, feedback and used tokens, in SQLite or PostgreSQL; never a patient."""
