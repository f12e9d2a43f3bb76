// SPDX-License-Identifier: Apache-2.0
#include "datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "senders.h"

#define GROUP 64 /* datagrams of one system call, and events of one submission */
#define NANO  INT64_C(1000000000)

/* No room for file descriptors that somebody sends along: the kernel then drops them. */
union control {
	struct cmsghdr head; /* alignment */
	char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(struct timespec))];
};

/* The last line about one reason. */
struct notice {
	uint64_t at_ns;
	uint64_t unsaid; /* refusals since then */
};

struct datagram {
	struct datagram_site site;
	int fd;
	struct mmsghdr messages[GROUP];
	struct iovec parts[GROUP];
	union control controls[GROUP];
	char texts[GROUP][EVENT_SIZE_MAX];
	struct event *events[GROUP]; /* good ones that wait for their submission */
	unsigned event_count;
	int64_t wall_us; /* of this group's reading */
	uint64_t boot_ns;
	uint64_t waited_ns; /* by events[], all together */
	struct notice notices[INTAKE_REFUSALS];
};

static int64_t read_clock(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return now.tv_sec * NANO + now.tv_nsec;
}

int datagram_open(int fd, const struct datagram_site *site, struct datagram **ret_datagram)
{
	struct datagram *datagram = calloc(1, sizeof(*datagram));
	unsigned i;

	if (!datagram) {
		close(fd);
		return -ENOMEM;
	}
	datagram->site = *site;
	datagram->fd = fd;
	for (i = 0; i < GROUP; i++) {
		datagram->parts[i] = (struct iovec){datagram->texts[i], EVENT_SIZE_MAX};
		datagram->messages[i].msg_hdr.msg_iov = &datagram->parts[i];
		datagram->messages[i].msg_hdr.msg_iovlen = 1;
		datagram->messages[i].msg_hdr.msg_control = &datagram->controls[i];
	}
	*ret_datagram = datagram;
	return 0;
}

void datagram_close(struct datagram *datagram)
{
	if (!datagram)
		return;
	close(datagram->fd);
	free(datagram);
}

int datagram_fd(const struct datagram *datagram)
{
	return datagram->fd;
}

/* Who sent it, and when the kernel took it: it may have waited in the socket. */
static void read_control(const struct datagram *datagram, struct msghdr *message,
			 struct sender *sender, struct event_origin *origin)
{
	struct timespec arrival;
	struct ucred peer;
	struct cmsghdr *part;
	int64_t late_us = 0;

	*sender = (struct sender){.uid = UINT32_MAX};
	for (part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level != SOL_SOCKET)
			continue;
		if (part->cmsg_type == SCM_CREDENTIALS &&
		    part->cmsg_len == CMSG_LEN(sizeof(peer))) {
			memcpy(&peer, CMSG_DATA(part), sizeof(peer));
			sender->uid = peer.uid;
			sender->pid = (uint32_t)peer.pid;
			sender->groups[0] = peer.gid;
			sender->group_count = 1;
		} else if (part->cmsg_type == SCM_TIMESTAMPNS &&
			   part->cmsg_len == CMSG_LEN(sizeof(arrival))) {
			memcpy(&arrival, CMSG_DATA(part), sizeof(arrival));
			late_us = datagram->wall_us -
				  (arrival.tv_sec * 1000000 + arrival.tv_nsec / 1000);
		}
	}
	/* The clock was set meanwhile: not known, then. */
	if (late_us < 0 || late_us > EVENT_SKEW_MAX_US ||
	    (uint64_t)late_us * 1000 > datagram->boot_ns)
		late_us = 0;
	*origin = (struct event_origin){
		.way = WAY_DATAGRAM,
		.uid = sender->uid,
		.pid = sender->pid,
		.wall_us = datagram->wall_us - late_us,
		.boot_ns = datagram->boot_ns - (uint64_t)late_us * 1000,
	};
}

static void refuse(struct datagram *datagram, enum intake_refusal reason, unsigned count,
		   const struct event_origin *origin)
{
	struct notice *notice = &datagram->notices[reason];

	datagram->site.intake->refused[reason] += count;
	notice->unsaid += count;
	if (notice->at_ns && datagram->boot_ns - notice->at_ns < (uint64_t)NANO)
		return;
	log_warning(0,
		    "refused %llu event(s) by datagram: %s; the last one came from uid %u, pid %u",
		    (unsigned long long)notice->unsaid, intake_refusals[reason], origin->uid,
		    origin->pid);
	notice->at_ns = datagram->boot_ns;
	notice->unsaid = 0;
}

/* Cheapest first: who may not send, or sends too much, costs no parsing. */
static void take(struct datagram *datagram, unsigned index)
{
	struct msghdr *message = &datagram->messages[index].msg_hdr;
	struct datagram_site *site = &datagram->site;
	struct event_origin origin;
	struct rate_sender limited;
	struct event_error error;
	struct sender sender;
	struct event *event;
	unsigned retry;
	int err;

	read_control(datagram, message, &sender, &origin);
	limited = rate_sender_user(sender.uid);
	if (!sender_may_report(site->settings, &sender))
		return refuse(datagram, INTAKE_NOT_ALLOWED, 1, &origin);
	if (!rate_limit_take(site->limit, &limited, 1, datagram->boot_ns, &retry))
		return refuse(datagram, INTAKE_RATE_LIMITED, 1, &origin);
	if (message->msg_flags & MSG_TRUNC)
		return refuse(datagram, INTAKE_TOO_LARGE, 1, &origin);
	err = event_parse(datagram->texts[index], datagram->messages[index].msg_len, &origin,
			  &event, &error);
	if (err)
		return refuse(datagram, err == -ENOMEM ? INTAKE_QUEUE_FULL : INTAKE_INVALID, 1,
			      &origin);
	site->intake->received[event_type(event)]++;
	datagram->waited_ns += datagram->boot_ns - origin.boot_ns;
	datagram->events[datagram->event_count++] = event;
}

static void submit(struct datagram *datagram)
{
	unsigned count = datagram->event_count;
	struct event_origin last;
	uint64_t taken_ns;
	int err;

	if (count == 0)
		return;
	last = *event_origin(datagram->events[count - 1]);
	err = datagram->site.submit(datagram->site.context, datagram->events, count);
	if (err) {
		refuse(datagram, err == -EIO ? INTAKE_JOURNAL : INTAKE_QUEUE_FULL, count, &last);
	} else {
		taken_ns = (uint64_t)read_clock(CLOCK_BOOTTIME) - datagram->boot_ns;
		intake_took(datagram->site.intake, datagram->waited_ns / count + taken_ns, count);
	}
	datagram->event_count = 0;
	datagram->waited_ns = 0;
}

unsigned datagram_run(struct datagram *datagram)
{
	unsigned total = 0, i;
	int count;

	while (total < DATAGRAM_RUN_MAX) {
		for (i = 0; i < GROUP; i++) {
			datagram->messages[i].msg_hdr.msg_controllen = sizeof(union control);
			datagram->messages[i].msg_hdr.msg_flags = 0;
		}
		count = recvmmsg(datagram->fd, datagram->messages, GROUP, MSG_DONTWAIT, NULL);
		if (count <= 0)
			break;
		datagram->wall_us = read_clock(CLOCK_REALTIME) / 1000;
		datagram->boot_ns = (uint64_t)read_clock(CLOCK_BOOTTIME);
		for (i = 0; i < (unsigned)count; i++)
			take(datagram, i);
		submit(datagram);
		total += (unsigned)count;
		if (count < GROUP)
			break;
	}
	return total;
}
