// SPDX-License-Identifier: Apache-2.0
// Stand-in, see README.md: the kernel's integer types.
#pragma once
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
#define __aligned_u64 __u64 __attribute__((aligned(8)))
