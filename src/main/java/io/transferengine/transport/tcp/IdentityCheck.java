// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.tls.PeerToken;
import io.transferengine.transport.Incarnations;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Asks at the start of a lane's connection whether the target is the engine that is meant. Nobody
 * waits for the answer: requests follow at once, and a target that is another one takes none of
 * them. Only on a checked connection they do not follow at once: the question agrees on checksums,
 * and until that is known, damage could pass. Confined to the connection's event loop.
 */
final class IdentityCheck {
  private static final int ANSWER_BYTES_MAX = Frames.STATUS_BYTES + Frames.INCARNATION_BYTES;

  private final OptionalLong wanted;
  private final byte[] answer = new byte[Frames.HELLO_ANSWER_BYTES];
  private final @Nullable Checksum checksum;
  private boolean asked;
  private boolean pending;
  private int received;
  private String refusal = "";
  private String damage = "";
  private String otherMode = "";

  /**
   * A check that has not begun.
   *
   * @param wanted the incarnation; empty for a peer that cannot be asked
   * @param checksum for a checked connection; else null
   */
  IdentityCheck(OptionalLong wanted, @Nullable Checksum checksum) {
    this.wanted = wanted;
    this.checksum = checksum;
  }

  /** Lays the question into the stream, once; {@return false when there is no staging for it} */
  boolean ask(OutboundStream outbound) {
    if (!asked && wanted.isPresent()) {
      long at = outbound.tryReserve(Frames.HEADER_BYTES);
      if (at == 0) {
        return false;
      }
      Checksum sums = checksum;
      if (sums != null) {
        Frames.writeHello(at, wanted.getAsLong());
        Frames.sealHeader(at, sums);
      } else {
        Frames.writeIdentity(at, wanted.getAsLong());
      }
      pending = true;
    }
    asked = true;
    return true;
  }

  /** {@return whether the next bytes belong to the answer} */
  boolean isPending() {
    return pending;
  }

  /** {@return whether requests may be sent} */
  boolean letsRequestsFollow() {
    return checksum == null || (asked && !pending);
  }

  /** {@return how many bytes of the answer are missing, if it is a good one} */
  int missingBytes() {
    return pending ? Math.max(0, Frames.STATUS_BYTES - received) : 0;
  }

  /** Takes in bytes of the answer; {@return how many} */
  int take(long from, int bytes) {
    int whole = received < Frames.STATUS_BYTES ? Frames.STATUS_BYTES : ANSWER_BYTES_MAX;
    if (checksum != null) {
      whole = Frames.HELLO_ANSWER_BYTES;
    }
    int taken = Math.min(bytes, whole - received);
    MemoryWindow.copy(from, answer, received, taken);
    received += taken;
    if (received == whole) {
      judge(whole);
    }
    return taken;
  }

  private void judge(int whole) {
    Checksum sums = checksum;
    if (sums != null && !Frames.endsWithSum(answer, whole - Frames.CHECK_BYTES, sums)) {
      damaged("the answer to our hello");
      return;
    }
    int code = Frames.statusCode(answer);
    if (sums != null && code == Frames.STATUS_DAMAGED_REQUEST) {
      damaged("our hello");
      return;
    }
    if (code == Frames.STATUS_OK) {
      pending = false;
    } else if (code == Frames.STATUS_TOKEN_WANTED) {
      pending = false;
      otherMode = PeerToken.WANTED_THERE + "; set it to a file with a line of the file there";
    } else if (code != Frames.STATUS_ANOTHER) {
      refused("something that is no Java engine");
    } else if (whole >= ANSWER_BYTES_MAX) {
      refused("engine " + Incarnations.text(Frames.incarnation(answer)));
    }
  }

  private void refused(String who) {
    pending = false;
    refusal =
        who
            + " answers there, not engine "
            + Incarnations.text(wanted.orElseThrow())
            + ", which its descriptor names";
  }

  private void damaged(String what) {
    pending = false;
    damage = "a wrong checksum of " + what;
  }

  /** {@return what arrived other than it was sent; empty while nothing has} */
  String damage() {
    return damage;
  }

  /** {@return what the target wants first; empty if it wants nothing} */
  String otherMode() {
    return otherMode;
  }

  /** {@return who else answered; empty while nobody has} */
  String refusal() {
    return refusal;
  }
}
