// SPDX-License-Identifier: Apache-2.0
#include "handover_send.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bpf_attach.h"

/* An exporter that does not read for so long is not alive. */
#define SEND_TIMEOUT_SECONDS 2

int handover_pair(int ret_sockets[2])
{
	const struct timeval timeout = {.tv_sec = SEND_TIMEOUT_SECONDS};
	int code;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_sockets))
		return -errno;
	if (!setsockopt(ret_sockets[0], SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)))
		return 0;
	code = -errno;
	close(ret_sockets[0]);
	close(ret_sockets[1]);
	return code;
}

int handover_send(int socket, enum handover_kind kind, uint32_t value, const char *name, int fd)
{
	struct handover_message message = {.kind = kind, .value = value};
	struct iovec part = {.iov_base = &message, .iov_len = sizeof(message)};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *item;

	snprintf(message.name, sizeof(message.name), "%s", name);
	if (fd >= 0) {
		head.msg_control = control;
		head.msg_controllen = sizeof(control);
		item = CMSG_FIRSTHDR(&head);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(item), &fd, sizeof(int));
	}
	while (sendmsg(socket, &head, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t written;

	while (size > 0) {
		written = write(fd, at, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		at += written;
		size -= (size_t)written;
	}
	return 0;
}

int handover_send_settings(int socket, const char *name, const void *settings, size_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int code;

	if (fd < 0)
		return -errno;
	code = write_all(fd, settings, size);
	if (!code &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		code = -errno;
	if (!code)
		code = handover_send(socket, HANDOVER_SETTINGS, (uint32_t)size, name, fd);
	close(fd);
	return code;
}

/*
 * TLS programs and tail calls have no link of the set's: loaded is what can be said of them. The
 * kernel counts a tail call's time as its caller's and its runs not at all, so no descriptor to ask.
 */
static int send_program(int socket, const struct bpf_program_row *row,
			const struct bpf_program_fd *fd)
{
	bool attached = fd->program >= 0 && (fd->link >= 0 || !bpf_attach_makes_link(row->attach));

	if (row->attach == BPF_ATTACH_ITERATOR && fd->link >= 0) {
		int code = handover_send(socket, HANDOVER_ITERATOR, 0, row->name, fd->link);

		if (code)
			return code;
	}
	return handover_send(socket, HANDOVER_PROGRAM, attached, row->name,
			     row->attach == BPF_ATTACH_TAIL ? -1 : fd->program);
}

int handover_send_set(int socket, const struct bpf_set *set)
{
	int code = 0;
	size_t i;

	for (i = 0; i < set->map_count && !code; i++)
		code = handover_send(socket, HANDOVER_MAP, 0, set->maps[i].name, set->maps[i].fd);
	for (i = 0; i < bpf_program_count && !code; i++)
		if (bpf_programs[i].attach != BPF_ATTACH_PROBE)
			code = send_program(socket, &bpf_programs[i], &set->programs[i]);
	if (!code)
		code = handover_send(socket, HANDOVER_STATUS, 1, "observer", -1);
	for (i = 0; i < bpf_object_count && !code; i++)
		code = handover_send(socket, HANDOVER_STATUS,
				     bpf_set_is_up(set, bpf_objects[i].component),
				     bpf_objects[i].component, -1);
	return code ? code : handover_send(socket, HANDOVER_COMPLETE, 0, "", -1);
}

int handover_receive_one(int socket, struct handover_message *ret_message)
{
	ssize_t size = recv(socket, ret_message, sizeof(*ret_message), MSG_DONTWAIT);

	if (size == 0 || (size < 0 && errno == ECONNRESET))
		return -EPIPE;
	if (size < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return size == sizeof(*ret_message) ? 1 : -EPROTO;
}
