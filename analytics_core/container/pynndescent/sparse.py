"""What `umap.umap_` imports from here: the metrics it may delegate, none."""

sparse_named_distances: dict[str, object] = {}
