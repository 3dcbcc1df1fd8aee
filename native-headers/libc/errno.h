// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md: what inline functions of verbs.h name.
#pragma once
extern int errno;
#define EINVAL 22
#define ENOSYS 38
#define EOPNOTSUPP 95
