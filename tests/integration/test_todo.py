"""examples/todo: a small application on the library, as people will copy it."""

import json
import random
import re
import shutil
import subprocess
import threading
import time

import httpx
import pytest
import requests

from browser import Browser
from installed import ROOT
from program import Wherry, eventually
from tools import need


@pytest.fixture(scope="module")
def home(installed, tmp_path_factory):
    """A copy of the example and nothing else, built with what is installed."""
    folder = tmp_path_factory.mktemp("todo") / "todo"
    ignored = shutil.ignore_patterns("todo", "*.db*", "certs")
    shutil.copytree(ROOT / "examples" / "todo", folder, ignore=ignored)
    installed.make(folder)
    return folder


@pytest.fixture
def start(build, home, tmp_path):
    """Starts it with the database of this test; at the end it must stop well."""
    started = []

    def start(secure=False):
        server = Wherry(home / "todo", None, str(tmp_path / "todo.db"), "0", "0", cwd=home,
                        patience=build.patience, secure=secure, authority=home / "certs" / "ca.pem")
        started.append(server)
        return server

    yield start
    try:
        for server in started:
            if server.process.poll() != -9:
                server.stop()
    finally:
        for server in started:
            server.kill()


@pytest.fixture(params=["http", "https"])
def server(start, request, monkeypatch):
    """Over both."""
    server = start(secure=request.param == "https")
    for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(server.authority))
    return server


def add(server, title="a thing", **more):
    answer = requests.post(f"{server.url}/todos", json={"title": title, **more}, timeout=60)
    assert answer.status_code == 201
    return answer.json()


# ---- the API


@pytest.mark.parametrize("client", [requests, httpx])
def test_an_item_lives_and_dies(server, client):
    url = f"{server.url}/todos"
    assert client.get(url).json() == []
    answer = client.post(url, json={"title": "buy a boat"})
    item = {"id": 1, "version": 1, "done": False, "title": "buy a boat"}
    assert (answer.status_code, answer.json()) == (201, item)
    assert answer.headers["Location"] == "/todos/1"
    assert answer.headers["Content-Type"] == "application/json"
    one = server.url + answer.headers["Location"]
    assert client.get(one).json() == item and client.get(url).json() == [item]
    answer = client.patch(one, json={"done": True})
    item = {**item, "version": 2, "done": True}
    assert (answer.status_code, answer.json()) == (200, item)
    answer = client.put(one, json={"title": "sell it", "done": False})
    item = {"id": 1, "version": 3, "done": False, "title": "sell it"}
    assert (answer.status_code, answer.json()) == (200, item)
    assert client.get(one).json() == item
    answer = client.delete(one)
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (client.get, client.delete):
        answer = again(one)
        assert (answer.status_code, answer.json()) == (404, {"error": "there is no such item"})
    assert client.post(url, json={"title": "another"}).json()["id"] == 2


def test_by_curl(server):
    def curl(*words):
        run = subprocess.run([need("curl", "curl"), "-sS", "-f", *words], capture_output=True,
                             timeout=60, check=True)
        return json.loads(run.stdout)

    form = "Content-Type: application/json; charset=utf-8"
    curl("-H", form, "-d", '{"title": "caf\u00e9", "done": true}', f"{server.url}/todos")
    assert curl(f"{server.url}/todos/1")["title"] == "caf\u00e9"
    assert curl("-X", "PATCH", "-H", form, "-d", '{"title":"tea"}', f"{server.url}/todos/1") == {
        "id": 1, "version": 2, "done": True, "title": "tea"}


