// SPDX-License-Identifier: Apache-2.0
/*
 * The types of the running kernel, read once per process. libbpf reads them anew for each object:
 * 6 MB in pages of 4 KiB, and as much memory, for six objects at the same time. The program is linked
 * with --wrap for the two functions through which libbpf comes by them and gives them back. Reading
 * them is all that it does in between, so threads may share them.
 */
#include <bpf/btf.h>
#include <pthread.h>

struct btf *__real_btf__load_vmlinux_btf(void);
struct btf *__wrap_btf__load_vmlinux_btf(void);
void __real_btf__free(struct btf *types);
void __wrap_btf__free(struct btf *types);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct btf *shared; /* kept until the process ends, which is the loader */

struct btf *__wrap_btf__load_vmlinux_btf(void)
{
	struct btf *types;

	pthread_mutex_lock(&lock);
	if (!shared)
		shared = __real_btf__load_vmlinux_btf();
	types = shared;
	pthread_mutex_unlock(&lock);
	return types; /* NULL: errno is as libbpf left it */
}

void __wrap_btf__free(struct btf *types)
{
	bool is_shared;

	pthread_mutex_lock(&lock);
	is_shared = types && types == shared;
	pthread_mutex_unlock(&lock);
	if (!is_shared)
		__real_btf__free(types);
}
