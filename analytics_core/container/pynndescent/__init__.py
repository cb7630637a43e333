"""Takes the place of pynndescent in the image, for `import umap` alone.

UMAP imports pynndescent to find approximate neighbours. This project hands it exact ones, so
nothing of pynndescent is ever called; but importing it compiles or loads some 45 functions, which
was most of what `import umap` took, and of what compiling under emulation took.
"""


class NNDescent:
    """Approximate neighbours, which are not in this image."""

    def __init__(self, *_arguments: object, **_named: object) -> None:
        raise NotImplementedError(
            "pynndescent is left out of this image; give UMAP its neighbours (precomputed_knn)"
        )
