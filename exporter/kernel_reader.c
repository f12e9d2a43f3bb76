// SPDX-License-Identifier: Apache-2.0
#include "kernel_reader.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agents_reader.h"
#include "facts_log.h"
#include "kernel_self.h"
#include "log.h"
#include "tls_reader.h"
#include "upstreams_reader.h"

struct kernel_reader {
	const struct handover *handover;
	struct kernel_self self;
	struct facts_log *facts;	    /* NULL: not there */
	struct agents_reader *agents;	    /* NULL: not there */
	struct upstreams_reader *upstreams; /* NULL: not there */
};

static int print_nothing(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

void kernel_reader_prepare(void)
{
	libbpf_set_print(print_nothing);
	/* Remembered by the library from the first call on. */
	libbpf_num_possible_cpus();
}

static void open_facts(struct kernel_reader *reader, const struct handover *handover)
{
	int facts = handover_fd(handover, HANDOVER_MAP, "facts");
	int types = handover_fd(handover, HANDOVER_MAP, "agent_types");
	int err;

	if (facts < 0)
		return;
	err = facts_log_open(facts, types, &reader->facts);
	if (err) {
		reader->facts = NULL;
		log_warning(0, "cannot read the ring 'facts': %s; starts and ends are not logged",
			    strerror(-err));
	}
}

int kernel_reader_open(struct kernel_reader **ret_reader, const struct handover *handover)
{
	struct kernel_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return -ENOMEM;
	reader->handover = handover;
	err = kernel_self_open(&reader->self, handover);
	if (err) {
		free(reader);
		return err;
	}
	err = agents_reader_open(handover, &reader->agents);
	if (err && err != -ENOENT) {
		free(reader);
		return err;
	}
	err = upstreams_reader_open(handover, &reader->upstreams);
	if (err && err != -ENOENT) {
		agents_reader_close(reader->agents);
		free(reader);
		return err;
	}
	open_facts(reader, handover);
	*ret_reader = reader;
	return 0;
}

void kernel_reader_listen(struct kernel_reader *reader, const struct facts_listener *listener)
{
	if (reader->facts)
		facts_log_listen(reader->facts, listener);
}

void kernel_reader_set_waiting(struct kernel_reader *reader, const struct waiting_root *roots,
			       unsigned count)
{
	if (reader->agents)
		agents_set_waiting(reader->agents, roots, count);
}

void kernel_reader_drain(struct kernel_reader *reader)
{
	if (reader->facts)
		facts_log_drain(reader->facts);
}

int kernel_reader_read(struct kernel_reader *reader, struct model *model)
{
	int err = reader->agents ? agents_read(reader->agents, model) : 0;
	int upstreams_err = reader->upstreams ? upstreams_read(reader->upstreams, model) : 0;
	int self_err = kernel_self_read(&reader->self, model);
	int tls_err = tls_read(reader->handover, model);

	err = err ? err : upstreams_err;
	if (!err && tls_err != -ENOENT)
		err = tls_err;
	return err ? err : self_err;
}

void kernel_reader_tick(struct kernel_reader *reader)
{
	kernel_reader_drain(reader);
	kernel_self_count(&reader->self);
}

void kernel_reader_close(struct kernel_reader *reader)
{
	if (!reader)
		return;
	facts_log_close(reader->facts);
	upstreams_reader_close(reader->upstreams);
	agents_reader_close(reader->agents);
	free(reader);
}
