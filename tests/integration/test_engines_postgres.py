"""PostgreSQL from its package starts, stops, survives being killed, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.engines import copy_cluster, processes_on, wait_until_nothing_runs_on

from citewell_entrypoints.supervisor import cluster
from citewell_entrypoints.supervisor.errors import EngineFailed, StartRefused
from citewell_entrypoints.supervisor.leftovers import is_alive
from citewell_entrypoints.supervisor.postgres import PostgresServer


@pytest.fixture
def data(cluster_files: Path) -> Iterator[Path]:
    """A data directory of the test's own, as a stopped server left it."""
    with tempfile.TemporaryDirectory(prefix="citewell-test-") as name:
        place = Path(name) / "data"
        copy_cluster(cluster_files, to=place)
        yield place
        wait_until_nothing_runs_on(place)


@pytest.fixture
def server(data: Path) -> Iterator[PostgresServer]:
    """A running server on the test's data."""
    server = PostgresServer(data, fast=True)
    server.start()
    yield server
    server.stop()


def _numbers(server: PostgresServer) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM kept ORDER BY number")]


def _pid(data: Path) -> int:
    return int((data / "postgres" / "postmaster.pid").read_text().split()[0])


def test_what_was_written_is_there_after_a_stop_and_a_start(server: PostgresServer) -> None:
    """A data directory of a former start is picked up again."""
    assert _numbers(server) == [1]
    server.stop()
    server.start()
    assert _numbers(server) == [1]


def test_what_was_committed_survives_the_kill_of_the_server(server: PostgresServer, data: Path) -> None:
    """A start after SIGKILL recovers by itself."""
    with psycopg.connect(server.url) as connection:
        connection.execute("INSERT INTO kept SELECT generate_series(2, 5000)")
    os.kill(_pid(data), signal.SIGKILL)
    server.start()
    assert len(_numbers(server)) == 5000


def test_it_speaks_over_its_socket_alone(server: PostgresServer, data: Path) -> None:
    """No port is open, and the socket's folder is closed to other users."""
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert (data / "run" / "postgres").stat().st_mode & 0o077 == 0
    assert (data / "postgres").stat().st_mode & 0o077 == 0


def test_it_has_the_versions_that_it_tells(server: PostgresServer) -> None:
    """The line for people names PostgreSQL's and pgvector's version and where the data is."""
    with psycopg.connect(server.url) as connection:
        version = connection.execute("SELECT split_part(version(), ' ', 2)").fetchone()
        vector = connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'vector'"
        ).fetchone()
    assert version is not None
    assert vector is not None
    assert server.describe().startswith(f"{version[0]}, pgvector {vector[0]}, ")


