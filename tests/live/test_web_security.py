#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--web.config.file and bearer tokens, with curl: TLS versions and certificates, client certificates,
passwords, rate limit, headers, and what happens when the file changes."""
import crypt
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request

from harness import BUILD, Operaglass, Tap

CHANGE_SECONDS = 6  # looked at every two seconds
STRANGER = 54321  # a uid that nobody has
INGEST, READ = "ingest-token-0123456789", "read-token-0123456789"

tap = Tap()


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True)


def make_certificates(directory):
    """Two authorities; certificates signed by each."""

    def path(name):
        return os.path.join(directory, name)

    def make(name, authority=None, san=None, usage="serverAuth"):
        subject = ["-subj", f"/CN={name}"]
        new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        if not authority:
            run(
                *new,
                "-x509",
                "-days",
                "2",
                *subject,
                "-keyout",
                path(name + ".key"),
                "-out",
                path(name + ".crt"),
            )
            return
        run(*new, *subject, "-keyout", path(name + ".key"), "-out", path(name + ".csr"))
        with open(path("ext"), "w", encoding="ascii") as file:
            file.write(f"extendedKeyUsage={usage}\n" + (f"subjectAltName={san}\n" if san else ""))
        run(
            *[
                "openssl",
                "x509",
                "-req",
                "-days",
                "2",
                "-in",
                path(name + ".csr"),
                "-CA",
                path(authority + ".crt"),
            ],
            *[
                "-CAkey",
                path(authority + ".key"),
                "-CAcreateserial",
                "-extfile",
                path("ext"),
                "-out",
                path(name + ".crt"),
            ],
        )

    make("ca")
    make("other-ca")
    make("server", "ca", "IP:127.0.0.1,DNS:localhost")
    make("server2", "ca", "IP:127.0.0.1,DNS:localhost")
    make("client", "ca", "DNS:scraper.example,email:a@example.com,IP:10.1.2.3", "clientAuth")
    make("stranger", "other-ca", "DNS:scraper.example", "clientAuth")
    os.chmod(path("server.key"), 0o600)


def bcrypt(password):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << 8))


class Web(Operaglass):
    """Operaglass with a web configuration that can be changed."""

    def __init__(self, directory, text, config=""):
        super().__init__(config, ["--web.config.file", directory + "/web.yml"])
        self.directory_of_web = directory
        self.url = f"https://127.0.0.1:{self.port}"
        self.write(text)

    def write(self, text):
        self.text = text
        with open(self.directory_of_web + "/web.new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(self.directory_of_web + "/web.new", self.directory_of_web + "/web.yml")

    def change(self, text):
        """Returns when the new file is in force."""
        before = self.logs().count("the web configuration is in force")
        self.write(text)
        return self.wait_log("the web configuration is in force", before + 1)

    def wait_log(self, words, count):
        limit = time.monotonic() + CHANGE_SECONDS
        while self.logs().count(words) < count:
            if time.monotonic() > limit:
                return False
            time.sleep(0.05)
        return True

    def curl(self, *arguments, path="/metrics", certificate=None):
        """(status, curl's exit code, what it printed); 0 without an answer."""
        command = ["curl", "-sS", "--max-time", "10", "--cacert", self.directory_of_web + "/ca.crt"]
        if certificate:
            base = self.directory_of_web + "/" + certificate
            command += ["--cert", base + ".crt", "--key", base + ".key"]
        got = subprocess.run(
            [
                *command,
                "-o",
                "/dev/null",
                "-D",
                "-",
                "-w",
                "\n%{http_code}",
                *arguments,
                self.url + path,
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        head, _, status = got.stdout.rpartition("\n")
        return int(status or 0), got.returncode, head

    def status(self, *arguments, **keywords):
        return self.curl(*arguments, **keywords)[0]

    def refused(self, reason, *arguments, **keywords):
        """The counter, seen by somebody who may."""
        got = subprocess.run(
            [
                "curl",
                "-sS",
                "--cacert",
                self.directory_of_web + "/ca.crt",
                *arguments,
                self.url + "/metrics",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        for line in got.stdout.splitlines():
            if line.startswith(f'operaglass_web_refused_total{{reason="{reason}"}}'):
                return int(line.split()[1])
        return None


TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


def check_versions(og):
    tap.equal("TLS 1.3 is served", og.status("--tlsv1.3"), 200)
    tap.equal("TLS 1.2 too", og.status("--tls-max", "1.2"), 200)
    tap.equal(
        "TLS 1.1 is not",
        og.status("--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"),
        0,
    )
    plain = subprocess.run(
        [
            "curl",
            "-s",
            "--max-time",
            "5",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            og.url.replace("https", "http"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    tap.ok("plain HTTP is not", plain.stdout != "200", plain.stdout)
    tap.equal("HTTP/2 is not insisted on", og.status("--http2"), 200)
    og.change(TLS + "  min_version: TLS13\n")
    tap.equal("with min_version TLS13, 1.2 is refused", og.status("--tls-max", "1.2"), 0)
    tap.equal("and 1.3 is served", og.status(), 200)
    og.change(
        TLS + "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]\n"
    )
    tap.equal("with max_version TLS12, 1.3 is refused", og.status("--tlsv1.3"), 0)
    tap.equal(
        "the suite that is listed is served",
        og.status("--ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        200,
    )
    tap.equal("another one is not", og.status("--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"), 0)
    og.change(TLS + "  curve_preferences: [CurveP384]\n")
    tap.equal("the curve that is listed is served", og.status("--curves", "P-384"), 200)
    tap.equal("another one is not", og.status("--curves", "X25519"), 0)


def serial(og):
    context = ssl.create_default_context(cafile=og.directory_of_web + "/ca.crt")
    with socket.create_connection(("127.0.0.1", og.port), 5) as raw:
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            return dict(item[0] for item in tls.getpeercert()["subject"])["commonName"]


def check_certificates(og):
    og.change(TLS)
    tap.equal("the certificate is the configured one", serial(og), "server")
    og.change(TLS.replace("server.", "server2."))
    tap.equal("a changed one is used without a restart", serial(og), "server2")
    og.change(TLS)
    directory = og.directory_of_web
    for end in ("crt", "key"):
        os.replace(f"{directory}/server.{end}", f"{directory}/old.{end}")
    before = og.logs().count("the web configuration is in force")
    for end in ("key", "crt"):
        with open(f"{directory}/server2.{end}", "rb") as new:
            with open(f"{directory}/server.{end}.new", "wb") as file:
                file.write(new.read())
        os.replace(f"{directory}/server.{end}.new", f"{directory}/server.{end}")
    tap.ok(
        "a renewed file is noticed", og.wait_log("the web configuration is in force", before + 1)
    )
    tap.equal("and used", serial(og), "server2")
    for end in ("crt", "key"):
        os.replace(f"{directory}/old.{end}", f"{directory}/server.{end}")
    og.wait_log("the web configuration is in force", before + 2)


def check_clients(og):
    ca = TLS + "  client_ca_file: ca.crt\n  client_auth_type: "
    table = {
        # type: none, signed by the authority, signed by another
        "RequestClientCert": (TLS + "  client_auth_type: RequestClientCert\n", (200, 200, 200)),
        "RequireAnyClientCert": (TLS + "  client_auth_type: RequireAnyClientCert\n", (0, 200, 200)),
        "VerifyClientCertIfGiven": (ca + "VerifyClientCertIfGiven\n", (200, 200, 0)),
        "RequireAndVerifyClientCert": (ca + "RequireAndVerifyClientCert\n", (0, 200, 0)),
    }
    for version in ("1.2", "1.3"):
        for name, (text, expected) in table.items():
            og.change(text)
            got = tuple(
                og.status("--tls-max", version, certificate=certificate)
                for certificate in (None, "client", "stranger")
            )
            tap.equal(f"{name} with TLS {version}: none, ours, a stranger's", got, expected)
    for name, expected in {
        "scraper.example": 200,
        "a@example.com": 200,
        "10.1.2.3": 200,
        "other.example": 0,
    }.items():
        og.change(ca + f"RequireAndVerifyClientCert\n  client_allowed_sans: ['{name}']\n")
        tap.equal(f"only {name} may: {expected}", og.status(certificate="client"), expected)
    og.change(TLS + "  client_auth_type: NoClientCert\n")
    tap.equal("NoClientCert: all may", [og.status(), og.status(certificate="client")], [200, 200])
    tap.within("refused certificates are counted", og.refused("bad_certificate"), 6, 30)


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
    quick = fastest(lambda: og.status("-u", "alice:secret"))
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


def fastest(call):
    times = []
    for _ in range(5):
        begin = time.monotonic()
        call()
        times.append(time.monotonic() - begin)
    return min(times)


def timed(og, user):
    begin = time.monotonic()
    og.status("-u", user)
    return time.monotonic() - begin


def check_many_passwords(og):
    """Fifty strangers guess at once: a scrape whose password is known is answered meanwhile."""
    og.change(TLS + f"basic_auth_users:\n  alice: {bcrypt('secret')}\n")
    og.status("-u", "alice:secret")
    guesses = [
        subprocess.Popen(
            [
                "curl",
                "-sk",
                "-o",
                "/dev/null",
                "-w",
                "%{http_code} ",
                "-u",
                f"alice:{i}",
                og.url + "/metrics",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
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


def check_headers(og):
    og.change(
        TLS
        + "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n"
        + "    Strict-Transport-Security: max-age=60\n    Content-Security-Policy: default-src 'self'\n"
    )
    for path in ("/", "/metrics"):
        head = og.curl(path=path)[2].lower()
        for line in ("x-frame-options: deny", "strict-transport-security: max-age=60"):
            tap.ok(f"{path} has {line}", line in head, head)
        tap.equal(
            f"{path} has one policy, the configured one",
            [line for line in head.splitlines() if line.startswith("content-security-policy")],
            ["content-security-policy: default-src 'self'"],
        )


def check_bad_change(og):
    og.change(TLS)
    for name, text, words in (
        ("an unknown key", TLS + "nonsense: 1\n", "unknown key 'nonsense'"),
        ("a file that is not there", TLS.replace("server.key", "gone.key"), "cannot read key_file"),
        ("a key of another certificate", TLS.replace("server.key", "ca.key"), "not in force"),
        ("no TLS any more", "", "at the next start only"),
    ):
        before = og.logs().count(words)
        og.write(text)
        tap.ok(f"{name} is said", og.wait_log(words, before + 1), og.logs()[-500:])
        tap.equal("and changes nothing", og.status(), 200)
    og.change(TLS)


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


def check_off(og):
    status, _, _ = og.curl("-X", "POST", "-d", "{}", path="/api/v1/events")
    tap.equal("without a token configured, reporting by web is off", status, 403)


def check_tool(directory):
    example = os.path.join(
        os.path.dirname(os.path.abspath(__file__)), "../../deploy/web-config.yml"
    )
    tap.equal(
        "promtool accepts the example",
        subprocess.run(
            ["promtool", "check", "web-config", directory + "/example.yml"], check=False
        ).returncode
        if copy_example(example, directory)
        else None,
        0,
    )
    check = [BUILD + "/operaglass", "check-config", "--web.config.file"]
    got = subprocess.run(
        [*check, directory + "/example.yml"], capture_output=True, text=True, check=False
    )
    tap.equal("check-config too", (got.returncode, got.stdout, got.stderr), (0, "ok\n", ""))
    with open(directory + "/bad.yml", "w", encoding="ascii") as file:
        file.write("basic_auth_users:\n  alice: plaintext\n")
    got = subprocess.run(
        [*check, directory + "/bad.yml"], capture_output=True, text=True, check=False
    )
    tap.equal("a password that is not hashed is refused", got.returncode, 2)
    tap.ok(
        "with its place, and not repeated",
        "bad.yml:2:10: " in got.stderr and "plaintext" not in got.stderr,
        got.stderr,
    )
    promtool = subprocess.run(
        ["promtool", "check", "web-config", directory + "/bad.yml"],
        capture_output=True,
        check=False,
    )
    tap.ok("promtool refuses it, too", promtool.returncode != 0)


def copy_example(example, directory):
    with open(example, encoding="utf-8") as file:
        text = file.read()
    with open(directory + "/example.yml", "w", encoding="utf-8") as file:
        file.write(text)
    return True


def main():
    with tempfile.TemporaryDirectory(prefix="og-web-") as directory:
        make_certificates(directory)
        context = ssl._create_unverified_context()
        context.load_cert_chain(directory + "/client.crt", directory + "/client.key")
        urllib.request.install_opener(
            urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
        )
        check_tool(directory)
        with Web(directory, TLS) as og:
            print(f"# resident with TLS: {og.resident_kib()} KiB", flush=True)
            check_versions(og)
            check_certificates(og)
            check_clients(og)
            check_passwords(og)
            check_many_passwords(og)
            check_rate(og)
            check_headers(og)
            check_off(og)
            check_bad_change(og)
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
    sys.exit(main())
