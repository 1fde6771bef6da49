/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The locks of the unit tests look at who takes them: who locks what he has, unlocks what he has
 * not, or lets a lock go for good while somebody has it, ends the test.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

/* In the place of the C library's, as with the disk that fails (faults.h). */
#define REAL(function, ...)                                                                        \
	((int (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #function)) /* declared as it is there */

static int
checked(int result, int wrong, const char *what)
{
	if (result != wrong)
		return result;
	(void)fprintf(stderr, "a lock: %s\n", what);
	abort();
}

int
pthread_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *asked)
{
	pthread_mutexattr_t looks;
	int result;

	(void)pthread_mutexattr_init(&looks);
	(void)pthread_mutexattr_settype(&looks, PTHREAD_MUTEX_ERRORCHECK);
	result = REAL(pthread_mutex_init, pthread_mutex_t *, const pthread_mutexattr_t *)(
		m, asked != NULL ? asked : &looks);
	(void)pthread_mutexattr_destroy(&looks);
	return result;
}

int
pthread_mutex_lock(pthread_mutex_t *m)
{
	return checked(REAL(pthread_mutex_lock, pthread_mutex_t *)(m), EDEADLK, "locked twice");
}

/* Also of one that nobody made with pthread_mutex_init; the C library notes who has which. */
int
pthread_mutex_unlock(pthread_mutex_t *m)
{
	int has = m->__data.__owner == gettid();

	return checked(has ? REAL(pthread_mutex_unlock, pthread_mutex_t *)(m) : EPERM, EPERM,
		"unlocked by who has it not");
}

int
pthread_mutex_destroy(pthread_mutex_t *m)
{
	return checked(REAL(pthread_mutex_destroy, pthread_mutex_t *)(m), EBUSY,
		"gone while somebody has it");
}
