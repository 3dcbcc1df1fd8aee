// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Optional;

/**
 * The keys of the records in a metadata service (protocol section 2). Immutable.
 *
 * @param prefix the beginning of all keys of the cluster; ends in a slash
 */
public record MetadataKeys(String prefix) {
  /** Ample for a host name, a port and a path. Services refuse keys of some kilobytes. */
  public static final int NAME_LENGTH_MAX = 1024;

  private static final String ROOT = "mooncake/";
  private static final String RAM = "ram/";
  private static final String RPC_META = "rpc_meta/";

  /**
   * {@return the keys of a cluster}
   *
   * @param clusterId {@code MC_METADATA_CLUSTER_ID}; empty for none
   */
  public static MetadataKeys ofCluster(String clusterId) {
    if (clusterId.isEmpty()) {
      return new MetadataKeys(ROOT);
    }
    return new MetadataKeys(ROOT + clusterId + (clusterId.endsWith("/") ? "" : "/"));
  }

  /** {@return the key of a segment's descriptor} */
  public String segment(String name) {
    return prefix + (name.indexOf('/') < 0 ? RAM : "") + name;
  }

  /** {@return the key of the record with the address of a segment's handshake daemon} */
  public String rpcMeta(String name) {
    return prefix + RPC_META + name;
  }

  /** {@return the beginning of the keys of all handshake daemons} */
  public String rpcMetaPrefix() {
    return prefix + RPC_META;
  }

  /** {@return the name whose rpc_meta record has the key; empty for other keys} */
  public Optional<String> nameOfRpcMeta(String key) {
    return key.startsWith(rpcMetaPrefix()) && key.length() > rpcMetaPrefix().length()
        ? Optional.of(key.substring(rpcMetaPrefix().length()))
        : Optional.empty();
  }

  /**
   * Checks that a segment can be stored under a name.
   *
   * @return the name without its leading slashes
   * @throws TransferException INVALID_ARGUMENT if the name is empty, is longer than {@link
   *     #NAME_LENGTH_MAX}, contains blanks or control characters, or would be the key of another
   *     kind of record
   */
  public static String requireName(String name) {
    String normal = SegmentNames.normalize(name);
    String fault = "";
    if (normal.length() > NAME_LENGTH_MAX) {
      fault = "has " + normal.length() + " characters, more than " + NAME_LENGTH_MAX;
    } else if (normal
        .chars()
        .anyMatch(c -> Character.isWhitespace(c) || Character.isISOControl(c))) {
      fault = "contains a blank or a control character";
    } else if (normal.startsWith(RPC_META) || normal.startsWith(RAM)) {
      fault = "begins like the key of another record";
    }
    if (!fault.isEmpty()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "The segment name \"" + Printable.of(normal, 200) + "\" " + fault,
          "Use a host name, perhaps with a port, or another short word");
    }
    return normal;
  }
}
