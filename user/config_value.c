// SPDX-License-Identifier: Apache-2.0
/* Texts of config_value.h: names, labels, hosts, networks. */
#include "config_value.h"

#include <arpa/inet.h>
#include <string.h>

#include "config_digits.h"

int config_value_metric(const char *text, bool colon, char ret_name[REPORTING_NAME_SIZE],
			const char **ret_why)
{
	size_t length = strlen(text);

	if (length == 0)
		return bad(ret_why, "empty");
	if (length >= REPORTING_NAME_SIZE)
		return bad(ret_why, "too long");
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool letter =
			is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');

		if (!letter && !(i > 0 && is_digit(c)))
			return bad(ret_why, "a character that is not allowed");
	}
	memset(ret_name, 0, REPORTING_NAME_SIZE);
	memcpy(ret_name, text, length);
	return 0;
}

int config_value_label(const char *text, char ret_label[CONFIG_LABEL_SIZE], const char **ret_why)
{
	size_t length = strlen(text);

	if (length >= CONFIG_LABEL_SIZE)
		return bad(ret_why, "too long");
	if (!is_lower(text[0]) && !is_digit(text[0]))
		return bad(ret_why, "it does not begin with a-z or 0-9");
	for (size_t i = 0; i < length; i++)
		if (!is_lower(text[i]) && !is_digit(text[i]) && !strchr("._-", text[i]))
			return bad(ret_why, "a character that is not allowed");
	memset(ret_label, 0, CONFIG_LABEL_SIZE);
	memcpy(ret_label, text, length);
	return 0;
}

static bool is_dots(const char *text, size_t length)
{
	return (length == 1 && text[0] == '.') || (length == 2 && text[0] == '.' && text[1] == '.');
}

int config_value_name(const char *text, bool path, char ret_name[CONFIG_NAME_SIZE],
		      const char **ret_why)
{
	size_t length = strlen(text), begin = 0;
	unsigned int slashes = 0;

	if (length == 0)
		return bad(ret_why, "empty");
	if (length >= CONFIG_NAME_SIZE)
		return bad(ret_why, "too long");
	for (size_t i = 0; i <= length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c != '/' && c != '\0') {
			if (c < ' ' || c == 0x7f)
				return bad(ret_why, "a control character");
			continue;
		}
		if (i == begin || is_dots(text + begin, i - begin))
			return bad(ret_why, "an empty, '.' or '..' path component");
		begin = i + 1;
		slashes += c == '/';
	}
	if (slashes > (path ? 1 : 0))
		return bad(ret_why, path ? "more than one '/'" : "a '/'");
	memset(ret_name, 0, CONFIG_NAME_SIZE);
	memcpy(ret_name, text, length);
	return 0;
}

/* One label of a host name; '_' is no RFC 1123 letter, but container networks use it. */
static int check_host_label(const char *label, size_t length, const char **ret_why)
{
	if (length == 0)
		return bad(ret_why, "an empty label between dots");
	if (length > 63)
		return bad(ret_why, "a label of more than 63 characters");
	if (label[0] == '-' || label[length - 1] == '-')
		return bad(ret_why, "a label with '-' at its end");
	return 0;
}

int config_value_host(const char *text, struct config_host *ret_host, const char **ret_why)
{
	struct config_host host = {.wildcard = strncmp(text, "*.", 2) == 0};
	const char *name = host.wildcard ? text + 2 : text;
	size_t length = strlen(name), begin = 0;
	struct in6_addr address;
	bool numeric = true;

	if (length == 0)
		return bad(ret_why, "empty");
	if (inet_pton(AF_INET6, name, &address) == 1)
		return bad(ret_why, "an address belongs in cidrs");
	if (strstr(name, "://") || strpbrk(name, "/:"))
		return bad(ret_why, "only the name, without scheme, port and path");
	if (length >= CONFIG_HOST_SIZE)
		return bad(ret_why, "longer than 253 characters");
	for (size_t i = 0; i <= length; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c == '.' || c == '\0') {
			if (check_host_label(name + begin, i - begin, ret_why))
				return -EINVAL;
			begin = i + 1;
		} else if (c == '*') {
			return bad(ret_why, "a '*' that is not the whole first label");
		} else if ((unsigned char)c >= 0x80) {
			return bad(ret_why, "not ASCII: write the xn-- form");
		} else if (!is_lower(c) && !is_digit(c) && c != '-' && c != '_') {
			return bad(ret_why, "a character that is not allowed");
		}
		numeric = numeric && (is_digit(c) || c == '.' || c == '\0');
		host.text[i] = c;
	}
	if (numeric)
		return bad(ret_why, "an address belongs in cidrs");
	*ret_host = host;
	return 0;
}

/* RFC 4291: the 96 bits before an IPv4 address. */
static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool has_bits_after(const uint8_t address[16], unsigned int prefix)
{
	for (unsigned int bit = prefix; bit < 128; bit++)
		if (address[bit / 8] & (0x80 >> (bit % 8)))
			return true;
	return false;
}

int config_value_cidr(const char *text, struct config_cidr *ret_cidr, const char **ret_why)
{
	const char *slash = strchr(text, '/'), *end;
	struct config_cidr cidr = {.prefix = 0};
	char address[INET6_ADDRSTRLEN];
	unsigned int offset = 0;
	uint64_t prefix;

	if (!slash)
		return bad(ret_why, "no prefix length, such as /32");
	if ((size_t)(slash - text) >= sizeof(address))
		return bad(ret_why, "not an address");
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET, address, cidr.address + 12) == 1) {
		memcpy(cidr.address, v4_mapped, sizeof(v4_mapped));
		offset = 96;
	} else if (inet_pton(AF_INET6, address, cidr.address) != 1) {
		return bad(ret_why, "not an address");
	}
	end = read_digits(slash + 1, &prefix);
	if (!end || *end || prefix > 128 - offset)
		return bad(ret_why, offset ? "a prefix length that is not 0 to 32"
					   : "a prefix length that is not 0 to 128");
	if (has_bits_after(cidr.address, offset + (unsigned int)prefix))
		return bad(ret_why, "address bits after the prefix");
	cidr.prefix = (uint8_t)(offset + prefix);
	*ret_cidr = cidr;
	return 0;
}

void config_format_cidr(const struct config_cidr *cidr, char ret_text[CONFIG_CIDR_SIZE])
{
	char address[INET6_ADDRSTRLEN] = "";
	unsigned int prefix = cidr->prefix;

	if (prefix >= 96 && memcmp(cidr->address, v4_mapped, sizeof(v4_mapped)) == 0) {
		inet_ntop(AF_INET, cidr->address + 12, address, sizeof(address));
		prefix -= 96;
	} else {
		inet_ntop(AF_INET6, cidr->address, address, sizeof(address));
	}
	snprintf(ret_text, CONFIG_CIDR_SIZE, "%s/%u", address, prefix);
}
