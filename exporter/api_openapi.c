// SPDX-License-Identifier: Apache-2.0
/* GET /api/openapi.json: the file of that name, which is a part of the program. */
#include "api.h"

/* The path is seen from the top of the tree, where everything is compiled. */
__asm__(".pushsection .rodata\n"
	"api_openapi_begin:\n"
	".incbin \"exporter/openapi.json\"\n"
	"api_openapi_end:\n"
	".popsection\n");

extern const char api_openapi_begin[], api_openapi_end[];

enum MHD_Result api_openapi(struct web_request *request)
{
	static const char *const names[] = {NULL};
	static const struct web_header headers[] = {{"Content-Type", "application/json"},
						    {NULL, NULL}};
	size_t size = (uintptr_t)api_openapi_end - (uintptr_t)api_openapi_begin;
	enum MHD_Result result;
	struct web_query query;

	if (!api_query(request, names, &query, &result))
		return result;
	return web_reply(request, MHD_HTTP_OK,
			 MHD_create_response_from_buffer(size, (void *)(uintptr_t)api_openapi_begin,
							 MHD_RESPMEM_PERSISTENT),
			 headers);
}
