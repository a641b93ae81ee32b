"""`cnnspec serve`: what it answers, to whom, and which files it touches."""

from __future__ import annotations

import json
import os
import threading
from base64 import b64decode
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cnnspec.commands.cli import main
from cnnspec.draw.look import VIEWS
from cnnspec.live.serve.desk import Desk, Question
from cnnspec.live.serve.folder import ServedFolder
from cnnspec.live.serve.server import HEADER, HOST, PageServer
from cnnspec.text import shipped

NET = "net N {\n    input 1@28x28\n    conv 6@5x5, relu\n    maxpool 2x2\n}\n"
BROKEN = NET.replace("relu", "rleu")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    (tmp_path / "net.cnn").write_text(NET)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "other.cnn").write_bytes(NET.replace("\n", "\r\n").encode())
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / ".hidden.cnn").write_text("secret")
    (tmp_path / "link.cnn").symlink_to(tmp_path / "secret.txt")
    with PageServer(ServedFolder(tmp_path), "net.cnn") as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def send(server: PageServer, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str]:
    """The status of an answer, and its text; headers are named with `_` for `-`."""
    connection = HTTPConnection(HOST, server.server_port, timeout=60)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, None if method == "GET" else content, given)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def ask(server: PageServer, what: str, **body: Any) -> tuple[int, Any]:
    headers = {"Content_Type": "application/json", HEADER.replace("-", "_"): server.token}
    status, text = send(server, "POST", f"/{what}", body, **headers)
    return status, json.loads(text)


def compiled(server: PageServer, text: str, name: str = "net.cnn", net: str = "") -> Any:
    status, answer = ask(server, "compile", name=name, text=text, net=net)
    assert status == 200, answer
    return answer


def sizes(answer: Any) -> dict[int, str]:
    return {each["line"]: each["text"] + " ?" * each["stale"] for each in answer["sizes"]}


def test_sizes_stand_at_their_lines_and_stay_where_a_fault_hides_them(server: PageServer) -> None:
    answer = compiled(server, NET)
    assert sizes(answer) == {3: "6@24x24", 4: "6@12x12"}
    assert answer["nets"] == ["N"] and answer["facts"].startswith("1@28x28 -> 6@12x12, 156 parameters")
    answer = compiled(server, BROKEN)
    assert sizes(answer)[4] == "6@12x12 ?" and answer["facts"] == ""
    (fault,) = answer["faults"]
    assert (fault["code"], fault["place"]["line"]) == ("E0201", 3)
    assert sizes(compiled(server, NET)) == {3: "6@24x24", 4: "6@12x12"}


def test_places_are_counted_as_browsers_count(server: PageServer) -> None:
    text = "# 🜁🜁\n" + BROKEN
    (fault,) = compiled(server, text)["faults"]
    units = text.encode("utf-16-le")
    assert units[2 * fault["place"]["start"] : 2 * fault["place"]["end"]].decode("utf-16-le") == "rleu"


def test_what_may_be_written_and_what_it_replaces(server: PageServer) -> None:
    text = "# 🜁\n" + NET.replace("maxpool 2x2", "maxp")
    at = len(text[: text.index("maxp") + 4].encode("utf-16-le")) // 2
    status, answer = ask(server, "offer", name="net.cnn", text=text, net="", offset=at)
    assert status == 200 and answer["from"] == at - 4
    assert "maxpool" in [offer["text"] for offer in answer["offers"]]
    assert ask(server, "offer", name="net.cnn", text=text, net="", offset="4")[0] == 400


