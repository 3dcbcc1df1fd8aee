// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.Client;
import java.util.List;

/** Loads the classes that a first call needs, without sending anything. */
final class EtcdFirstUse {
  /**
   * Classes that carry a call. They are loaded by name, because they belong to jetcd's
   * dependencies, which we do not use directly.
   */
  static final List<String> CARRIERS =
      List.of(
          "io.etcd.jetcd.api.RangeRequest",
          "io.etcd.jetcd.api.RangeResponse",
          "io.etcd.jetcd.api.TxnRequest",
          "io.etcd.jetcd.api.TxnResponse",
          "io.etcd.jetcd.api.LeaseGrantRequest",
          "io.etcd.jetcd.api.LeaseGrantResponse",
          "io.etcd.jetcd.api.LeaseKeepAliveRequest",
          "io.etcd.jetcd.api.LeaseKeepAliveResponse",
          "io.grpc.internal.ManagedChannelImpl",
          "io.grpc.internal.ClientCallImpl",
          "io.grpc.netty.NettyChannelBuilder",
          "io.grpc.netty.NettyClientTransport",
          "io.grpc.netty.NettyClientHandler",
          "io.netty.bootstrap.Bootstrap",
          "io.netty.handler.codec.http2.DefaultHttp2ConnectionDecoder",
          "io.netty.handler.codec.http2.DefaultHttp2ConnectionEncoder",
          "io.netty.handler.codec.http2.HpackDecoder",
          "io.netty.handler.codec.http2.HpackEncoder");

  private EtcdFirstUse() {}

  static void load(Client client) {
    var _ = client.getKVClient();
    var _ = client.getLeaseClient();
    var _ = client.getWatchClient();
    for (String carrier : CARRIERS) {
      try {
        var _ = Class.forName(carrier, true, Client.class.getClassLoader());
      } catch (ClassNotFoundException | LinkageError e) {
        // Another version may not have this class.
      }
    }
  }
}
