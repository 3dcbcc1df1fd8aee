// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * What is known of a peer's habit with connections (protocol section 7.4). It is learnt, not
 * guessed from versions: a second answer on one connection proves that requests may follow one
 * another, an end after the first answer that they may not.
 */
enum Persistence {
  /** One request at a time on each connection until it shows. */
  UNKNOWN,
  /** Requests are pipelined. */
  PERSISTENT,
  /** Each request gets a connection of its own. */
  SINGLE
}
