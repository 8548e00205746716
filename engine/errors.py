# SPDX-License-Identifier: AGPL-3.0-only
"""Named errors whose message a user reads: one line saying what was expected, what was got, what to do."""


class EngineError(Exception):
    """Something the user must see, worded for them in one line."""


class SettingsError(EngineError, ValueError):
    """A setting is out of its range or does not go with another."""


class DatasetError(EngineError):
    """A dataset cannot be found, read or used."""


class DetectorError(EngineError):
    """A detector's weights cannot be found, read or used."""


class UntrustedWeightsError(DetectorError):
    """A weight file holds a global that is not on the allowlist; nothing in it was run."""


class DeviceError(EngineError):
    """The device asked for is not there or cannot do what was asked."""


class MemoryExhaustedError(DeviceError):
    """Even one image does not fit into the device's memory."""


class NonFiniteLossError(EngineError):
    """The loss became infinite or not a number; the run stopped before the step."""


class PatchFileError(EngineError):
    """A patch file cannot be found, read or has the wrong form."""


class StorageError(EngineError):
    """A result or the database cannot be read or written."""


class OutputError(EngineError):
    """Standard output takes nothing, such as a file on a full disk; what was to be done is done."""


class JobError(EngineError):
    """There is no such job, or it is in a state in which this cannot be asked of it."""


class RunInterruptedError(EngineError):
    """The run was stopped by the user; its checkpoint is kept."""
