/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_error.h"

void
reply_error(struct reply *r, unsigned status, const char *error, const char *reason)
{
	r->status = status;
	r->reason = reason;
	r->body = REPLY_TEXT;
	r->cache = REPLY_NO_STORE;
	buf_clear(&r->text);
	buf_printf(&r->text, "{\"error\":\"%s\",\"reason\":\"%s\"}\n", error, reason);
}
