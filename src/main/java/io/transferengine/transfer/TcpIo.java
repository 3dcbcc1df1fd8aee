// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** The kernel interface for TCP. */
public enum TcpIo {
  /** Epoll where it is available, else NIO. */
  AUTO,
  /** Linux epoll, or an error. */
  EPOLL,
  /** Linux io_uring, or an error. */
  IO_URING,
  /** The selector of the JDK; works everywhere. */
  NIO
}
