// SPDX-License-Identifier: Apache-2.0
/*
 * usage: probe_prove FILE [POLICY [FAULT]]
 *
 * Plans the probes of a TLS library as the observer does, and has them proven. Prints the scheme of each
 * function, whether the file may be run, the verdict, and where the client random was found. POLICY: plan
 * (nothing is proven), stepped (as configured), writes (no return probes), outside (no read inside of its
 * functions), default. FAULT makes the plan
 * wrong: the verdict must see it. Exit code 0 whatever the verdict is.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe_classes.h"
#include "probe_proof.h"
#include "tls.h"
#include "tls_plan.h"

#define LIMIT_MS 20000

/* The first of the kind. */
static struct proof_place *place_of(struct proof_order *order, enum subject_kind kind)
{
	size_t i;

	for (i = 0; i + 1 < order->count && order->places[i].kind != kind; i++)
		;
	return &order->places[i];
}

static void fault(const char *name, struct proof_order *order)
{
	struct proof_place *write = place_of(order, SUBJECT_WRITE),
			   *read = place_of(order, SUBJECT_READ), other = *write;

	if (!strcmp(name, "stack")) {
		write->entry.adjust += 8;
	} else if (!strcmp(name, "kind")) {
		write->kind = SUBJECT_READ;
		read->kind = SUBJECT_WRITE;
	} else if (!strcmp(name, "place")) {
		write->entry = read->entry;
		read->entry = other.entry;
	} else if (!strcmp(name, "result")) {
		write->pointed = !write->pointed;
	} else if (!strcmp(name, "missing")) {
		order->count--;
	} else if (!strcmp(name, "kept")) {
		read->keeps ^= TLS_COOKIE_KEEPS(TLS_ARGUMENT_LENGTH, 1);
	} else if (!strcmp(name, "once")) {
		read->entry = read->leave;
	}
}

static const char *verdict_of(struct proof_run *run, struct tls_random_place *random)
{
	static const char *const names[] = {
		[PROOF_RIGHT] = "right", [PROOF_WRONG] = "wrong", [PROOF_UNMADE] = "unmade"};
	enum proof_verdict verdict;
	int waited;

	for (waited = 0; waited < LIMIT_MS; waited += 5) {
		verdict = probe_proof_end(run, random);
		if (verdict != PROOF_UNDECIDED)
			return names[verdict];
		poll(NULL, 0, 5);
	}
	return "late";
}

int main(int argc, char **argv)
{
	struct tls_recognition found;
	struct proof_order order;
	enum tls_probe_kind kind;
	struct tls_plan plan;
	int file, err;
	size_t i;
	const char *how = argc > 2 ? argv[2] : "default";
	struct tls_random_place random = {};
	struct probe_policy policy = {.cookies = true, .inside = true};
	struct proof_run run;

	if (argc < 2 || (file = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0)
		return fprintf(stderr, "usage: probe_prove FILE [FAULT]\n"), 2;
	err = tls_probe_kind_check(&kind);
	if (!err)
		err = tls_recognise(file, argv[1], NULL, &found);
	if (!err) {
		probe_classes_begin(kind);
		policy.classes = probe_classes_cheap();
		policy.stepped = !strcmp(how, "stepped");
		policy.returns = strcmp(how, "writes") != 0;
		policy.inside = strcmp(how, "outside") != 0;
		err = tls_plan_make(file, &found, &policy, &plan);
	}
	if (err)
		return fprintf(stderr, "probe_prove: %s: %s\n", argv[1], strerror(-err)), 1;
	printf("classes %x\n", probe_classes_cheap());
	for (i = 0; tls_stacks[found.stack].functions[i].symbol; i++)
		if (plan.offsets[i])
			printf("%s %s\n", tls_stacks[found.stack].functions[i].symbol,
			       probe_scheme_name(plan.plans[i].scheme));
	tls_plan_order(file, argv[1], found.stack, kind, &plan, &order);
	fault(argc > 3 ? argv[3] : "", &order);
	printf("allowed %s\n", probe_proof_allows(file, argv[1]) ? "yes" : "no");
	fflush(stdout);
	if (!strcmp(how, "plan") || !order.library)
		return 0;
	if (probe_proof_begin(&order, &run))
		return 1;
	printf("verdict %s\n", verdict_of(&run, &random));
	if (random.used)
		printf("random %x+%x\n", random.pointer, random.offset);
	return 0;
}
