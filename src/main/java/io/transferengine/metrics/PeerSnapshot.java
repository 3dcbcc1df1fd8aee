// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

import java.util.Objects;

/** The figures of one peer. Immutable; snapshots with the same figures are equal. */
public final class PeerSnapshot {
  static final PeerSnapshot ZERO = builder().build();

  private final long bytesWritten;
  private final long bytesRead;
  private final long transfersCompleted;
  private final long transfersFailed;

  private PeerSnapshot(Builder from) {
    bytesWritten = from.bytesWritten;
    bytesRead = from.bytesRead;
    transfersCompleted = from.transfersCompleted;
    transfersFailed = from.transfersFailed;
  }

  /**
   * {@return a builder whose figures are all 0; for the engine, and for tests of programs that read
   * figures}
   */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return bytes of completed writes to it} */
  public long bytesWritten() {
    return bytesWritten;
  }

  /** {@return bytes of completed reads from it} */
  public long bytesRead() {
    return bytesRead;
  }

  /** {@return transfers of which every byte arrived} */
  public long transfersCompleted() {
    return transfersCompleted;
  }

  /** {@return all other transfers that ended} */
  public long transfersFailed() {
    return transfersFailed;
  }

  /**
   * {@return the difference to {@code earlier}}
   *
   * @param earlier figures of the same peer
   */
  public PeerSnapshot minus(PeerSnapshot earlier) {
    Objects.requireNonNull(earlier, "earlier must not be null");
    return builder()
        .bytesWritten(bytesWritten - earlier.bytesWritten)
        .bytesRead(bytesRead - earlier.bytesRead)
        .transfersCompleted(transfersCompleted - earlier.transfersCompleted)
        .transfersFailed(transfersFailed - earlier.transfersFailed)
        .build();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PeerSnapshot that
        && bytesWritten == that.bytesWritten
        && bytesRead == that.bytesRead
        && transfersCompleted == that.transfersCompleted
        && transfersFailed == that.transfersFailed;
  }

  @Override
  public int hashCode() {
    return Objects.hash(bytesWritten, bytesRead, transfersCompleted, transfersFailed);
  }

  @Override
  public String toString() {
    return "PeerSnapshot[bytesWritten=%d, bytesRead=%d, transfersCompleted=%d, transfersFailed=%d]"
        .formatted(bytesWritten, bytesRead, transfersCompleted, transfersFailed);
  }

  /** Collects figures. Not thread-safe. */
  public static final class Builder {
    private long bytesWritten;
    private long bytesRead;
    private long transfersCompleted;
    private long transfersFailed;

    private Builder() {}

    /**
     * Sets {@link PeerSnapshot#bytesWritten()}.
     *
     * @param value in bytes
     * @return this builder
     */
    public Builder bytesWritten(long value) {
      bytesWritten = value;
      return this;
    }

    /**
     * Sets {@link PeerSnapshot#bytesRead()}.
     *
     * @param value in bytes
     * @return this builder
     */
    public Builder bytesRead(long value) {
      bytesRead = value;
      return this;
    }

    /**
     * Sets {@link PeerSnapshot#transfersCompleted()}.
     *
     * @param value how many
     * @return this builder
     */
    public Builder transfersCompleted(long value) {
      transfersCompleted = value;
      return this;
    }

    /**
     * Sets {@link PeerSnapshot#transfersFailed()}.
     *
     * @param value how many
     * @return this builder
     */
    public Builder transfersFailed(long value) {
      transfersFailed = value;
      return this;
    }

    /** {@return the figures} */
    public PeerSnapshot build() {
      return new PeerSnapshot(this);
    }
  }
}
