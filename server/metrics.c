/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

/* Threads beyond these share counters, which costs them a little time. */
enum { SHARDS = 64 };

static const struct {
	const char *name;    /* of a family */
	const char *kind;    /* the same */
	const char *meaning; /* the same */
	const char *labels;  /* of a series */
} figures[METRICS] = {
#define FAMILY(symbol, name, kind, meaning) [METRIC_##symbol] = {name, kind, meaning, NULL},
#define SERIES(symbol, labels) [METRIC_##symbol] = {NULL, NULL, NULL, labels},
#include "metrics.def"
#undef FAMILY
#undef SERIES
};

/* Two threads never write to one line of the processor's cache. */
static struct {
	_Alignas(64) _Atomic uint64_t values[METRICS];
} shards[SHARDS];

static atomic_uint threads;
static _Thread_local unsigned own; /* its number, and 1; 0: none yet */

void
metrics_add(enum metric series, uint64_t n)
{
	if (own == 0)
		own = atomic_fetch_add(&threads, 1) % SHARDS + 1;
	(void)atomic_fetch_add_explicit(&shards[own - 1].values[series], n, memory_order_relaxed);
}

uint64_t
metrics_value(enum metric series)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SHARDS; i++)
		sum += atomic_load_explicit(&shards[i].values[series], memory_order_relaxed);
	return sum;
}

/* In OpenMetrics a counter's family is called without the end that all of its series have. */
static void
print_head(struct buf *to, enum metric family, enum metrics_format format)
{
	size_t len = strlen(figures[family].name);

	if (format == METRICS_OPENMETRICS && strcmp(figures[family].kind, "counter") == 0)
		len -= strlen("_total");
	buf_printf(to, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)len, figures[family].name,
		figures[family].meaning, (int)len, figures[family].name, figures[family].kind);
}

void
metrics_print(struct buf *to, enum metrics_format format)
{
	enum metric family = 0;

	for (enum metric i = 0; i < METRICS; i++) {
		if (figures[i].labels == NULL) {
			family = i;
			if (strcmp(figures[i].kind, "counter") == 0)
				print_head(to, i, format);
			continue;
		}
		buf_printf(to, "%s{%s} %" PRIu64 "\n", figures[family].name, figures[i].labels,
			metrics_value(i));
	}
}

void
metrics_print_gauge(struct buf *to, enum metric gauge)
{
	assert(figures[gauge].name != NULL);
	print_head(to, gauge, METRICS_PROMETHEUS);
}

static void
print_label(struct buf *to, const char *label, const char *text)
{
	buf_printf(to, "{%s=\"", label);
	for (; *text != '\0'; text++)
		if (*text == '"' || *text == '\\')
			buf_printf(to, "\\%c", *text);
		else
			buf_add(to, text, 1);
	buf_printf(to, "\"}");
}

/* No value has a line's end: names and addresses have no control characters. */
void
metrics_print_value(
	struct buf *to, enum metric gauge, const char *label, const char *text, uint64_t value)
{
	buf_printf(to, "%s", figures[gauge].name);
	if (label != NULL)
		print_label(to, label, text);
	buf_printf(to, " %" PRIu64 "\n", value);
}
