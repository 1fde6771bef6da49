/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/role_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* RFC 3986, section 2.3: what need not be encoded. */
static bool
is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~", c) != NULL;
}

bool
role_file_name(char ret[ROLE_FILE_MAX], uint64_t version, const char *role)
{
	static const char suffix[] = ".json";
	size_t len = 0;

	if (version > 0)
		len = (size_t)snprintf(ret, ROLE_FILE_MAX, "%" PRIu64 ".", version);
	for (; *role != '\0'; role++) {
		if (len + 3 + sizeof(suffix) > ROLE_FILE_MAX)
			return false;
		if (is_unreserved(*role))
			ret[len++] = *role;
		else
			len += (size_t)snprintf(ret + len, 4, "%%%02X", (unsigned char)*role);
	}
	memcpy(ret + len, suffix, sizeof(suffix));
	return true;
}
