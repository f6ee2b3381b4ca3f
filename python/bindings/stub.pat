# What nanobind's stub of the module leaves out: exceptions, which are no classes of nanobind's.
_dae.__suffix__:
    __version__: str

    class Error(RuntimeError):
        """Something could not be done: a missing file, a full disk, no GPU."""

    class OutOfMemory(Error, MemoryError):
        """Less memory is free than is needed: something smaller may do."""

    class UsageError(Error, ValueError):
        """What was asked for makes no sense."""

    class FieldError(UsageError):
        """One option has a value that makes no sense: `field` is its name, which begins the message."""

        field: str

    class Cancelled(Error):
        """A callback asked for the end of what was going on."""

