/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What administrators write, and Via of requests: an accepted proxy is written and
 * read back the same; nothing reads past its end.
 */
#include <string.h>

#include "model/channels.h"
#include "fuzz.h"
#include "base/mem.h"
#include "model/origin.h"
#include "model/pace.h"
#include "model/proxy.h"
#include "model/hops.h"

static void
check_proxy(const struct proxy_server *s)
{
	AUTO_BUF struct buf text = {0};
	struct proxy_server again;

	if (s->host == NULL)
		return;
	proxy_server_format(s, &text);
	assert(proxy_server_parse(text.at, &again, NULL) == 0);
	assert(strcmp(again.host, s->host) == 0 && again.port == s->port);
	assert((again.user == NULL) == (s->user == NULL));
	assert(s->password == NULL || strcmp(again.password, s->password) == 0);
	proxy_server_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = mem_string_n((const char *)data, size);
	char kept[HOPS_TEXT_MAX];
	char more[HOPS_TEXT_MAX];
	struct proxy proxy;
	struct channels channels;
	struct origins origins;
	struct pace_schedule schedule;
	struct err e;

	if (proxy_parse(span_of(data, size), "f", &proxy, &e) == 0) {
		check_proxy(&proxy.http);
		check_proxy(&proxy.https);
		(void)proxy_bypasses(&proxy, "host.example");
		(void)proxy_bypasses(&proxy, "10.1.2.3");
		proxy_free(&proxy);
	}
	if (channels_parse(span_of(data, size), "f", &channels, &e) == 0) {
		(void)channels_policy(&channels, "linux-db");
		channels_free(&channels);
	}
	if (origins_parse(text, &origins, &e) == 0)
		origins_free(&origins);
	if (pace_parse(text, &schedule, &e) == 0)
		(void)pace_rate(&schedule, 700);
	if (hops_read(text, "guts2d-0123456789abcdef", kept) == HOPS_GOOD)
		(void)hops_add(kept, "guts2d-0123456789abcdef", more);
	return 0;
}
