// SPDX-License-Identifier: Apache-2.0
/** The client of redis as a metadata service (protocol section 2). Only this package uses Jedis. */
package io.transferengine.metadata.redis;
