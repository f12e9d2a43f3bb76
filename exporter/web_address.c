// SPDX-License-Identifier: Apache-2.0
#include "web_address.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"

/*
 * Room for a flood that comes while a scrape is rendered: what does not fit is dropped, and a client
 * whose SYN is dropped tries again after a second.
 */
#define BACKLOG 1024

static int parse_port(const char *text, uint16_t *ret_port)
{
	unsigned port = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9' && at - text < 5; at++)
		port = port * 10 + (unsigned)(*at - '0');
	if (at == text || *at || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

int web_address_parse(const char *text, struct web_address *ret_address)
{
	const char *colon = strrchr(text, ':'), *host = text;
	struct web_address address = {.port = 0};
	size_t size;

	if (!colon || parse_port(colon + 1, &address.port))
		return -EINVAL;
	size = (size_t)(colon - text);
	if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
		host++;
		size -= 2;
		if (size == 0)
			return -EINVAL;
	} else if (memchr(host, ':', size) || memchr(host, '[', size) || memchr(host, ']', size)) {
		return -EINVAL; /* an IPv6 address without brackets could be read in two ways */
	}
	if (size >= sizeof(address.host))
		return -EINVAL;
	memcpy(address.host, host, size);
	*ret_address = address;
	return 0;
}

static int resolve(const struct web_address *address, const char *text, struct addrinfo **ret_list)
{
	struct addrinfo hints = {
		.ai_family = address->host[0] ? AF_UNSPEC : AF_INET6,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
	};
	char port[8];
	int err;

	snprintf(port, sizeof(port), "%u", address->port);
	err = getaddrinfo(address->host[0] ? address->host : NULL, port, &hints, ret_list);
	if (err)
		return log_error(-EADDRNOTAVAIL,
				 "cannot listen on %s: %s; pass --web.listen-address=ADDRESS:PORT",
				 text, gai_strerror(err));
	return 0;
}

static int open_socket(const struct addrinfo *info)
{
	int on = 1, off = 0, fd, err;

	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* A restart must not wait for old connections in TIME_WAIT. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (info->ai_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off))) ||
	    bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, BACKLOG)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int web_address_listen(const char *text, int *ret_fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	const struct addrinfo without_ipv6 = {
		.ai_family = AF_INET,
		.ai_addr = (struct sockaddr *)&any,
		.ai_addrlen = sizeof(any),
	};
	struct web_address address;
	struct addrinfo *list;
	int fd, err;

	err = web_address_parse(text, &address);
	if (err)
		return log_error(err,
				 "cannot listen on %s: not an address; write HOST:PORT, "
				 "[IPV6]:PORT or :PORT",
				 text);
	err = resolve(&address, text, &list);
	if (err)
		return err;
	fd = open_socket(list);
	freeaddrinfo(list);
	if (fd == -EAFNOSUPPORT && !address.host[0]) {
		any.sin_port = htons(address.port);
		fd = open_socket(&without_ipv6);
	}
	if (fd < 0)
		return log_error(fd,
				 "cannot listen on %s: %s; stop the other process or pass "
				 "--web.listen-address",
				 text, strerror(-fd));
	*ret_fd = fd;
	return 0;
}

uint16_t web_address_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size))
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
