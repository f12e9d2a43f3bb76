// SPDX-License-Identifier: Apache-2.0
#include "handover_registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

int handover_open(struct handover *handover, int socket)
{
	int flags = fcntl(socket, F_GETFL);

	if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) ||
	    fcntl(socket, F_SETFD, FD_CLOEXEC))
		return -errno;
	memset(handover, 0, sizeof(*handover));
	handover->socket = socket;
	return 0;
}

/* Closes every descriptor of this generation; settings belong to none. */
static void forget_items(struct handover *handover, bool settings_too)
{
	unsigned i, kept = 0;

	for (i = 0; i < handover->item_count; i++) {
		struct handover_item *item = &handover->items[i];

		if (item->kind == HANDOVER_SETTINGS && !settings_too)
			handover->items[kept++] = *item;
		else if (item->fd >= 0)
			close(item->fd);
	}
	handover->item_count = kept;
	handover->complete = false;
}

void handover_close(struct handover *handover)
{
	forget_items(handover, true);
	if (handover->socket >= 0)
		close(handover->socket);
	handover->socket = -1;
}

static struct handover_item *find(const struct handover *handover, enum handover_kind kind,
				  const char *name)
{
	unsigned i;

	for (i = 0; i < handover->item_count; i++)
		if (handover->items[i].kind == kind && !strcmp(handover->items[i].name, name))
			return (struct handover_item *)&handover->items[i];
	return NULL;
}

/* An item that comes again (a program that was attached later) replaces the first one. */
static void keep_item(struct handover *handover, const struct handover_message *message, int *fd)
{
	struct handover_item *item = find(handover, message->kind, message->name);

	if (!item) {
		if (handover->item_count == HANDOVER_ITEMS_MAX) {
			log_error(0,
				  "cannot keep '%s': the observer handed over more than %d items",
				  message->name, HANDOVER_ITEMS_MAX);
			return;
		}
		item = &handover->items[handover->item_count++];
		item->fd = -1;
		item->kind = message->kind;
		memcpy(item->name, message->name, sizeof(item->name));
	}
	item->value = message->value;
	if (*fd < 0)
		return;
	if (item->fd >= 0)
		close(item->fd);
	item->fd = *fd;
	*fd = -1;
}

static void keep_status(struct handover *handover, const struct handover_message *message, int *fd)
{
	struct handover_component *component;
	unsigned i;

	(void)fd;
	for (i = 0; i < handover->component_count; i++)
		if (!strcmp(handover->components[i].name, message->name))
			break;
	if (i == HANDOVER_COMPONENTS_MAX) {
		log_error(0, "cannot keep the status of '%s': more than %d components",
			  message->name, HANDOVER_COMPONENTS_MAX);
		return;
	}
	component = &handover->components[i];
	if (i == handover->component_count) {
		memcpy(component->name, message->name, sizeof(component->name));
		handover->component_count++;
	}
	component->up = message->value != 0;
}

static void keep_settings(struct handover *handover, const struct handover_message *message,
			  int *fd)
{
	keep_item(handover, message, fd);
	handover->settings++;
}

static void keep_restarts(struct handover *handover, const struct handover_message *message,
			  int *fd)
{
	(void)fd;
	handover->restarts = message->value;
}

static void completed(struct handover *handover, const struct handover_message *message, int *fd)
{
	(void)message;
	(void)fd;
	handover->complete = true;
	log_info(0, "ready: %u maps and programs are attached", handover->item_count);
}

static void replaced(struct handover *handover, const struct handover_message *message, int *fd)
{
	(void)message;
	(void)fd;
	forget_items(handover, false);
	handover->generation++;
}

/* A handler that keeps *fd sets it to -1; what is left is closed. */
static void (*const handlers[])(struct handover *, const struct handover_message *, int *) = {
	[HANDOVER_MAP] = keep_item,	     [HANDOVER_PROGRAM] = keep_item,
	[HANDOVER_ITERATOR] = keep_item,     [HANDOVER_COMPLETE] = completed,
	[HANDOVER_REPLACED] = replaced,	     [HANDOVER_STATUS] = keep_status,
	[HANDOVER_RESTARTS] = keep_restarts, [HANDOVER_SETTINGS] = keep_settings,
};

/* 1: a message; 0: none waits; -EPIPE, -errno. */
static int receive_one(int socket, struct handover_message *ret_message, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {ret_message, sizeof(*ret_message)};
	struct msghdr head = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *item;
	ssize_t size;

	do
		size = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
	while (size < 0 && errno == EINTR);
	if (size < 0)
		return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
	if (size == 0)
		return -EPIPE;
	*ret_fd = -1;
	item = CMSG_FIRSTHDR(&head);
	if (item && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(item), sizeof(int));
	if (size != sizeof(*ret_message))
		ret_message->kind = 0;
	ret_message->name[HANDOVER_NAME_SIZE - 1] = '\0';
	return 1;
}

int handover_receive(struct handover *handover)
{
	struct handover_message message = {.kind = 0};
	int fd, status;

	while ((status = receive_one(handover->socket, &message, &fd)) > 0) {
		if (message.kind < sizeof(handlers) / sizeof(*handlers) && handlers[message.kind])
			handlers[message.kind](handover, &message, &fd);
		if (fd >= 0)
			close(fd);
	}
	return status;
}

int handover_listening(struct handover *handover, uint16_t port)
{
	struct handover_message message = {.kind = HANDOVER_LISTENING, .value = port};

	if (send(handover->socket, &message, sizeof(message), MSG_NOSIGNAL) != sizeof(message))
		return -errno;
	return 0;
}

int handover_fd(const struct handover *handover, enum handover_kind kind, const char *name)
{
	const struct handover_item *item = find(handover, kind, name);

	return item && item->fd >= 0 ? item->fd : -ENOENT;
}

int handover_settings(const struct handover *handover, const char *name, void *out, size_t size)
{
	/* Nobody can change it any more, the observer included: it is read as it was judged. */
	const int sealed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const struct handover_item *item = find(handover, HANDOVER_SETTINGS, name);
	struct stat status;
	int seals;
	void *copy;

	if (!item || item->fd < 0)
		return -ENOENT;
	seals = fcntl(item->fd, F_GET_SEALS);
	if (seals < 0 || (seals & sealed) != sealed || fstat(item->fd, &status) ||
	    item->value != size || status.st_size != (off_t)size)
		return -EPROTO;
	/* Private: before 6.7 a shared mapping of what is sealed against writing is refused. */
	copy = mmap(NULL, size, PROT_READ, MAP_PRIVATE, item->fd, 0);
	if (copy == MAP_FAILED)
		return -errno;
	memcpy(out, copy, size);
	munmap(copy, size);
	return 0;
}

const struct handover_item *handover_next(const struct handover *handover, enum handover_kind kind,
					  const struct handover_item *previous)
{
	const struct handover_item *end = handover->items + handover->item_count;
	const struct handover_item *item = previous ? previous + 1 : handover->items;

	while (item < end && item->kind != kind)
		item++;
	return item < end ? item : NULL;
}
