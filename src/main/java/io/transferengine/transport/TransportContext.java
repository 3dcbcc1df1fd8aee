// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.config.Settings;
import io.transferengine.config.TransportPolicy;
import io.transferengine.device.Devices;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.tls.PeerTls;
import io.transferengine.topology.Topology;
import java.util.Optional;

/**
 * What a transport may see of the engine.
 *
 * @param settings the options
 * @param policy what the engine makes of this transport
 * @param regions the registrations: what peers may touch
 * @param metrics where it counts
 * @param topology the network devices that may be used, and which memory they are near to
 * @param deviceProblem why there is no such device; empty when there is one
 * @param access what peers may do with the registrations
 * @param peers how it speaks to peers' engines
 * @param tls with whom its connections are encrypted
 * @param devices whose memory the engine uses; the engine closes them, behind its transports
 */
public record TransportContext(
    Settings settings,
    TransportPolicy policy,
    RegionTable regions,
    EngineMetrics metrics,
    Topology topology,
    Optional<String> deviceProblem,
    AccessControl access,
    PeerLink peers,
    PeerTls tls,
    Devices devices) {

  /** With this machine's devices. */
  public TransportContext(
      Settings settings,
      TransportPolicy policy,
      RegionTable regions,
      EngineMetrics metrics,
      Topology topology,
      Optional<String> deviceProblem,
      AccessControl access,
      PeerLink peers,
      PeerTls tls) {
    this(
        settings,
        policy,
        regions,
        metrics,
        topology,
        deviceProblem,
        access,
        peers,
        tls,
        new Devices());
  }

  /** {@return the same engine, seen by a transport with another policy} */
  public TransportContext with(TransportPolicy other) {
    return new TransportContext(
        settings, other, regions, metrics, topology, deviceProblem, access, peers, tls, devices);
  }
}
