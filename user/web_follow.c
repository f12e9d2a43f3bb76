// SPDX-License-Identifier: Apache-2.0
#include "web_follow.h"

#include <string.h>

#include "handover_send.h"
#include "log.h"

int web_follow_start(struct web_follow *follow, const char *path)
{
	struct config_error error;
	int code;

	follow->path = path;
	if (!path)
		return 0;
	code = web_config_load(path, &follow->settings, &follow->files, &error);
	return code ? log_error(code, "%s", error.text) : 0;
}

bool web_follow_look(struct web_follow *follow)
{
	struct config_error error;

	if (!follow->path || !web_config_changed(&follow->files))
		return false;
	if (web_config_load(follow->path, &follow->settings, &follow->files, &error)) {
		log_error(0, "%s; the old web configuration stays in force", error.text);
		return false;
	}
	log_info(0, "web configuration '%s' read again", follow->path);
	return true;
}

void web_follow_send(const struct web_follow *follow, int socket)
{
	int code;

	if (!follow->path)
		return;
	code = handover_send_settings(socket, WEB_SETTINGS_NAME, &follow->settings,
				      sizeof(follow->settings));
	if (code)
		log_error(code, "cannot hand over the web configuration: %s", strerror(-code));
}