def test_fixes_table_and_picture_come_later(server: PageServer) -> None:
    asked = {"name": "net.cnn", "net": ""}
    status, answer = ask(server, "finish", text=BROKEN, **asked)
    assert status == 200
    (edit,) = answer["faults"][0]["fixes"][0]["edits"]
    assert BROKEN[: edit["start"]] + edit["text"] + BROKEN[edit["end"] :] == NET
    _, answer = ask(server, "finish", text=NET, **asked)
    assert answer["faults"] == [] and "<td" in answer["table"]
    drawn = {view: ask(server, "paint", text=NET, view=view, theme="dark", **asked)[1] for view in VIEWS}
    assert all("<svg" in each["picture"] for each in drawn.values()) and drawn["graph"] != drawn["volume"]
    pytest.importorskip("svglib")
    _, answer = ask(server, "paint", text=NET, view="graph", theme="light", form="pdf", **asked)
    assert b64decode(answer["pdf"]).startswith(b"%PDF-")
    assert ask(server, "paint", text="net {", view="graph", theme="dark", **asked)[1] == {"problem": ""}


def test_who_types_on_does_not_wait_for_fixes(tmp_path: Path) -> None:
    text = "net N { input 1@28x28, conv 6@5x5, relu, flatten, linear 3 in=4056 }\n"
    desk, asked = Desk(str(tmp_path)), Question("net.cnn", text)
    desk.hurry.set()  # as when another thread waits to compile
    (known,) = desk.finish(asked)["faults"]
    desk.compile(asked)
    (fault,) = desk.finish(asked)["faults"]
    assert len(known["fixes"]) < len(fault["fixes"])


def test_a_used_file_is_read_anew_when_it_changes(server: PageServer, tmp_path: Path) -> None:
    text = 'use "b.cnn"\nnet N { input 1@8x8, B }\n'
    assert [fault["code"] for fault in compiled(server, text)["faults"]][:1] == ["E0206"]
    for filters in ("3", "17"):
        (tmp_path / "b.cnn").write_text(f"block B {{ conv {filters}@3x3 }}\n")
        assert compiled(server, text)["facts"].startswith(f"1@8x8 -> {filters}@6x6")
    (tmp_path / "b.cnn").write_text("block B { rleu }\n")
    assert compiled(server, text)["faults"][0]["place"] == {"file": "b.cnn", "line": 1}


def test_the_net_in_view_is_chosen(server: PageServer) -> None:
    text = NET + "net M { input 1@9x9, relu }\n"
    assert compiled(server, text)["net"] == "N"
    answer = compiled(server, text, net="M")
    assert answer["net"] == "M" and answer["nets"] == ["N", "M"] and answer["facts"].startswith("1@9x9")


def test_parameters_are_tried_in_the_net_in_view_alone(server: PageServer) -> None:
    text = "net N(width=6, classes=10) { input 1@28x28, conv width@5x5, relu, flatten, linear classes }\n"
    text += "net M = N width=9\nnet Other { input 1@4x4, relu }\n"
    assert compiled(server, text)["parameters"] == {"width": "6", "classes": "10", "": "1@28x28"}

    def tried(net: str, **given: str) -> Any:
        _, answer = ask(server, "compile", name="net.cnn", text=text, net=net, parameters=given)
        return answer

    answer = tried("M", classes="2 + 1")
    assert answer["parameters"]["width"] == "9" and answer["facts"].startswith("1@28x28 -> 3,")
    assert tried("M", **{"": "1@6x6"})["facts"].startswith("1@6x6 -> 10,")
    answer = tried("N", classes="0")
    assert [fault["place"]["line"] for fault in answer["faults"]] == [1] and not answer["refused"]
    assert "no value" in tried("N", classes="1 +")["refused"]
    answer = tried("Other", classes="3")
    assert "no parameter `classes`" in answer["refused"] and answer["facts"].startswith("1@4x4 -> 1@4x4")
    asked = {"name": "net.cnn", "text": text, "net": "N", "parameters": {"classes": "0"}}
    assert ask(server, "finish", **asked)[1]["faults"][0]["place"]["line"] == 1
    assert tried("M")["faults"] == [] and tried("N")["facts"].startswith("1@28x28 -> 10,")
    asked["text"] = "block B { relu }\n"
    assert all(ask(server, what, **asked)[0] == 200 for what in ("compile", "finish", "paint"))
    for wrong in ({"classes": 3}, ["classes"], 7):
        assert ask(server, "compile", **asked | {"parameters": wrong})[0] == 400


