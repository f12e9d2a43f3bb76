#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Who may read and report: passwords of --web.config.file, its rate limit, bearer tokens, local users; with curl."""
import crypt
import subprocess
import time

from harness import Child, Tap, quickest
from web_world import STRANGER, TLS, Web, web_directory

INGEST, READ = "ingest-token-0123456789", "read-token-0123456789"

tap = Tap()


def bcrypt(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 8))


def check_passwords(og):
    users = f"basic_auth_users:\n  alice: {bcrypt('secret')}\n  bob: {bcrypt('other')}\n"
    og.change(TLS + users)
    answer = og.curl()
    tap.equal("without a password: 401", answer[0], 401)
    tap.ok(
        "it says what is needed",
        'www-authenticate: basic realm="operaglass"' in answer[2].lower(),
        answer[2],
    )
    tap.equal("/-/healthy needs none", og.status(path="/-/healthy"), 200)
    tap.equal("/-/ready needs none", og.status(path="/-/ready"), 200)
    tap.equal("what is not there is not told", og.status(path="/nope"), 401)
    tap.equal("with it: 200", og.status("-u", "alice:secret"), 200)
    tap.equal("another user's too", og.status("-u", "bob:other"), 200)
    for wrong in (
        "alice:other",
        "alice:",
        "alice:secretx",
        "bob:secret",
        "carol:secret",
        ":",
        "alice:" + "x" * 80,
    ):
        tap.equal(f"{wrong[:20]} is refused", og.status("-u", wrong), 401)
    for header in (
        "Basic",
        "Basic !!!",
        "Basic YWxpY2U=",
        "Bearer x",
        "Digest x",
        "Basic " + "A" * 900,
    ):
        tap.equal(f"'{header[:16]}' is refused", og.status("-H", "Authorization: " + header), 401)
    quick = quickest(lambda: og.status("-u", "alice:secret"))
    known = [timed(og, f"alice:{i}") for i in range(8)]
    unknown = [timed(og, f"nobody{i}:{i}") for i in range(8)]
    print(
        f"# cached {quick:.4f} s, wrong password {min(known):.4f} s, unknown name {min(unknown):.4f} s"
    )
    tap.ok(
        "a name that nobody has costs the same",
        0.5 < min(unknown) / min(known) < 2,
        (known, unknown),
    )
    tap.ok("a right one is remembered", quick < min(known), (quick, min(known)))
    tap.within("wrong ones are counted", og.refused("bad_password", "-u", "alice:secret"), 20, 24)
    og.change(TLS + users.replace("alice", "alicia"))
    tap.equal("who was taken out is refused at once", og.status("-u", "alice:secret"), 401)
    tap.equal("who was put in is not", og.status("-u", "alicia:secret"), 200)


def timed(og, user):
    begin = time.monotonic()
    og.status("-u", user)
    return time.monotonic() - begin


def check_many_passwords(og):
    """Fifty strangers guess at once: a scrape whose password is known is answered meanwhile."""
    og.change(TLS + f"basic_auth_users:\n  alice: {bcrypt('secret')}\n")
    og.status("-u", "alice:secret")
    command = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code} ", og.url + "/metrics"]
    guesses = [
        Child([*command, "-u", f"alice:{i}"], stdout=subprocess.PIPE, text=True)
        for i in range(50)
    ]
    begin = time.monotonic()
    status = og.status("-u", "alice:secret")
    took = time.monotonic() - begin
    codes = {guess.communicate()[0].strip() for guess in guesses}
    tap.equal("who is known is served while strangers guess", status, 200)
    tap.within("at once", took, 0, 2)
    tap.ok("the strangers are refused, or told to come again", codes <= {"401", "503"}, codes)


def check_rate(og):
    og.change(TLS + "rate_limit:\n  interval: 60s\n  burst: 3\n")
    answers = [og.curl() for _ in range(5)]
    tap.equal("three at once, then 429", [a[0] for a in answers], [200, 200, 200, 429, 429])
    tap.ok("it says when to come again", "retry-after: " in answers[4][2].lower(), answers[4][2])
    tap.equal("health is not limited", og.status(path="/-/healthy"), 200)
    og.change(TLS + "rate_limit:\n  interval: 0s\n  burst: 3\n")
    tap.equal("an interval of 0 is no limit", [og.status() for _ in range(5)], [200] * 5)
    tap.equal("they were counted", og.refused("rate_limit"), 2)


def check_tokens(og):
    body = ["-X", "POST", "-H", "Content-Type: application/json", "-d", "[]"]
    bearer = "Authorization: Bearer "
    tap.equal("reading needs the token", og.status(), 401)
    tap.equal("with it: 200", og.status("-H", bearer + READ), 200)
    tap.equal("'bearer' may be written so", og.status("-H", "Authorization: bearer " + READ), 200)
    for wrong in (READ[:-1], READ + "x", INGEST, "", READ.upper()):
        tap.equal(f"'{wrong[-12:]}' is refused", og.status("-H", bearer + wrong), 401)
    tap.equal("a password in its place, too", og.status("-u", "a:" + READ), 401)
    path = "/api/v1/events"
    tap.equal("reporting without a token: 401", og.status(*body, path=path), 401)
    tap.equal("with that for reading: 401", og.status(*body, "-H", bearer + READ, path=path), 401)
    good = og.status(*body, "-H", bearer + INGEST, path=path)
    tap.ok("with its own it is taken", good not in (0, 401, 403), good)
    with open(og.directory_of_web + "/token", "w", encoding="ascii") as file:
        file.write("another-token-0123456789\n")
    tap.ok("a changed token is noticed", og.wait_log("a token or key changed", 1))
    tap.equal(
        "the old one is refused then", og.status(*body, "-H", bearer + INGEST, path=path), 401
    )


def check_local_users(og):
    """The unix socket: who may report may read; anybody else needs what is needed on the web."""

    def status(uid, path, *arguments):
        command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *arguments]
        command += ["--unix-socket", og.directory + "/api.sock", "http://localhost" + path]
        return subprocess.run(
            command, user=uid, group=uid, extra_groups=[], capture_output=True, check=False
        ).stdout.decode()

    token = ["-H", "Authorization: Bearer " + READ]
    for path in ("/metrics", "/health", "/api/audit", "/api/approvals", "/orchestrate/metrics"):
        tap.equal(f"root reads {path} on the unix socket", status(0, path), "200")
        tap.equal("a stranger does not", status(STRANGER, path), "401")
        tap.equal("but with the token", status(STRANGER, path, *token), "200")
    wrong = ["-H", "Authorization: Bearer nonsense-nonsense-nonsense"]
    tap.equal("a wrong token is refused", status(STRANGER, "/metrics", *wrong), "401")
    found = subprocess.run(
        ["curl", "-sS", "--unix-socket", og.directory + "/api.sock"]
        + [f"http://localhost/api/audit?actor=uid%20{STRANGER}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    tap.ok("and told by uid in the audit log", '"bad_token' in found, found)
    tap.equal("that it lives is open to all", status(STRANGER, "/-/healthy"), "200")


def main():
    with web_directory() as directory:
        with Web(directory, TLS) as og:
            check_passwords(og)
            check_many_passwords(og)
            check_rate(og)
        for name, token in (("token", INGEST), ("read", READ)):
            with open(f"{directory}/{name}", "w", encoding="ascii") as file:
                file.write(token + "\n")
        config = (
            f"events:\n  token_file: {directory}/token\nweb:\n  read_token_file: {directory}/read\n"
        )
        with Web(directory, TLS, config) as og:
            check_tokens(og)
            check_local_users(og)
    tap.done()


if __name__ == "__main__":
    main()
