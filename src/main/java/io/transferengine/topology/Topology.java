// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import io.transferengine.transfer.ConfigurationException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The priority matrix (protocol section 8): for each kind of memory, such as {@code cpu:0}, the
 * network devices to prefer and those to fall back to. Immutable.
 */
public final class Topology {
  private static final Topology NONE = new Topology(Map.of());

  private final SortedMap<String, Devices> matrix;

  /**
   * The devices for one kind of memory, in order of preference.
   *
   * @param preferred names of devices that are near
   * @param available names of all others
   */
  public record Devices(List<String> preferred, List<String> available) {
    /** Copies the lists. */
    public Devices {
      preferred = List.copyOf(preferred);
      available = List.copyOf(available);
    }
  }

  Topology(Map<String, Devices> matrix) {
    this.matrix = new TreeMap<>(Topology::compareBytes);
    this.matrix.putAll(matrix);
  }

  /** {@return the topology of a machine without network devices for RDMA: an empty matrix} */
  public static Topology none() {
    return NONE;
  }

  /**
   * {@return the topology in {@code file}, which {@code MC_CUSTOM_TOPO_JSON} names}
   *
   * @param file a priority matrix as JSON in UTF-8, at most 1 MiB
   * @throws ConfigurationException when the file cannot be read, is too large, or is not a priority
   *     matrix
   */
  public static Topology fromCustomFile(Path file) {
    return TopologyFile.read(file);
  }

  /** {@return the devices by kind of memory, sorted by the bytes of its name} */
  public Map<String, Devices> matrix() {
    return Collections.unmodifiableMap(matrix);
  }

  /**
   * {@return the matrix as JSON: compact, its keys sorted by their bytes; <code>{}</code> when it
   * is empty}
   */
  public String toJson() {
    return TopologyFile.write(matrix);
  }

  /** UTF-8's order, which differs from that of {@code String} above U+FFFF. */
  private static int compareBytes(String left, String right) {
    return Arrays.compareUnsigned(
        left.getBytes(StandardCharsets.UTF_8), right.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Topology that && matrix.equals(that.matrix);
  }

  @Override
  public int hashCode() {
    return matrix.hashCode();
  }

  @Override
  public String toString() {
    return toJson();
  }
}
