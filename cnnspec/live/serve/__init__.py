"""`cnnspec serve`: a page that shows the sizes, the faults and the picture of a text as one types it.

`desk` answers what the page asks, `folder` reads and writes files, `server` speaks HTTP and lets nobody else
in; `page` puts the page together.
"""
