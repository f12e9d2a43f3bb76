/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_SETTINGS_H
#define OPERAGLASS_SETTINGS_H

#include <linux/types.h>

/*
 * Map `settings`, array of one row: what of the configuration the exporter needs to judge what the
 * kernel counted. The observer writes it at start and at every reload. New members go to the end.
 */
struct settings {
	__u64 idle_after_ns;	/* an agent without activity for so long is idle */
	__u64 health_window_ns; /* telegram_service_health looks back that far */
	__u64 reserved[6];
};

_Static_assert(sizeof(struct settings) == 64, "contract");

#endif
