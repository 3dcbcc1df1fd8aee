// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.topology.Gid;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * Orders a peer's devices for one of ours.
 *
 * <p>Machines with several NICs are wired in rails: the n-th NIC of one machine reaches the n-th of
 * another, and perhaps no others. The protocol does not name the rails. The operator's options
 * decide first (MC_NIC_PEER_AFFINITY, then MC_ENABLE_DEST_DEVICE_AFFINITY). Next comes the device
 * whose GID shares the longest prefix with ours, since rails are subnets; then the device at the
 * same place in its owner's list. A wrong guess costs one failed attempt and is remembered.
 */
final class PartnerRanking {
  private PartnerRanking() {}

  static List<String> rank(RdmaDevice ours, SegmentDescriptor peer) {
    RdmaSettings settings = ours.settings();
    List<String> allowed = settings.rails().getOrDefault(ours.name(), List.of());
    record Candidate(String name, int operator, boolean sameName, int prefixBits, int distance) {}
    List<Candidate> candidates = new ArrayList<>();
    List<DeviceDescriptor> devices = peer.devices();
    for (int i = 0; i < devices.size(); i++) {
      DeviceDescriptor device = devices.get(i);
      int place = allowed.indexOf(device.name());
      if (!allowed.isEmpty() && place < 0) {
        continue;
      }
      int prefix =
          Gid.parse(device.gid()).map(gid -> gid.commonPrefixBits(ours.gid().gid())).orElse(0);
      int distance = Math.floorMod(i - ours.index(), devices.size());
      candidates.add(
          new Candidate(
              device.name(),
              Math.max(0, place),
              settings.sameName() && device.name().equals(ours.name()),
              prefix,
              distance));
    }
    candidates.sort(
        Comparator.comparingInt(Candidate::operator)
            .thenComparing(Candidate::sameName, Comparator.reverseOrder())
            .thenComparing(Candidate::prefixBits, Comparator.reverseOrder())
            .thenComparingInt(Candidate::distance));
    return candidates.stream().map(Candidate::name).toList();
  }
}
