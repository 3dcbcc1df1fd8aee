// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.logging.Printable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Set;

/** The error for a peer that shares no protocol with us. */
public final class ForeignProtocols {
  private static final Set<String> SHARED_MEMORY = Set.of("shm");
  private static final Set<String> NVLINK = Set.of("nvlink", "nvlink_intra");
  private static final int QUOTED_LENGTH_MAX = 1_000;

  private ForeignProtocols() {}

  /**
   * Checks that a segment offers a protocol that this engine speaks.
   *
   * @param peer the peer's name, as the caller knows it
   * @param where the record that lists the protocols, or empty
   * @throws TransferException METADATA if it offers none of them, with a remedy for its owner
   */
  public static void requireShared(String peer, String where, SegmentDescriptor descriptor) {
    if (descriptor.isSupported()) {
      return;
    }
    List<String> offered = descriptor.protocols();
    String shown = Printable.of(offered.toString(), QUOTED_LENGTH_MAX);
    String what = "it offers the protocols " + shown + ", none of which we speak";
    String remedy = "Start it with tcp or rdma";
    if (!offered.isEmpty() && SHARED_MEMORY.containsAll(offered)) {
      what = "the peer offers shared memory only (MC_FORCE_SHM)";
      remedy = "Start it without MC_FORCE_SHM, so that it offers tcp or rdma";
    } else if (!offered.isEmpty() && NVLINK.containsAll(offered)) {
      what = "the peer offers NVLink only " + shown + ", which we do not speak";
      remedy =
          "Start it without MC_FORCE_MNNVL and MC_INTRANODE_NVLINK, or with MC_FORCE_TCP=1, so that"
              + " it offers tcp or rdma";
    }
    String record = where.isEmpty() ? "" : " (record " + where + ")";
    throw TransferException.withPeer(peer, ErrorCode.METADATA, what + record, remedy, null);
  }
}
