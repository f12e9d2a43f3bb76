// SPDX-License-Identifier: Apache-2.0
#ifndef OPERAGLASS_SCHEDULING_H
#define OPERAGLASS_SCHEDULING_H

/* Asks to be run soon after waking, also beside busy loops, for shorter turns: no more of the CPU than
 * before, no privilege. Children do not inherit it. Kernels before 6.12 take it and do nothing. */
void scheduling_prefer_short_turns(void);

#endif
