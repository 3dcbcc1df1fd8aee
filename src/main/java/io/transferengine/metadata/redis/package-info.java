// SPDX-License-Identifier: Apache-2.0
/** The client of redis as a metadata service (protocol section 2), with Jedis, and nowhere else. */
package io.transferengine.metadata.redis;