def test_who_may_ask(server: PageServer) -> None:
    good = {"Content_Type": "application/json", HEADER.replace("-", "_"): server.token}
    body = {"name": "net.cnn", "text": NET, "net": ""}
    here = f"{HOST}:{server.server_port}"
    for headers in ({}, {"Origin": f"http://{here}"}, {"Host": f"localhost:{server.server_port}"}):
        assert send(server, "POST", "/compile", body, **good | headers)[0] == 200
    for headers in (
        {HEADER.replace("-", "_"): "x"},
        {"Host": "example.org"},
        {"Host": HOST},
        {"Origin": "null"},
        {"Origin": "http://example.org"},
        {"Origin": f"https://{here}"},
    ):
        status, text = send(server, "POST", "/compile", body, **good | headers)
        assert status == 403 and "sizes" not in text, headers
    path = f"/?token={server.token}"
    assert send(server, "GET", path)[0] == 200
    assert [send(server, "GET", wrong)[0] for wrong in ("/", "/?token=%C3%A9", path + "x", "/net.cnn")] == [
        403
    ] * 4
    assert send(server, "GET", path, Host="example.org")[0] == 403


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("/compile", b"{", "application/json", 400),
        ("/compile", b"[]", "application/json", 400),
        ("/compile", b"[" * 100_000, "application/json", 400),
        ("/compile", b'{"name": "net.cnn", "text": 3}', "application/json", 400),
        ("/compile", b"{}", "text/plain", 415),  # which other sites may send unasked
        ("/nothing", b"{}", "application/json", 404),
        ("/compile", b"x" * (9 << 20), "application/json", 413),
    ],
)
def test_what_is_no_question(server: PageServer, path: str, body: bytes, kind: str, status: int) -> None:
    headers = {"Content_Type": kind, HEADER.replace("-", "_"): server.token}
    if status == 413:
        body, headers = b"", headers | {"Content_Length": str(9 << 20)}
    found, text = send(server, "POST", path, body, **headers)
    assert found == status and "problem" in json.loads(text)


@pytest.mark.parametrize(
    "name",
    [
        "../net.cnn",
        "deep/../net.cnn",
        "/etc/passwd",
        "/etc/x.cnn",
        "secret.txt",
        "link.cnn",
        ".hidden.cnn",
        "deep\\other.cnn",
        "a\0.cnn",
        "",
        ".",
    ],
)
def test_other_files_are_neither_read_nor_written(server: PageServer, tmp_path: Path, name: str) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for what, more in (
        ("open", {}),
        ("save", {"text": "mine", "stamp": None}),
        ("compile", {"text": "", "net": ""}),
    ):
        status, answer = ask(server, what, name=name, **more)
        assert (
            status == 400
            and answer.keys() == {"problem"}
            and "secret" not in answer["problem"].replace(name, "")
        )
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_text_is_saved_in_the_newlines_of_its_file(server: PageServer, tmp_path: Path) -> None:
    _, opened = ask(server, "open", name="deep/other.cnn")
    assert opened["text"] == NET and opened["names"] == ["deep/other.cnn", "net.cnn"]
    status, saved = ask(server, "save", name="deep/other.cnn", text=BROKEN, stamp=opened["stamp"])
    assert status == 200 and saved["stamp"] != opened["stamp"]
    assert (tmp_path / "deep" / "other.cnn").read_bytes() == BROKEN.replace("\n", "\r\n").encode()
    assert ask(server, "save", name="new.cnn", text=NET, stamp="")[0] == 200
    assert (tmp_path / "new.cnn").read_text() == NET


