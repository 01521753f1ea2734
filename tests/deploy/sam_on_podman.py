"""Runs the SAM CLI over a podman before 4.4. Such a podman sends each line that was logged before SAM attached in a frame
whose length leaves out the line's end (containers/podman issue 16856). docker-py, SAM's client, takes that line's end for the
beginning of the next header and fails, and SAM shows nothing more of the function's log."""

import struct

from docker.utils import socket as frames
from samcli.cli.main import cli

read_exactly, SocketError = frames.read_exactly, frames.SocketError


def next_frame_header(stream):
    """As docker-py's, but it first skips line ends that no frame counted. No header begins with one."""
    try:
        while (first := read_exactly(stream, 1)) == b"\n":
            pass
        return struct.unpack(">BxxxL", first + read_exactly(stream, 7))
    except SocketError:
        return -1, -1


frames.next_frame_header = next_frame_header
cli(prog_name="sam")
