// SPDX-License-Identifier: Apache-2.0
/* Prints the ids of all programs, maps and links of the kernel, and opens none of them.
 *
 * Opening is what bpftool does, and it disturbs: up to 5.10 at least, an array of programs that is
 * opened while the kernel is clearing it after its last user went is never freed.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	enum bpf_cmd next;
} kinds[] = {
	{"program", BPF_PROG_GET_NEXT_ID},
	{"map", BPF_MAP_GET_NEXT_ID},
	{"link", BPF_LINK_GET_NEXT_ID},
};

int main(void)
{
	for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
		union bpf_attr attr = {.start_id = 0};

		while (syscall(SYS_bpf, kinds[kind].next, &attr, sizeof(attr)) == 0) {
			printf("%s %u\n", kinds[kind].name, attr.next_id);
			attr.start_id = attr.next_id;
		}
	}
	return 0;
}
