# SPDX-License-Identifier: Apache-2.0
"""Two namespaces of the tests' own, joined by a veth pair, with their own hosts file and resolver.

The client side (`client`) is where real programs run; on the far side (`server`) the truth server
and the DNS server listen, so a packet crosses a real device. `ip netns exec` binds the files in
/etc/netns/NAME over those in /etc; one that a small system does not have is there, empty, meanwhile.
Everything is removed on leaving the context, also when building it failed half-way.
"""
import os
import shutil
import subprocess

ETC_NETNS = "/etc/netns"
CLIENT4, SERVER4, DNS4 = "10.77.0.1", "10.77.0.2", "10.77.0.53"
CLIENT6, SERVER6 = "fd00:77::1", "fd00:77::2"
# No listener there: the far side answers a SYN with RST.
REFUSES4, REFUSES6 = "10.77.0.3", "fd00:77::3"
# A permanent neighbour entry with a hardware address nobody has: packets leave and nobody answers.
SILENT4, SILENT6 = "10.77.0.99", "fd00:77::99"
# The host's own routing table refuses these at once.
NO_ROUTE4, UNREACHABLE4, PROHIBITED4 = "192.0.2.1", "10.78.0.1", "10.79.0.1"
# The router (the far side) finds no neighbour there and answers with ICMP host unreachable. It takes
# its time: an answer inside connect() itself would be a soft error that reading it clears.
ICMP_UNREACHABLE4 = "10.80.0.1"
# No neighbour answers for this one: the kernel gives up on ARP after three questions.
NO_NEIGHBOUR4 = "10.77.0.98"


def run(*command, check=True):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Network:
    def __init__(self, name, syn_retries=1, resolver_timeout=2, resolver_attempts=1):
        self.client = f"og-{name}-{os.getpid()}-c"
        self.server = f"og-{name}-{os.getpid()}-s"
        self.syn_retries = syn_retries
        self.stand_ins = []
        self.resolver = (
            f"nameserver {DNS4}\noptions timeout:{resolver_timeout} attempts:{resolver_attempts}\n"
        )

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *exception):
        self._remove()

    def _build(self):
        for path in ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf"):
            if not os.path.exists(path):
                self.stand_ins.append(path)
                with open(path, "w", encoding="utf-8"):
                    pass
        for name in (self.client, self.server):
            os.makedirs(f"{ETC_NETNS}/{name}", mode=0o755)
            self._write(name, "hosts", "127.0.0.1 localhost\n::1 localhost\n")
            self._write(name, "resolv.conf", self.resolver)
            self._write(name, "nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        c, s = ["ip", "-n", self.client], ["ip", "-n", self.server]
        run(*c, *f"link add veth0 type veth peer name veth1 netns {self.server}".split())
        for enter, device in ((self.in_client, "veth0"), (self.in_server, "veth1")):
            for sysctl in ("accept_dad", "dad_transmits"):
                self._set(enter, f"net.ipv6.conf.{device}.{sysctl}", 0)
            # Three unanswered ARP questions are to take less time than the SYNs.
            self._set(enter, f"net.ipv4.neigh.{device}.retrans_time_ms", 200)
        self._set(self.in_client, "net.ipv4.tcp_syn_retries", self.syn_retries)
        self._set(self.in_server, "net.ipv4.ip_forward", 1)
        # ICMP errors are not to be held back by the limit of one a second a peer.
        self._set(self.in_server, "net.ipv4.icmp_ratelimit", 0)
        run(*c, "addr", "add", f"{CLIENT4}/24", "dev", "veth0")
        run(*c, "addr", "add", f"{CLIENT6}/64", "dev", "veth0", "nodad")
        for address in (SERVER4, REFUSES4, DNS4):
            run(*s, "addr", "add", f"{address}/24", "dev", "veth1")
        for address in (SERVER6, REFUSES6):
            run(*s, "addr", "add", f"{address}/64", "dev", "veth1", "nodad")
        run(*c, "link", "set", "veth0", "up")
        run(*s, "link", "set", "veth1", "up")
        for address in (SILENT4, SILENT6):
            lladdr = "lladdr 02:00:00:00:00:99 dev veth0 nud permanent"
            run(*c, "neigh", "replace", address, *lladdr.split())
        run(*c, "route", "add", "unreachable", f"{UNREACHABLE4}/32")
        run(*c, "route", "add", "prohibit", f"{PROHIBITED4}/32")
        run(*c, "route", "add", f"{ICMP_UNREACHABLE4}/32", "via", SERVER4)
        run(*s, "route", "add", f"{ICMP_UNREACHABLE4}/32", "dev", "veth1")

    def _remove(self):
        for name in (self.client, self.server):
            run("ip", "netns", "del", name, check=False)
            shutil.rmtree(f"{ETC_NETNS}/{name}", ignore_errors=True)
        while self.stand_ins:
            os.unlink(self.stand_ins.pop())

    @staticmethod
    def _set(enter, name, value):
        run(*enter(["sysctl", "-qw", f"{name}={value}"]))

    @staticmethod
    def _write(name, file, text):
        with open(f"{ETC_NETNS}/{name}/{file}", "w", encoding="utf-8") as out:
            out.write(text)

    def set_hosts(self, names):
        """The client's hosts file: {name: [address, …]}. Programs started from now on see it."""
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{address} {name}" for name, addresses in names.items() for address in addresses]
        self._write(self.client, "hosts", "\n".join(lines) + "\n")

    @staticmethod
    def enter(namespace, command):
        """The command line that runs command inside; `ip` execs it, so the pid stays the same."""
        return ["ip", "netns", "exec", namespace, *command]

    def in_client(self, command):
        return self.enter(self.client, command)

    def in_server(self, command):
        return self.enter(self.server, command)
