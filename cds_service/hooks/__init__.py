"""CDS Hooks: requests, discovery, cards and routes. The only package that speaks camelCase."""
