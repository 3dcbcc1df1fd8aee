// SPDX-License-Identifier: Apache-2.0
/** Moves bytes between registered memory of processes, over RDMA and TCP. */
@org.jspecify.annotations.NullMarked
module io.transferengine {
  requires static transitive org.jspecify;
  requires org.slf4j;
  requires com.fasterxml.jackson.core;
  requires io.netty.buffer;
  requires io.netty.common;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.classes.io_uring;

  exports io.transferengine.metrics;
  exports io.transferengine.topology;
  exports io.transferengine.transfer;
}
