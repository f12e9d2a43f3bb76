// SPDX-License-Identifier: Apache-2.0
/*
 * What this kernel's uprobes can do, remembered below the state directory.
 *
 * Each question places a probe, and taking it away waits tens of milliseconds for every CPU. The
 * answers hold for as long as the kernel runs and this process may do what it may now: they are kept
 * with the boot and the capabilities they were given for. Only good answers are: others are asked for
 * again at the next start.
 */
#ifndef OPERAGLASS_PROBE_ANSWERS_H
#define OPERAGLASS_PROBE_ANSWERS_H

#include "tls_targets.h"

#define PROBE_ANSWERS_TEXT 256

struct probe_answers {
	enum tls_probe_kind kind;
	enum tls_return_probes return_probes;
	unsigned cheap_classes; /* enum probe_class bits */
};

/* What the answers depend on, in one line. -errno when it cannot be found out. */
int probe_answers_conditions(char ret_text[PROBE_ANSWERS_TEXT]);

/* The text of a file, and back. Pure. -EINVAL: other conditions, or not such a text. */
void probe_answers_write(const char *conditions, const struct probe_answers *answers,
			 char ret_text[2 * PROBE_ANSWERS_TEXT]);
int probe_answers_read(const char *conditions, const char *text, struct probe_answers *ret_answers);

/* Answers this process's questions from what is remembered. Before the first of them. */
void probe_answers_recall(const char *state_dir);

/* Puts the questions, those that are not answered yet: some 10 ms. */
void probe_answers_ask(enum tls_probe_kind kind);

/* Remembers what this process has been answered; nothing when it was recalled. */
void probe_answers_keep(const char *state_dir, enum tls_probe_kind kind);

#endif
