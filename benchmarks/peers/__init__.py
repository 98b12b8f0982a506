"""Services of others, each doing the same small thing with the same body."""
