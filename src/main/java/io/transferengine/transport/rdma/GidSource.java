// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.List;

/** Where a device's GIDs come from: the system, or a test. */
interface GidSource {
  /**
   * {@return the GIDs of a port that may be used, the best first (protocol section 9.2)}
   *
   * @param explicitIndex the one to take; -1 to choose
   * @throws io.transferengine.transfer.TransferException when there is none, or not that one
   */
  List<LocalGid> ranked(String device, int port, int explicitIndex);
}
