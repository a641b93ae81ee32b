"""Pictures of a network: a diagram model, pure passes over it (fuse, fold, wrap), and its forms.

    network -> build -> fuse -> fold -> unwrap -> fuse -> wrap -> dot -> engine -> svg, png, pdf

`model` says what a diagram is, one pass is one file, and nothing but `dot` and `engine` knows Graphviz.
"""
