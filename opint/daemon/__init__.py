"""The daemon put together: streams, threads, health checks and logs."""
