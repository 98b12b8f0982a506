"""What is looked after while the service runs: alarms, canaries, traces and the log. Sees no request and no chart."""
