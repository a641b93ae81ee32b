"""Pictures of a network: a diagram model, pure passes over it, and its forms.

    network -> build -> fuse -> fold -> unwrap -> fuse -> wrap -> dot -> engine -> svg -> raster, tikz

`model` says what a diagram is; a pass is a file. `picture` strings them together. Only `dot` writes
Graphviz's language and only `graphviz_engine` runs it, a column at a time; `clear` moves the titles that
edges cross, `svg` sets the columns on one page, for which `layout` tries columns and `fit` levels of
detail; `raster` makes PNG and PDF of the page, `tikz` LaTeX. A `.dot` file is the whole diagram in one graph.
"""
