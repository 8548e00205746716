# SPDX-License-Identifier: AGPL-3.0-only
"""Named errors for users, with messages of one line: what was expected, what was found, what to do."""


class EngineError(Exception):
    """An error for the user, worded in one line."""


class SettingsError(EngineError, ValueError):
    """A setting is out of range or incompatible with another."""


class DatasetError(EngineError):
    """A dataset cannot be found, read or used."""


class DetectorError(EngineError):
    """A detector's weights cannot be found, read or used."""


class UntrustedWeightsError(DetectorError):
    """A weight file contains a global that is not on the allowlist; nothing in it was run."""


class DeviceError(EngineError):
    """The requested device does not exist or lacks a feature."""


class MemoryExhaustedError(DeviceError):
    """Even one image does not fit into the device's memory."""


class NonFiniteLossError(EngineError):
    """The loss became infinite or not a number; the run stopped before the step."""


class PatchFileError(EngineError):
    """A patch file cannot be found or read, or has the wrong form."""


class StorageError(EngineError):
    """A result or the database cannot be read or written."""


class OutputError(EngineError):
    """Standard output cannot be written, such as a file on a full disk; the work itself is done."""


class JobError(EngineError):
    """There is no such job, or its state does not allow the request."""


class ClusterError(EngineError):
    """Ray is missing, or a cluster cannot be reached or used."""


class RanksError(EngineError):
    """Another process of a run that several compute together has ended."""


class RunInterruptedError(EngineError):
    """The run was stopped by the user; its checkpoint is kept."""
