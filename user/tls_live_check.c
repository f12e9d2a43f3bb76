// SPDX-License-Identifier: Apache-2.0
#include "tls_live_check.h"

/* Calls that must have ended rightly. A read may wait for as long as its server lets it: calls that
 * have not ended are a sign only when none of many ever did. */
#define ENOUGH 100

enum tls_live_check tls_live_check(const struct tls_slot *slot)
{
	if (slot->misfits || (slot->opened >= ENOUGH && !slot->closed))
		return TLS_LIVE_WRONG;
	return slot->closed >= ENOUGH ? TLS_LIVE_RIGHT : TLS_LIVE_OPEN;
}
