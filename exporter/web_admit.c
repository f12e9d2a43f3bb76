// SPDX-License-Identifier: Apache-2.0
/* Who may do what, as long as nothing else is configured: all may read, nobody reports by web. */
#include "web_routes.h"

#include <errno.h>

int web_admit(struct web_request *request)
{
	static const struct web_problem off = {
		"ingestion_off", "",
		"events are not taken on this address; use the unix socket, or configure a token"};

	request->origin->may_read = true;
	request->origin->may_ingest = request->origin->way == WAY_STREAM;
	if (!request->route || request->route->access != ACCESS_INGEST ||
	    request->origin->may_ingest)
		return 0;
	return web_refuse(request, MHD_HTTP_FORBIDDEN, &off, web_no_headers) == MHD_YES
		       ? MHD_HTTP_FORBIDDEN
		       : -EIO;
}