def test_a_file_in_another_encoding_is_not_opened_for_saving_it_would_change_it(
    server: PageServer, tmp_path: Path
) -> None:
    (tmp_path / "latin.cnn").write_bytes(f"# café\n{NET}".encode("latin-1"))
    status, answer = ask(server, "open", name="latin.cnn")
    assert status == 400 and "not UTF-8" in answer["problem"]
    (tmp_path / "unseen.cnn").write_text(NET.replace("relu", "relu\u200e"), "utf-8")
    assert ask(server, "open", name="unseen.cnn")[0] == 200  # which the page can mend


def test_what_someone_else_wrote_is_not_overwritten_unasked(server: PageServer, tmp_path: Path) -> None:
    _, opened = ask(server, "open", name="net.cnn")
    (tmp_path / "net.cnn").write_text("# theirs\n")
    status, answer = ask(server, "save", name="net.cnn", text=NET, stamp=opened["stamp"])
    assert status == 409 and "someone else" in answer["problem"]
    assert (tmp_path / "net.cnn").read_text() == "# theirs\n"
    assert ask(server, "save", name="net.cnn", text=NET, stamp=None)[0] == 200
    assert (tmp_path / "net.cnn").read_text() == NET


def test_a_network_of_the_zoo_is_a_file_that_is_not_there_yet(server: PageServer, tmp_path: Path) -> None:
    status, answer = ask(server, "zoo", net="resnet")
    assert status == 200 and answer == {"name": "resnet.cnn", "text": shipped.text("resnet")}
    assert ask(server, "zoo", net="../lenet")[0] == 400
    assert not (tmp_path / "resnet.cnn").exists()
    (tmp_path / "resnet.cnn").write_text("# mine\n")
    assert ask(server, "zoo", net="resnet")[1]["name"] == "resnet2.cnn"


def test_events_tell_of_files_that_change(server: PageServer, tmp_path: Path) -> None:
    compiled(server, 'use "b.cnn"\nnet N { input 1@8x8, B }\n')
    connection = HTTPConnection(HOST, server.server_port, timeout=60)
    connection.request("GET", f"/events?token={server.token}&name=net.cnn")
    events = connection.getresponse()
    assert events.getheader("Content-Type") == "text/event-stream"

    def event() -> Any:
        line = next(line for line in iter(events.readline, b"") if line.startswith(b"data: "))
        return json.loads(line.removeprefix(b"data: "))

    first = event()
    assert first == {"stamp": ask(server, "open", name="net.cnn")[1]["stamp"], "uses": False}
    (tmp_path / "net.cnn").write_text("# another\n")
    second = event()
    assert second["stamp"] != first["stamp"] and not second["uses"]
    (tmp_path / "b.cnn").write_text("block B { conv 3@3x3 }\n")
    assert event() == {"stamp": second["stamp"], "uses": True}
    connection.close()
    for query, status in ((f"token={server.token}&name=../net.cnn", 400), ("name=net.cnn", 403)):
        assert send(server, "GET", f"/events?{query}")[0] == status


@pytest.mark.slow
def test_broken_texts_are_survived_at_every_keystroke(tmp_path: Path) -> None:
    """All of resnet.cnn, typed and deleted; `CNNSPEC_LONG=1` by single letters."""
    text, desk = shipped.text("resnet"), Desk(str(tmp_path))
    step = 1 if "CNNSPEC_LONG" in os.environ else 40
    ends = [*range(0, len(text), step), *range(len(text), 0, -step)]
    for end in ends:
        answer = desk.compile(Question("net.cnn", text[:end]))
        assert all(each["line"] <= text[:end].count("\n") + 1 for each in answer["sizes"])
    assert desk.compile(Question("net.cnn", text, "ResNet18"))["facts"].startswith(
        "3@224x224 -> 1000, 11,689,512"
    )


@pytest.mark.parametrize("arguments", [["missing/net.cnn"], ["net.txt"], []])
def test_a_wrong_call(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["serve", *arguments])
    assert done.exit_code == 2 and done.stderr.startswith("cnnspec: ")
