"""One self-contained page about a network: picture, text, table and volumes that point at each other.

`entries` describes each layer, `levels` draws the graph, `space` places the volumes; `document`
puts them into `page.html`, with `base.css`, which other pages share, with `page.css` and the scripts. These
are one module in several files:

    marks     what is chosen and pointed at, shown in every view at once
    lists     arrow keys in lists
    facts     the panel of numbers
    graph     levels, panning and zooming
    space     geometry of the 3-D view
    canvas    its drawing
    table     sorting
    search    finding
    page      tabs, themes, printing; starts it all
"""
