/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * building.h - a cache in which archives and content are built, for tests; what a build asks for
 * first waits to be taken.
 *
 * Shapes:   three versions of "t", of which the content of the first is there, and the headers
 *           of all
 * Owner:    building_set_up -> building_tear_down
 */
#ifndef BUILDING_H
#define BUILDING_H

#include "cache/builder.h"
#include "cache/kept.h"
#include "store/versions.h"

struct building {
	struct versions v;
	struct kept k;
	struct builder_parts parts;
};

/* second_content: of this version, too; 0: of none. */
void building_set_up(struct building *s, unsigned second_content);
void building_tear_down(struct building *s);

struct job_spec building_spec_of(
	const struct building *s, enum job_kind kind, unsigned version, unsigned base);

/* It is asked for and begun. What is remembered of it when it has ended, or waits. */
struct job_look building_build(struct building *s, const struct job_spec *spec);

/* It was asked for by a build: it is taken, so that it can be ended. */
struct job *building_asked(struct building *s, const struct job_spec *spec);

bool building_is_here(struct building *s, const struct job_spec *spec);

/* All room that was taken was given back, and the workspace has gone. */
void building_check_room(struct building *s);

/* What a price says: the archive's bytes, in both formats. */
void building_know_price(struct building *s, const struct job_spec *spec, uint64_t bytes);

/* Version 2 as a difference alone. */
struct record building_leave_difference(struct building *s);

#endif
