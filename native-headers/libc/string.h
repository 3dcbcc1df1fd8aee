// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md: what inline functions of verbs.h call.
#pragma once
#include <stddef.h>
void *memset(void *memory, int value, size_t length);
