/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics.h - what this run has counted.
 *
 * Does:     counts, and prints what was counted as Prometheus reads it. Gauges are looked up by
 *           who prints them: here they have their heads.
 * Threads:  any; each has counters of its own, so that a request waits for nobody
 * Source:   server/metrics.def; Prometheus text format 0.0.4, OpenMetrics 1.0.0
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum metric {
#define FAMILY(symbol, name, kind, meaning) METRIC_##symbol,
#define SERIES(symbol, labels) METRIC_##symbol,
#include "metrics.def"
#undef FAMILY
#undef SERIES
	METRICS
};

enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* To a series of a counter. */
void metrics_add(enum metric series, uint64_t n);

/* Since this run began. */
uint64_t metrics_value(enum metric series);

/* All counters. */
void metrics_print(struct buf *to, enum metrics_format format);

/* The head of a gauge, and each of its values: with the value of its one label, or without. */
void metrics_print_gauge(struct buf *to, enum metric gauge);
void metrics_print_value(
	struct buf *to, enum metric gauge, const char *label, const char *text, uint64_t value);

#endif
