// SPDX-License-Identifier: Apache-2.0
/** Moves bytes between registered memory of processes, over RDMA and TCP. */
@org.jspecify.annotations.NullMarked
@SuppressWarnings("requires-automatic") // HdrHistogram has no module name of its own.
module io.transferengine {
  requires static transitive org.jspecify;
  requires org.slf4j;
  requires com.fasterxml.jackson.core;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.classes.io_uring;

  // The command's; a user of the library does not get them.
  requires static info.picocli;
  requires static me.tongfei.progressbar;
  requires static HdrHistogram;

  exports io.transferengine.transfer;
}
