// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/**
 * Where a server's handshake daemon listens, as stored under {@code rpc_meta} (protocol section 3).
 *
 * @param host an address or host name
 * @param port 1 to 65535
 * @param metadataVersion grows with each publication, by its owner's clock in microseconds; 0 if
 *     the record does not state it
 */
public record RpcMetaRecord(String host, int port, long metadataVersion) {
  /** A record without a version. */
  public RpcMetaRecord(String host, int port) {
    this(host, port, 0);
  }

  /** Checks the ranges. */
  public RpcMetaRecord {
    if (host.isEmpty()) {
      throw new TransferException(
          ErrorCode.METADATA, "the rpc_meta record names no host: ip_or_host_name is empty", "");
    }
    if (port < 1 || port > 65_535) {
      throw new TransferException(
          ErrorCode.METADATA,
          "rpc_port " + port + " of " + Printable.of(host, 200) + " is not in 1..65535",
          "Delete the stale rpc_meta record and restart that peer");
    }
  }
}
