"""An archive in, ledger and reports out: once, watched, in workers, sharded, on Ray.

The names that other rooms may use stand in `__init__.pyi`; each is imported when it is first asked for.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
