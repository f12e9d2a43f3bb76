// SPDX-License-Identifier: Apache-2.0
#include "senders.h"

#include <errno.h>
#include <sys/socket.h>

/* Since Linux 4.13; the number is the same on all architectures that Operaglass runs on. */
#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

bool sender_may_report(const struct reporting_settings *settings, const struct sender *sender)
{
	unsigned i, group;

	for (i = 0; i < settings->uid_count; i++)
		if (settings->uids[i] == sender->uid)
			return true;
	for (i = 0; i < settings->gid_count; i++)
		for (group = 0; group < sender->group_count; group++)
			if (settings->gids[i] == sender->groups[group])
				return true;
	return false;
}

int sender_of_stream(int fd, struct sender *ret_sender)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -errno;
	*ret_sender = (struct sender){
		.uid = peer.uid,
		.pid = (uint32_t)peer.pid,
		.group_count = 1,
		.groups = {peer.gid},
	};
	/* More groups than fit are reported as ERANGE: the primary one remains. */
	size = sizeof(ret_sender->groups) - sizeof(gid_t);
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &ret_sender->groups[1], &size))
		ret_sender->group_count += size / sizeof(gid_t);
	return 0;
}
