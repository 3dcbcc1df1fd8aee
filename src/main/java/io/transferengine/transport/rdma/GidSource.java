// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.List;

/** The source of a device's GIDs: the system, or a test. */
interface GidSource {
  /**
   * {@return the GIDs of a port that may be used, the best first (protocol section 9.2)}
   *
   * @param explicitIndex the index of the GID to take; -1 to choose
   * @throws io.transferengine.transfer.TransferException if there is no usable GID, or none with
   *     that index
   */
  List<LocalGid> ranked(String device, int port, int explicitIndex);
}
