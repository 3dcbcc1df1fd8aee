// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.wire.SegmentDescriptor;
import java.util.List;

/**
 * A peer's segment: its name and the memory that it has registered, as last heard. Thread-safe.
 * Nothing has to be closed.
 */
public final class Segment {

  /**
   * A registered range of the peer.
   *
   * @param address its first byte's address in the peer's process
   * @param length its length in bytes
   */
  public record Buffer(long address, long length) {}

  private final Engine engine;
  private final String name;
  private volatile SegmentDescriptor descriptor;

  Segment(Engine engine, String name, SegmentDescriptor descriptor) {
    this.engine = engine;
    this.name = name;
    this.descriptor = descriptor;
  }

  /** {@return the name that it was opened by, the target of transfers} */
  public String name() {
    return name;
  }

  /** {@return the peer's registered ranges in order of registration, as last heard} */
  public List<Buffer> buffers() {
    return descriptor.buffers().stream()
        .map(buffer -> new Buffer(buffer.address(), buffer.lengthBytes()))
        .toList();
  }

  /**
   * Asks the peer what it has registered now. Waits for its answer.
   *
   * @return this segment
   * @throws io.transferengine.transfer.TransferException when the peer does not answer
   */
  public Segment refresh() {
    descriptor = engine.core().describe(name);
    return this;
  }

  @Override
  public String toString() {
    return "Segment " + name + ", " + descriptor.buffers().size() + " buffers";
  }
}
