"""The operator's page: server-rendered pages, a JSON API, server-sent events and health."""
