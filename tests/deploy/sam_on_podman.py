"""The SAM CLI for a podman before 4.4: what it sends of a log that was written before one attaches has frames whose
length lacks the line's end (containers/podman issue 16856). SAM's client stops at the first of them and shows nothing
more of the function's log, and whether there is one depends on which of two threads of SAM is the faster."""

import struct

from docker.utils import socket as frames
from samcli.cli.main import cli

read_exactly, SocketError = frames.read_exactly, frames.SocketError


def next_frame_header(stream):
    """As docker-py's, past the ends of lines that no frame counted: no header begins with one."""
    try:
        while (first := read_exactly(stream, 1)) == b"\n":
            pass
        return struct.unpack(">BxxxL", first + read_exactly(stream, 7))
    except SocketError:
        return -1, -1


frames.next_frame_header = next_frame_header
cli(prog_name="sam")
