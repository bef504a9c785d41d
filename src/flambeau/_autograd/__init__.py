"""The tape and its traversal, over engine values. Nothing here knows of Tensor."""
