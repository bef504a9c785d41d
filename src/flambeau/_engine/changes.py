"""A count of changes to what a compiled function depends on besides the content of tensors.

A replay has to know that modules, parameters, flags and hooks are those of its recording. To look
at all of them takes longer the larger the model is, so whoever changes one counts it here, and a
replay looks again only when the count has moved. What counts as a change:

* a module's ``training``, its hooks, and which parameters, buffers and submodules it has;
* an attribute of a module that some recording has read;
* which memory a tensor shows, and whether gradients go through it;
* whether a leaf has a gradient;
* what users choose for accelerators.

The change comes first, then the count: who reads the count and then looks has seen every change
that is in it, also where two threads count at once and one of the two is lost.
"""

from __future__ import annotations


class Changes:
    """The count, of this process."""

    count = 0


changes = Changes()
