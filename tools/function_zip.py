"""The zip that Lambda accepts: the same bytes for the same binary, on every machine and day."""

import hashlib
import io
import struct
import zipfile

MACHINES = {183: "arm64", 62: "x86_64"}  # e_machine of an ELF header


def architecture_of(bootstrap: bytes) -> str | None:
    """What an ELF binary runs on, in Lambda's words."""
    if bootstrap[:4] != b"\x7fELF":
        return None
    return MACHINES.get(struct.unpack_from("<H", bootstrap, 18)[0])


def function_zip(bootstrap: bytes) -> bytes:
    """The binary as an executable named bootstrap."""
    entry = zipfile.ZipInfo("bootstrap", date_time=(1980, 1, 1, 0, 0, 0))
    entry.create_system = 3  # Unix, whose permissions the next line gives
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(entry, bootstrap, compresslevel=9)
    return packed.getvalue()


def code_key(bootstrap: bytes) -> str:
    """The key of the zip in a bucket. It contains the hash of the binary, so that different code has a different key."""
    return f"cfn-ssm-document/{hashlib.sha256(bootstrap).hexdigest()}.zip"
