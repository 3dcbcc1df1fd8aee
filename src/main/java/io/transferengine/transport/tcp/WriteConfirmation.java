// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * How the writes of a connection are known to be done when the peer speaks version 1, which
 * acknowledges none (protocol section 7.6).
 *
 * <p><b>Several requests a connection</b>, as far as is known: the writes that go out together are
 * followed by a 1-byte read of the last byte written. Requests are served in order, so its answer
 * confirms them all; a target that refuses one of them closes instead.
 *
 * <p><b>One request a connection</b>, or nobody knows yet: a write has a connection to itself,
 * which is closed in our direction behind the body. When the other side ends it in order, the write
 * was most likely taken. But a target that refuses it behind the header may close before the body
 * has come, and that is an orderly end, too. So the lane's next connection begins with a 1-byte
 * read of the last byte written. What is not registered cannot be read either, and only the answer
 * completes the write. While nobody knows the peer's habit another read follows the first: if it is
 * answered as well, the peer takes several requests. What remains: a target that drops a part of a
 * body, ends in order and goes on serving cannot be told from one that took it all.
 *
 * <p>Confined to the connection's event loop.
 */
final class WriteConfirmation {
  /** Places of the ring that are kept for the read which confirms the writes before it. */
  static final int PLACES = 1;

  private final RequestRing ring;
  private final RequestWriter writer;
  private final LaneStaging staging;
  private int unconfirmed;
  private boolean dedicated;
  private boolean halfCloseWhenSent;

  WriteConfirmation(RequestRing ring, RequestWriter writer, LaneStaging staging) {
    this.ring = ring;
    this.writer = writer;
    this.staging = staging;
  }

  /**
   * A version 1 write was put into the stream.
   *
   * @param alone whether nothing follows it on this connection
   */
  void written(boolean alone) {
    unconfirmed++;
    if (alone) {
      dedicated = true;
      halfCloseWhenSent = true;
    }
  }

  /**
   * {@return whether a write has the connection to itself} Whatever other lanes learn meanwhile, it
   * stays so.
   */
  boolean isDedicated() {
    return dedicated;
  }

  /** {@return whether our direction is to be closed once all is sent} True once. */
  boolean takeHalfClose() {
    boolean was = halfCloseWhenSent;
    halfCloseWhenSent = false;
    return was;
  }

  @Override
  public String toString() {
    return (dedicated ? "dedicated to one write, " : "") + unconfirmed + " writes unconfirmed";
  }

  /** Asks for the writes so far, in their own connection, once no more of them follow at once. */
  void askBehind(OutboundStream outbound) {
    if (unconfirmed > 0 && !dedicated && staging.hasHeader(outbound)) {
      long last = ring.end() - 1;
      read(outbound, ring.remote(last) + ring.length(last) - 1);
      unconfirmed = 0;
    }
  }

  /** {@return whether the write that has the connection to itself is not settled yet} */
  boolean isOfOneLeft() {
    return dedicated && ring.size() == 1 && ring.task(ring.first()) != null;
  }

  /** Takes that write out of the ring. */
  UnconfirmedWrite takeLeft() {
    UnconfirmedWrite write = ring.write(ring.first());
    ring.removeFirst();
    return write;
  }

  /**
   * Asks for a write of an earlier connection.
   *
   * @return false when others are asked for, or there is no staging: the lane is woken when it can
   */
  boolean askFor(UnconfirmedWrite write, OutboundStream outbound) {
    if (ring.size() > 0 || !staging.hasHeader(outbound)) {
      return false;
    }
    ring.confirmation(write);
    writer.plain(outbound, ring.end() - 1);
    return true;
  }

  /**
   * Asks for what needs no answer, so that one shows whether the peer takes several requests; with
   * no staging for it, not now but behind another write.
   */
  void askOnceMore(long remoteAddress, OutboundStream outbound) {
    if (staging.hasHeader(outbound)) {
      read(outbound, remoteAddress);
    }
  }

  private void read(OutboundStream outbound, long remoteAddress) {
    ring.confirmation(remoteAddress);
    writer.plain(outbound, ring.end() - 1);
  }
}
