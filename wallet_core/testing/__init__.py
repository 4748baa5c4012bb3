"""For tests of other projects, and of ours: the conformance suites of the ports.

::

    conformance/   one suite per port: subclass it, provide its fixture, run it
"""
