// SPDX-License-Identifier: Apache-2.0
#include "tls_trees.h"

#include <stddef.h>
#include <sys/mman.h>

#include "process.h"

void tls_trees_open(struct tls_trees *trees, int map)
{
	void *shared = map < 0 ? MAP_FAILED
			       : mmap(NULL, sizeof(*trees->shared), PROT_READ | PROT_WRITE,
				      MAP_SHARED, map, 0);
	size_t i;

	*trees = (struct tls_trees){.shared = shared == MAP_FAILED ? NULL : shared};
	if (!trees->shared)
		return;
	/* What nobody took is left out; what comes meanwhile counts as lost. */
	trees->born = __atomic_load_n(&trees->shared->born, __ATOMIC_ACQUIRE);
	for (i = 0; i < TREE_BORN; i++)
		__atomic_store_n(&trees->shared->born_tgids[i], 0, __ATOMIC_RELEASE);
}

void tls_trees_close(struct tls_trees *trees)
{
	if (trees->shared)
		munmap(trees->shared, sizeof(*trees->shared));
	trees->shared = NULL;
}

bool tls_trees_may_have(const struct tls_trees *trees, pid_t tgid)
{
	return !trees->shared ||
	       __atomic_load_n(&trees->shared->members[(uint32_t)tgid % TREE_MEMBERS],
			       __ATOMIC_RELAXED);
}

bool tls_trees_take_born(struct tls_trees *trees, void (*take)(void *context, pid_t tgid),
			 void *context)
{
	uint32_t born, tgid;
	size_t i;

	if (!trees->shared)
		return true;
	born = __atomic_load_n(&trees->shared->born, __ATOMIC_ACQUIRE);
	for (i = 0; born != trees->born && i < TREE_BORN; i++) {
		if (!trees->shared->born_tgids[i])
			continue;
		tgid = __atomic_exchange_n(&trees->shared->born_tgids[i], 0, __ATOMIC_ACQ_REL);
		take(context, (pid_t)tgid);
		trees->born++;
	}
	/* One that is taken before it is counted stands for one that is counted, until it is, too. */
	if (born == trees->born)
		return true;
	trees->born = born;
	return false;
}
