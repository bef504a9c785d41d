"""``flambeau.compile``: a function recorded once and replayed without running its Python."""
