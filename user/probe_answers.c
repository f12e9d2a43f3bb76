// SPDX-License-Identifier: Apache-2.0
#include "probe_answers.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "privilege.h"
#include "probe_classes.h"
#include "probe_sites.h"
#include "state_directories.h"
#include "state_file.h"
#include "tls_links.h"

/* Of what is asked and how; other answers are asked for again. */
#define QUESTIONS_VERSION 2
#define BOOT_ID		  "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_SIZE	  37

/* Whether there is anything new to keep. */
static bool recalled;

int probe_answers_conditions(char ret_text[PROBE_ANSWERS_TEXT])
{
	char boot[BOOT_ID_SIZE];
	FILE *file = fopen(BOOT_ID, "re");
	bool read = file && fgets(boot, sizeof(boot), file);

	if (file)
		fclose(file);
	if (!read || strlen(boot) != BOOT_ID_SIZE - 1)
		return -ENODATA;
	snprintf(ret_text, PROBE_ANSWERS_TEXT, "questions %d boot %s admin %d bpf %d perfmon %d",
		 QUESTIONS_VERSION, boot, privilege_has(CAP_SYS_ADMIN), privilege_has(CAP_BPF),
		 privilege_has(CAP_PERFMON));
	return 0;
}

void probe_answers_write(const char *conditions, const struct probe_answers *answers,
			 char ret_text[2 * PROBE_ANSWERS_TEXT])
{
	snprintf(ret_text, 2 * (size_t)PROBE_ANSWERS_TEXT, "%s\nkind %u return %u cheap %x\n",
		 conditions, answers->kind, answers->return_probes, answers->cheap_classes);
}

int probe_answers_read(const char *conditions, const char *text, struct probe_answers *ret_answers)
{
	const size_t length = strlen(conditions);
	unsigned kind, return_probes, cheap;
	struct probe_answers answers;
	char again[2 * PROBE_ANSWERS_TEXT];

	if (strncmp(text, conditions, length) != 0 ||
	    sscanf(text + length, "\nkind %3u return %3u cheap %8x", &kind, &return_probes,
		   &cheap) != 3 ||
	    kind > TLS_PROBE_LOCAL || return_probes != TLS_RETURN_SAFE || cheap >> PROBE_CLASSES)
		return -EINVAL;
	answers = (struct probe_answers){(enum tls_probe_kind)kind,
					 (enum tls_return_probes)return_probes, cheap};
	/* Nothing more, and nothing written otherwise. */
	probe_answers_write(conditions, &answers, again);
	if (strcmp(text, again) != 0)
		return -EINVAL;
	*ret_answers = answers;
	return 0;
}

static int path_of(const char *state_dir, char path[PATH_MAX])
{
	int length = snprintf(path, PATH_MAX, "%s/%s", state_dir, STATE_PROBE_ANSWERS);

	return length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

void probe_answers_recall(const char *state_dir)
{
	char conditions[PROBE_ANSWERS_TEXT], text[2 * PROBE_ANSWERS_TEXT], path[PATH_MAX];
	struct probe_answers answers;

	if (path_of(state_dir, path) || probe_answers_conditions(conditions) ||
	    state_file_read(path, sizeof(text), text) ||
	    probe_answers_read(conditions, text, &answers))
		return;
	tls_probe_check_know(answers.kind, answers.return_probes);
	probe_classes_know(answers.cheap_classes);
	recalled = true;
}

void probe_answers_ask(enum tls_probe_kind kind)
{
	tls_return_probe_check(kind);
	/* Its child holds our probes, too: it waits for the kernel to take them away, not we. */
	probe_classes_begin(tls_links_plain(kind));
	tls_probe_check_release();
	probe_classes_cheap();
}

void probe_answers_keep(const char *state_dir, enum tls_probe_kind kind)
{
	char conditions[PROBE_ANSWERS_TEXT], text[2 * PROBE_ANSWERS_TEXT], path[PATH_MAX];
	struct probe_answers answers = {.kind = kind};
	int err;

	if (recalled || probe_classes_measured(&answers.cheap_classes))
		return;
	answers.return_probes = tls_return_probe_check(kind);
	if (answers.return_probes != TLS_RETURN_SAFE)
		return;
	err = path_of(state_dir, path);
	if (!err)
		err = probe_answers_conditions(conditions);
	if (err)
		return;
	probe_answers_write(conditions, &answers, text);
	err = state_file_write(path, text, false);
	if (err)
		log_debug(0, "cannot keep '%s': %s; the kernel is asked again after a restart",
			  path, strerror(-err));
	recalled = !err;
}
