// SPDX-License-Identifier: Apache-2.0
#include "tls_target.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "tls_elf.h"
#include "tls_links.h"
#include "tls_pins.h"

static struct tls_pin pin_of(const struct tls_target *target, uint32_t number)
{
	return (struct tls_pin){
		.device = target->device,
		.inode = target->inode,
		.slot = target->slot,
		.stack = target->stack,
		.probes = target->pin_total,
		.number = number,
	};
}

void tls_target_close(struct tls_target *target)
{
	while (target->probe_count)
		close(target->probes[--target->probe_count]);
}

void tls_target_detach(struct tls_target *target, const struct tls_target_tools *tools)
{
	uint32_t number;

	tls_target_close(target);
	for (number = 0; target->pins && number < target->pin_total; number++) {
		struct tls_pin pin = pin_of(target, number);

		tls_pin_remove(tools->pin_directory, &pin);
	}
	target->pins = 0;
}

static int place(struct tls_target *target, const struct tls_target_tools *tools, int file,
		 uint64_t offset, const char *program, bool leave)
{
	struct tls_place where = {
		.file = file, .offset = offset, .leave = leave, .cookie = target->slot};
	int fd = bpf_set_program(tools->set, program), probe, err;

	if (fd < 0)
		return -ENOENT;
	err = tls_link_create(tools->abilities.kind, fd, &where, &probe);
	if (!err)
		target->probes[target->probe_count++] = probe;
	return err;
}

/* First all returns, then the entries: no call is seen begin and not end. */
static int place_all(struct tls_target *target, const struct tls_target_tools *tools, int file,
		     const uint64_t *offsets)
{
	const struct tls_function *functions = tls_stacks[target->stack].functions;
	int err = 0;
	size_t i;

	for (i = 0; !err && functions[i].symbol; i++)
		if (offsets[i] && functions[i].leave)
			err = place(target, tools, file, offsets[i], functions[i].leave, true);
	for (i = 0; !err && functions[i].symbol; i++)
		if (offsets[i])
			err = place(target, tools, file, offsets[i], functions[i].entry, false);
	return err;
}

/* With a pin for each probe, their descriptors are not needed any more. */
static int pin_all(struct tls_target *target, const struct tls_target_tools *tools)
{
	uint32_t number;
	int err = 0;

	target->pin_total = target->probe_count;
	for (number = 0; !err && number < target->probe_count; number++) {
		struct tls_pin pin = pin_of(target, number);

		err = tls_pin_save(tools->pin_directory, &pin, target->probes[number]);
		target->pins += !err;
	}
	if (!err)
		tls_target_close(target);
	return err;
}

static void begin_slot(const struct tls_target *target, const struct tls_target_tools *tools)
{
	struct tls_slot slot = {};
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	slot.attached_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (target->slot)
		bpf_map_update_elem(tools->slots_fd, &target->slot, &slot, BPF_ANY);
}

static int find_functions(const struct tls_stack *stack, int file, uint64_t *offsets)
{
	const char *names[TLS_STACK_FUNCTIONS_MAX];
	size_t count;

	for (count = 0; stack->functions[count].symbol; count++)
		names[count] = stack->functions[count].symbol;
	return tls_elf_functions(file, names, count, offsets);
}

void tls_target_attach(struct tls_target *target, const struct tls_target_tools *tools, int file,
		       const char *path)
{
	const struct tls_stack *stack = &tls_stacks[target->stack];
	uint64_t offsets[TLS_STACK_FUNCTIONS_MAX] = {};
	int err = find_functions(stack, file, offsets);

	target->fate = TLS_FATE_EMPTY;
	if (err <= 0) {
		log_debug(0, "'%s' is not probed: it has no functions of %s (%s)", path,
			  stack->name, err ? strerror(-err) : "no symbols");
		return;
	}
	target->fate = TLS_FATE_REFUSED;
	if (!stack->return_probes || tools->abilities.return_probes != TLS_RETURN_SAFE) {
		log_warning(0,
			    "'%s' is not probed: return probes are not safe here; its calls "
			    "are timed at the socket, without endpoint and status",
			    path);
		return;
	}
	begin_slot(target, tools);
	err = place_all(target, tools, file, offsets);
	if (err) {
		log_warning(err,
			    "cannot probe '%s': %s; its calls are timed at the socket, "
			    "without endpoint and status",
			    path, strerror(-err));
		tls_target_detach(target, tools);
		return;
	}
	target->fate = TLS_FATE_ATTACHED;
	log_info(0, "reading HTTP inside the TLS of '%s' (%s)", path, stack->name);
	if (!tools->pin_directory || tools->abilities.kind == TLS_PROBE_LOCAL)
		return;
	err = pin_all(target, tools);
	if (err)
		log_warning(err,
			    "cannot pin the probes of '%s' below '%s': %s; they end with this "
			    "process",
			    path, tools->pin_directory, strerror(-err));
}
