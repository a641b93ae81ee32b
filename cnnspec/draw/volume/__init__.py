"""The figure of the papers: feature maps as solids, drawn by ourselves.

    network -> simplify -> draft, hide -> figure_model -> valley, streams or strip -> compose -> render

`draft` is the diagram as a graph of values, of which `hide` leaves as many as a figure can hold;
`figure_model` is what the figure shows, in order. `solids` gives each value its form, at the sizes of
`scale`. `valley` draws U-Nets, `streams` nets of several resolutions side by side; for all others
`row_layout` makes rows, and `strip` draws each. `metrics` knows how wide words are, so that none stand on
others. What comes of it are `primitives`, to which `render` gives colours.
"""
