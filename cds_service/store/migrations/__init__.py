"""How the tables came to be, step by step; run at start by whichever process comes first."""
