// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md.
#pragma once
#include <stddef.h>
typedef long ssize_t;
