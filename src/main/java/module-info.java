// SPDX-License-Identifier: Apache-2.0
/** Moves bytes between registered memory of processes, over RDMA and TCP. */
@org.jspecify.annotations.NullMarked
module io.transferengine {
  requires static transitive org.jspecify;
  requires java.net.http;
  requires static jdk.jfr;
  requires jdk.net;
  requires org.slf4j;
  requires com.fasterxml.jackson.core;
  requires transitive io.netty.buffer;
  requires io.netty.codec;
  requires io.netty.common;
  requires io.netty.handler;
  requires io.netty.transport;
  requires io.netty.transport.classes.epoll;
  requires io.netty.transport.classes.io_uring;

  exports io.transferengine;
  exports io.transferengine.access;
  exports io.transferengine.arrow;
  exports io.transferengine.buffers;
  exports io.transferengine.diagnostics;
  exports io.transferengine.events;
  exports io.transferengine.metadata.server;
  exports io.transferengine.metadata.spi;
  exports io.transferengine.metrics;
  exports io.transferengine.micrometer;
  exports io.transferengine.netty;
  exports io.transferengine.topology;
  exports io.transferengine.transfer;

  uses io.transferengine.exposition.MetricsText.Provider;
  uses io.transferengine.metadata.spi.MetadataStoreProvider;
  uses io.transferengine.transport.TransportProvider;

  provides io.transferengine.exposition.MetricsText.Provider with
      io.transferengine.micrometer.meters.PrometheusTextProvider;
  provides io.transferengine.metadata.spi.MetadataStoreProvider with
      io.transferengine.metadata.memory.InMemoryMetadataStoreProvider,
      io.transferengine.metadata.etcd.EtcdMetadataStoreProvider,
      io.transferengine.metadata.http.HttpMetadataStoreProvider,
      io.transferengine.metadata.redis.RedisMetadataStoreProvider;
  provides io.transferengine.transport.TransportProvider with
      io.transferengine.transport.local.LocalTransportProvider,
      io.transferengine.transport.rdma.RdmaTransportProvider,
      io.transferengine.transport.tcp.TcpTransportProvider;
}
