// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.GidChoice;
import io.transferengine.topology.GidTable;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.nio.file.Path;
import java.util.List;

/** The kernel's tables of GIDs, below {@code /sys/class/infiniband}. */
final class SysfsGidSource implements GidSource {
  private final Path root;

  /**
   * @param root {@code /sys}, or a folder like it in a test
   */
  SysfsGidSource(Path root) {
    this.root = root;
  }

  @Override
  public List<LocalGid> ranked(String device, int port, int explicitIndex) {
    GidChoice choice = GidChoice.choose(GidTable.read(root, device, port), explicitIndex);
    if (choice.ranked().isEmpty()) {
      throw TransferException.withDevice(
          device,
          ErrorCode.DEVICE_NOT_FOUND,
          "port " + port + " has no usable GID: " + choice.reason(),
          "Give its interface an address, or name another GID with MC_GID_INDEX",
          null);
    }
    return choice.ranked().stream().map(entry -> new LocalGid(entry.index(), entry.gid())).toList();
  }
}