@pytest.mark.parametrize("body, about", [
    ("", "end of file"),
    ("{", "end of file"),
    ('{"title": }', "near '}'"),
    ("[]", "object"),
    ("{}", "title"),
    ('{"title": 1}', "integer"),
    ('{"title": null}', "null"),
    ('{"title": "a", "done": "yes"}', "true or false"),
    ('{"title": "a", "due": 1}', "due"),
    ('{"title": "a", "title": "b"}', "duplicate"),
    ('{"title": ""}', "a title has 1 to 500 bytes"),
    pytest.param('{"title": "%s"}' % ("x" * 501), "a title has 1 to 500 bytes", id="too long"),
    (b'{"title": "\xff"}', "0xff"),
    ('{"title": "\\u0000"}', "u0000"),
])
def test_what_is_wrong_with_the_json_is_told(server, body, about):
    answer = requests.post(f"{server.url}/todos", data=body, timeout=60,
                           headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and about in answer.json()["error"]
    assert requests.get(f"{server.url}/todos", timeout=60).json() == []


def test_what_else_is_refused(server):
    add(server)
    url = f"{server.url}/todos"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        answer = requests.post(url, data='{"title":"a"}', headers={"Content-Type": kind}, timeout=60)
        assert answer.status_code == 415 and "application/json" in answer.json()["error"]
    assert requests.post(url, json={"title": "a" * 20_000}, timeout=60).status_code == 413
    assert requests.patch(f"{url}/1", json={"done": 1}, timeout=60).status_code == 400
    assert requests.put(f"{url}/1", json={"done": True}, timeout=60).status_code == 400
    for name in ("2", "0", "-1", "x", "1x", "1" * 30, "1%2f2"):
        assert requests.get(f"{url}/{name}", timeout=60).status_code == 404
        assert requests.patch(f"{url}/{name}", json={}, timeout=60).status_code == 404
    answer = requests.delete(url, timeout=60)
    assert answer.status_code == 405 and "POST" in answer.headers["Allow"]
    assert len(requests.get(url, timeout=60).json()) == 1


def test_a_tag_is_good_for_reading_and_for_writing(server):
    """RFC 9110 §13.1.1, §13.1.2"""
    add(server)
    one = f"{server.url}/todos/1"
    tag = requests.get(one, timeout=60).headers["ETag"]
    assert tag == '"1"'
    assert requests.get(one, headers={"If-None-Match": tag}, timeout=60).status_code == 304
    answer = requests.patch(one, json={"done": True}, headers={"If-Match": tag}, timeout=60)
    assert answer.status_code == 200 and answer.headers["ETag"] == '"2"'
    for call in (lambda **more: requests.patch(one, json={"done": False}, **more),
                 lambda **more: requests.put(one, json={"title": "mine"}, **more),
                 lambda **more: requests.delete(one, **more)):
        answer = call(headers={"If-Match": tag}, timeout=60)
        assert answer.status_code == 412
        assert answer.json() == {"error": "somebody else has changed the item"}
    assert requests.get(one, timeout=60).json()["done"] is True
    assert requests.patch(one, json={}, headers={"If-Match": "*"}, timeout=60).status_code == 200
    assert requests.delete(one, headers={"If-Match": '"1", "3"'}, timeout=60).status_code == 204


def test_no_update_is_lost(server, build):
    """Many count in one title, each from what it has read."""
    add(server, "0")
    each, clients = (10, 8) if build.is_fast else (3, 4)

    def count():
        with requests.Session() as session:
            for _ in range(each):
                while True:
                    item = session.get(f"{server.url}/todos/1", timeout=60)
                    number = int(item.json()["title"]) + 1
                    answer = session.patch(f"{server.url}/todos/1", json={"title": str(number)},
                                           headers={"If-Match": item.headers["ETag"]}, timeout=60)
                    if answer.status_code == 200:
                        break
                    assert answer.status_code == 412

    threads = [threading.Thread(target=count) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    item = requests.get(f"{server.url}/todos/1", timeout=60).json()
    assert item["title"] == str(each * clients) and item["version"] == each * clients + 1


# ---- what is kept


def test_items_outlive_the_server(start):
    server = start()
    add(server, "first", done=True)
    server.stop()
    assert [item["title"] for item in requests.get(f"{start().url}/todos", timeout=60).json()] == ["first"]


def keep_adding(server, name, acknowledged):
    try:
        with requests.Session() as session:
            for number in range(100_000):
                title = f"{name}-{number}"
                answer = session.post(f"{server.url}/todos", json={"title": title}, timeout=60)
                if answer.status_code == 201:
                    acknowledged.append(title)
    except (requests.RequestException, OSError):
        pass


def test_killed_under_load_it_loses_nothing_that_it_has_acknowledged(start, build):
    acknowledged, dice = [], random.Random(1)
    for turn in range(4):
        server = start()
        writers = [threading.Thread(target=keep_adding, args=(server, f"{turn}-{i}", acknowledged))
                   for i in range(8)]
        for writer in writers:
            writer.start()
        before = len(acknowledged)
        eventually(lambda: len(acknowledged) > before + 5, 20 * build.patience, "some to be added")
        time.sleep(dice.uniform(0.05, 0.5))
        server.kill()
        for writer in writers:
            writer.join()
    kept = {item["title"] for item in requests.get(f"{start().url}/todos", timeout=60).json()}
    assert set(acknowledged) <= kept
    assert len(kept) <= len(acknowledged) + 4 * 8


def test_a_database_that_cannot_be_opened(home, tmp_path):
    run = subprocess.run([home / "todo", tmp_path / "nowhere" / "todo.db", "0"], cwd=home,
                         capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert re.fullmatch(r'todo: cannot use the database ".*": unable to open database file\n', run.stderr)


# ---- the page


def texts(browser):
    return browser.run("[...document.querySelectorAll('li span')].map(each => each.textContent)")


def settle(browser, wanted, patience):
    eventually(lambda: texts(browser) == wanted, 20 * patience, f"the page to show {wanted}")


def click(browser, selector):
    browser.run(f"document.querySelector({selector!r}).click()")


def write(browser, title):
    browser.run(f"document.forms[0].elements.title.value = {json.dumps(title)};"
                "document.forms[0].requestSubmit()")


def test_the_page(server, tmp_path, build):
    """In a real browser: adds, ticks, removes; and somebody else is not overwritten."""
    patience, url = build.patience, server.url.replace("127.0.0.1", "localhost")
    authority = server.authority if server.is_secure else None
    (tmp_path / "browser").mkdir()
    with Browser(tmp_path / "browser", patience, authority) as browser:
        browser.listen()
        browser.open(f"{url}/")
        write(browser, "<b>bread</b> & butter")
        settle(browser, ["<b>bread</b> & butter"], patience)
        write(browser, "milk")
        settle(browser, ["<b>bread</b> & butter", "milk"], patience)
        click(browser, "#item-2 input")
        eventually(lambda: browser.run("document.querySelector('#item-2').className") == "done",
                   20 * patience, "the second to be done")
        assert requests.get(f"{server.url}/todos/2", timeout=60).json()["done"] is True
        assert browser.complaints() == []

        requests.patch(f"{server.url}/todos/1", json={"title": "bread"}, timeout=60)
        click(browser, "#item-1 button")        # of a version that is not the last one
        settle(browser, ["bread", "milk"], patience)
        assert "somebody else" in browser.run("document.querySelector('[role=status]').textContent")
        click(browser, "#item-1 button")
        settle(browser, ["milk"], patience)
        browser.open(f"{url}/")
        settle(browser, ["milk"], patience)
