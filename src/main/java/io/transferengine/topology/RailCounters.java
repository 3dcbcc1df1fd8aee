// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * What the kernel has counted at a port of an RDMA device, for all processes: traffic, and what
 * went wrong with it. Drivers have different counters; their names are the kernel's
 * (Documentation/ABI/stable/sysfs-class-infiniband). Immutable.
 */
public final class RailCounters {
  /** More than machines have. */
  static final int RAILS_MAX = 128;

  /** More than a driver has. */
  static final int COUNTERS_MAX = 512;

  private static final Pattern COUNTER = Pattern.compile("[A-Za-z0-9_.-]{1,64}");

  /** The kernel counts data in words of this length, to last longer. */
  private static final int WORD_BYTES = 4;

  private final String device;
  private final int port;
  private final String state;
  private final Map<String, Long> counters;

  private RailCounters(String device, int port, String state, Map<String, Long> counters) {
    this.device = device;
    this.port = port;
    this.state = state;
    this.counters = Collections.unmodifiableMap(counters);
  }

  /**
   * {@return the ports of all devices, sorted by device and port; none without RDMA devices}
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  public static List<RailCounters> find(Path sysRoot) {
    Objects.requireNonNull(sysRoot, "sysRoot must not be null");
    List<RailCounters> found = new ArrayList<>();
    for (String device : RdmaDevices.names(sysRoot)) {
      Path ports = sysRoot.resolve("class/infiniband").resolve(device).resolve("ports");
      for (int port : SysFiles.numbers(ports, "")) {
        if (found.size() < RAILS_MAX) {
          found.add(read(device, port, ports.resolve(Integer.toString(port))));
        }
      }
    }
    return found;
  }

  private static RailCounters read(String device, int port, Path folder) {
    Map<String, Long> counters = new TreeMap<>();
    for (String kind : List.of("counters", "hw_counters")) {
      Path from = folder.resolve(kind);
      for (String name : SysFiles.names(from, COUNTER)) {
        OptionalLong value = SysFiles.counter(from.resolve(name));
        if (value.isPresent() && counters.size() < COUNTERS_MAX) {
          counters.put(name, value.getAsLong());
        }
      }
    }
    // Such as "4: ACTIVE".
    String state = SysFiles.text(folder.resolve("state")).orElse("");
    return new RailCounters(
        device, port, state.substring(state.indexOf(':') + 1).strip(), counters);
  }

  /** {@return the device's name, such as {@code mlx5_0}} */
  public String device() {
    return device;
  }

  /** {@return the number of the port, from 1} */
  public int port() {
    return port;
  }

  /** {@return the state of its link, such as {@code ACTIVE} or {@code DOWN}; empty if unknown} */
  public String state() {
    return state;
  }

  /** {@return each counter by its name, sorted; unmodifiable} */
  public Map<String, Long> counters() {
    return counters;
  }

  /** {@return bytes that have come in; empty if the driver does not say} */
  public OptionalLong bytesReceived() {
    return bytes("port_rcv_data");
  }

  /** {@return bytes that have gone out; empty if the driver does not say} */
  public OptionalLong bytesSent() {
    return bytes("port_xmit_data");
  }

  private OptionalLong bytes(String name) {
    Long words = counters.get(name);
    return words == null ? OptionalLong.empty() : OptionalLong.of(words * WORD_BYTES);
  }

  /** {@return packets that have come in; empty if the driver does not say} */
  public OptionalLong packetsReceived() {
    return first("port_rcv_packets", "rcvd_pkts");
  }

  /** {@return packets that have gone out; empty if the driver does not say} */
  public OptionalLong packetsSent() {
    return first("port_xmit_packets", "sent_pkts");
  }

  private OptionalLong first(String name, String other) {
    Long known = counters.get(name);
    Long value = known == null ? counters.get(other) : known;
    return value == null ? OptionalLong.empty() : OptionalLong.of(value);
  }

  @Override
  public String toString() {
    return "RailCounters[%s/%d, %s, %s]".formatted(device, port, state, counters);
  }
}
