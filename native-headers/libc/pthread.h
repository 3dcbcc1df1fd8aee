// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md: opaque types of the sizes that glibc gives them, and what its pthread.h brings along.
#pragma once
struct timespec {
	long tv_sec;
	long tv_nsec;
};
typedef union {
#if defined(__aarch64__)
	char size[48];
#elif defined(__x86_64__)
	char size[40];
#else
#error "the size of pthread_mutex_t on this processor is not known here"
#endif
	long align;
} pthread_mutex_t;
typedef union {
	char size[48];
	long long align;
} pthread_cond_t;
int pthread_mutex_init(pthread_mutex_t *mutex, const void *attributes);
int pthread_cond_init(pthread_cond_t *condition, const void *attributes);
