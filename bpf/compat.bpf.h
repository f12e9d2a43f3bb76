/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_COMPAT_BPF_H
#define OPERAGLASS_COMPAT_BPF_H

/* Every difference between kernels stands here, as a getter that asks BTF, never a version number. */

#endif
