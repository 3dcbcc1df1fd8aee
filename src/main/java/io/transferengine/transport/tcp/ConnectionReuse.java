// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * Whether a peer takes several requests on one connection (protocol section 7.4). It is learnt, not
 * guessed from versions: a second answer on one connection proves that requests may follow one
 * another, an end after the first answer that they may not. Of an engine that announces vectored
 * requests it is known, once its incarnation is proved.
 */
enum ConnectionReuse {
  /** Until it shows: one request at a time on each connection. */
  UNKNOWN,
  /** It does: requests are pipelined. */
  REUSED,
  /** It does not: each request gets a connection of its own. */
  SINGLE_USE
}
