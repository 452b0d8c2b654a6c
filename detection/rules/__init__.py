"""The rules, one file each. Importing this package puts every one of them on the list: adding a rule needs no edit."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
