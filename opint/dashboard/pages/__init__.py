"""The pages, one file each: server-rendered, usable without JavaScript except for the plots.

A page's parts that change have an id and fetch themselves again when an event names them
(:mod:`opint.dashboard.sse`); htmx takes them out of the whole page, so there is one way to render each.
"""
