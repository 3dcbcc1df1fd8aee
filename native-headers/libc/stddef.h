// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md.
#pragma once
typedef unsigned long size_t;
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
