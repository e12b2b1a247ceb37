"""What keeps `citewell serve` from starting is found before anything is started, and told in one line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from citewell_entrypoints.supervisor.address import Address
from citewell_entrypoints.supervisor.datadir import hold_data_directory
from citewell_entrypoints.supervisor.errors import StartRefused
from citewell_entrypoints.supervisor.sockets import make_socket_folder, socket_folder


def test_a_port_that_is_in_use_is_refused_and_its_user_is_not_disturbed() -> None:
    """The message names the port and the setting to change; the listener goes on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(StartRefused, match=f"port {port} on 127.0.0.1 is in use.*APP_PORT"):
            Address("127.0.0.1", port).check_free()
        with socket.create_connection(("127.0.0.1", port)):
            pass
    Address("127.0.0.1", port).check_free()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    """The message names the setting to change."""
    with pytest.raises(StartRefused, match=f"cannot listen on {host}.*APP_HOST"):
        Address(host, 8000).check_free()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - not bound
        ("::", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(host: str, url: str) -> None:
    """An address that stands for all of the machine's is not one to connect to."""
    assert Address(host, 8000).url == url


def test_a_data_directory_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    """The second is told who holds it and what to do, and the first keeps it."""
    with hold_data_directory(tmp_path, address="http://127.0.0.1:8000"):
        for _ in range(2):
            with (
                pytest.raises(StartRefused) as refused,
                hold_data_directory(tmp_path, address="http://127.0.0.1:9000"),
            ):
                pass
            message = str(refused.value)
            assert f"process {os.getpid()}, http://127.0.0.1:8000" in message
            assert "APP_DATA_DIR" in message
            assert "\n" not in message
    with hold_data_directory(tmp_path, address="http://127.0.0.1:9000"):
        pass


def test_a_file_in_the_place_of_the_data_directory_is_refused(tmp_path: Path) -> None:
    """The message names the path and the setting to change."""
    place = tmp_path / "data"
    place.write_text("not a folder")
    with (
        pytest.raises(StartRefused, match=r"data cannot be used .*APP_DATA_DIR"),
        hold_data_directory(place, address=""),
    ):
        pass


def test_sockets_live_in_the_data_directory_where_the_path_is_short_enough(tmp_path: Path) -> None:
    """A path that is too long for a socket moves them to a short folder, the same one at every start."""
    short, long = Path("/srv/citewell"), tmp_path / ("x" * 120)
    assert socket_folder(short) == short / "run"
    assert socket_folder(long) == socket_folder(long)
    assert socket_folder(long) != socket_folder(long.with_name("y" * 120))
    assert len(str(socket_folder(long) / "postgres" / ".s.PGSQL.5432")) < 103


def test_a_socket_folder_that_someone_else_could_have_laid_out_is_refused(tmp_path: Path) -> None:
    """A link in the place of the folder is not followed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder = socket_folder(tmp_path / "data")
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(elsewhere)
    try:
        with pytest.raises(StartRefused, match="belongs to someone else"):
            make_socket_folder(tmp_path / "data")
    finally:
        folder.unlink()
