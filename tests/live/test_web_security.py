#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--web.config.file, with curl: TLS versions and certificates, client certificates, headers, and what
happens when the file changes."""
import os
import socket
import ssl
import subprocess

from harness import BUILD, Tap
from web_world import TLS, Web, web_directory

tap = Tap()


def check_versions(og):
    tap.equal("TLS 1.3 is served", og.status("--tlsv1.3"), 200)
    tap.equal("TLS 1.2 too", og.status("--tls-max", "1.2"), 200)
    tap.equal(
        "TLS 1.1 is not",
        og.status("--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"),
        0,
    )
    command = ["curl", "-s", "--max-time", "5", "-o", "/dev/null", "-w", "%{http_code}"]
    command.append(og.url.replace("https", "http"))
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
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
    with web_directory() as directory:
        check_tool(directory)
        with Web(directory, TLS) as og:
            print(f"# resident with TLS: {og.resident_kib()} KiB", flush=True)
            check_versions(og)
            check_certificates(og)
            check_clients(og)
            check_headers(og)
            check_off(og)
            check_bad_change(og)
    tap.done()


if __name__ == "__main__":
    main()
