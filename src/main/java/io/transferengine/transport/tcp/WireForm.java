// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transport.Incarnations;
import io.transferengine.wire.SegmentDescriptor;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * How requests to a peer look: what its descriptor announces, as far as we want it.
 *
 * @param version2 whether it acknowledges what it does
 * @param vectors whether small requests may share a frame
 * @param checked whether everything has a checksum
 * @param incarnation what its data port is asked for first; empty when it does not answer that
 */
record WireForm(boolean version2, boolean vectors, boolean checked, OptionalLong incarnation) {

  /** What version 1 and C++ peers do not know, they are never sent. */
  WireForm {
    vectors &= version2;
    incarnation = version2 ? incarnation : OptionalLong.empty();
    checked &= incarnation.isPresent();
  }

  /** Written out: a record's own is linked when it is used for the first time (ADR 41). */
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof WireForm form
        && version2 == form.version2
        && vectors == form.vectors
        && checked == form.checked
        && incarnation.equals(form.incarnation);
  }

  @Override
  public int hashCode() {
    return incarnation.hashCode();
  }

  static WireForm of(SegmentDescriptor peer, TcpOptions options) {
    return new WireForm(
        isVersion2(peer, options),
        peer.tcpVectorVersion() >= Frames.VECTOR_VERSION,
        options.checksum() != ChecksumMode.OFF
            && peer.tcpChecksumVersion() >= Frames.CHECKSUM_VERSION,
        toAskFor(peer));
  }

  /** {@return what to ask a peer's data port for; empty when the peer does not answer that} */
  private static OptionalLong toAskFor(SegmentDescriptor peer) {
    boolean answers =
        peer.tcpProtoVersion() >= 2 && peer.tcpIdentityVersion() >= Frames.IDENTITY_VERSION;
    return answers ? Incarnations.number(peer.incarnation().orElse("")) : OptionalLong.empty();
  }

  static boolean isVersion2(SegmentDescriptor peer, TcpOptions options) {
    return peer.tcpProtoVersion() >= 2 && !options.version1Only();
  }
}