def test_the_folders_own_settings_win_but_for_the_socket(server: PostgresServer, data: Path) -> None:
    """An operator tunes the server in postgresql.conf, and cannot lose the connection by it."""
    server.stop()
    with (data / "postgres" / "postgresql.conf").open("a") as file:
        file.write("work_mem = '7MB'\nlisten_addresses = '*'\nunix_socket_directories = '/nowhere'\n")
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults by /proc")
def test_what_a_query_gave_back_is_kept_for_the_next(server: PostgresServer) -> None:
    """To get megabytes from the system anew for each search would take a quarter of its time."""
    with psycopg.connect(server.url, autocommit=True) as connection:

        def faults() -> int:
            fields = Path(f"/proc/{connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
            return int(fields[7])

        def ask(times: int) -> None:
            for _ in range(times):
                connection.execute("SELECT length(repeat('x', 3000000))")

        ask(5)
        before = faults()
        ask(20)
        assert faults() - before < 20


def test_its_cache_follows_the_memory_that_there_is(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, data: Path
) -> None:
    """Never less than PostgreSQL's own 128 MB."""
    assert cluster.settings_text(data, fast=False).count("shared_buffers") == 1
    for gigabytes, cache in ((1, "128MB"), (16, "2048MB"), (256, "8192MB")):
        monkeypatch.setattr(cluster, "memory_bytes", lambda size=gigabytes: size << 30)
        assert f"shared_buffers = '{cache}'" in cluster.settings_text(data, fast=False)
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT pg_size_bytes(current_setting('shared_buffers'))").fetchone()
    assert row is not None
    assert row[0] >= 128 << 20


def test_a_server_that_a_dead_owner_left_is_stopped_and_replaced(server: PostgresServer, data: Path) -> None:
    """The new server has the data, and one server runs in the end."""
    left = _pid(data)
    replacement = PostgresServer(data)
    replacement.start()
    try:
        assert not is_alive(left)
        assert _numbers(replacement) == [1]
    finally:
        replacement.stop()


def test_a_pid_file_that_names_another_program_is_no_obstacle(data: Path) -> None:
    """After a reboot the id may belong to anything, which is left alone."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stranger:
        (data / "postgres" / "postmaster.pid").write_text(f"{stranger.pid}\n{data / 'postgres'}\n1\n5432\n")
        server = PostgresServer(data)
        try:
            server.start()
            assert _numbers(server) == [1]
            assert stranger.poll() is None
        finally:
            server.stop()
            stranger.kill()


def test_a_start_that_was_cut_off_while_making_the_cluster_is_made_good(data: Path) -> None:
    """Half of a cluster is thrown away."""
    shutil.rmtree(data / "postgres")
    (data / "postgres.new" / "base").mkdir(parents=True)
    server = PostgresServer(data)
    server.start()
    try:
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT lower('ÄÉ')").fetchone() == ("äé",)
    finally:
        server.stop()


def test_files_that_are_not_postgresqls_are_refused_and_kept(data: Path) -> None:
    """Nothing is written over."""
    (data / "postgres" / "PG_VERSION").unlink()
    with pytest.raises(StartRefused, match="holds files, but none of PostgreSQL's"):
        PostgresServer(data).start()
    assert (data / "postgres" / "base").is_dir()


def test_data_of_another_major_version_is_refused(data: Path) -> None:
    """The message names both versions and the way out, and the data is as it was."""
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    with pytest.raises(StartRefused, match=r"written by PostgreSQL 17, and this is 18: .*pg_dump"):
        PostgresServer(data).start()
    assert (data / "postgres" / "PG_VERSION").read_text() == "17\n"
    assert processes_on(data) == []


def test_a_failing_start_quotes_the_log(data: Path) -> None:
    """The message ends with what the server said."""
    with (data / "postgres" / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(EngineFailed, match='unrecognized configuration parameter "no_such_setting"'):
        PostgresServer(data).start()


def test_a_stop_does_not_wait_for_clients(server: PostgresServer) -> None:
    """A client in the middle of a statement is disconnected."""
    with psycopg.connect(server.url) as connection:
        connection.execute("SELECT 1")
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 8
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_a_server_that_hangs_is_stopped_all_the_same(server: PostgresServer, data: Path) -> None:
    """A suspended process does not hear the signals until it is let go on."""
    os.kill(_pid(data), signal.SIGSTOP)
    server.stop(timeout_seconds=4)
    assert processes_on(data) == []


def test_a_path_that_is_too_long_for_a_socket_is_no_obstacle(data: Path) -> None:
    """The socket moves to a short folder."""
    deep = data.parent / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir()
    data.rename(deep)
    server = PostgresServer(deep)
    server.start()
    try:
        assert _numbers(server) == [1]
    finally:
        server.stop()
        deep.rename(data)
        shutil.rmtree(server.socket_directory.parent)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell of a parent's death")
def test_nothing_is_left_when_the_owner_is_killed(data: Path) -> None:
    """The server and all of its processes end with the process that started it."""
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from citewell_entrypoints.supervisor.postgres import PostgresServer\n"
        "PostgresServer(Path(sys.argv[1])).start()\n"
        "print('up', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        assert len(processes_on(data / "postgres")) > 3
        owner.kill()
    wait_until_nothing_runs_on(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_as_root_the_server_runs_as_an_unprivileged_user(server: PostgresServer, data: Path) -> None:
    """All that it keeps of root's rights is, where folders are closed to its user, to pass through them."""
    status = Path(f"/proc/{_pid(data)}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    assert "0" not in fields["Uid"].split()
    assert "0" not in fields["Gid"].split()
    assert fields["Groups"].split() == []
    # The temporary folder is closed, so CAP_DAC_READ_SEARCH (2), or where that is not to be had 1, is kept.
    assert int(fields["CapEff"], 16) in (1 << 2, 1 << 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_as_root_no_right_is_kept_where_none_is_needed(data: Path) -> None:
    """In folders that everyone may enter the server has no right at all of root's."""
    data.parent.chmod(0o711)
    data.chmod(0o711)
    server = PostgresServer(data)
    server.start()
    try:
        status = Path(f"/proc/{_pid(data)}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        assert int(fields["CapEff"], 16) == 0
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look like another user")
def test_as_root_the_data_of_an_ordinary_user_is_refused(data: Path) -> None:
    """Files of root's in it would lock the user out of their own data."""
    owner = (data / "postgres").stat()
    os.chown(data, owner.st_uid, owner.st_gid)
    with pytest.raises(StartRefused, match=r"belongs to user .*start it as that user again"):
        PostgresServer(data).start()
