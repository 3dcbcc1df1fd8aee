// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.net.InetAddress;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * How many bytes strangers may make us hold: all together, and those of one address. Thread-safe.
 */
public final class ByteBudget {
  private final String limitName;
  private final long limitBytes;
  private final String perPeerName;
  private final long perPeerBytes;

  /** Of addresses that hold something, so that the budget bounds their number, too. */
  private final Map<InetAddress, Long> heldByPeer = new HashMap<>();

  private long heldBytes;

  /**
   * Nothing held yet.
   *
   * @param limitName what sets the first limit, for error texts
   * @param perPeerName what sets the second
   */
  public ByteBudget(String limitName, long limitBytes, String perPeerName, long perPeerBytes) {
    this.limitName = limitName;
    this.limitBytes = limitBytes;
    this.perPeerName = perPeerName;
    this.perPeerBytes = Math.min(perPeerBytes, limitBytes);
  }

  /**
   * Takes some of it.
   *
   * @return why there is no room, naming the limit; then nothing was taken. Empty when there was
   */
  public synchronized Optional<String> reserve(InetAddress peer, long bytes) {
    long ofPeer = heldByPeer.getOrDefault(peer, 0L);
    if (bytes > perPeerBytes - ofPeer) {
      return Optional.of(text(bytes, ofPeer, peer.getHostAddress(), perPeerBytes, perPeerName));
    }
    if (bytes > limitBytes - heldBytes) {
      return Optional.of(text(bytes, heldBytes, "all peers together", limitBytes, limitName));
    }
    heldByPeer.merge(peer, bytes, Long::sum);
    heldBytes += bytes;
    return Optional.empty();
  }

  private static String text(long bytes, long held, String who, long limit, String name) {
    return "%d bytes more, while %s hold(s) %d of %d (%s)".formatted(bytes, who, held, limit, name);
  }

  /** Gives back what was taken. */
  public synchronized void release(InetAddress peer, long bytes) {
    heldByPeer.computeIfPresent(peer, (key, held) -> held <= bytes ? null : held - bytes);
    heldBytes -= bytes;
  }

  /** {@return what is taken now} */
  public synchronized long heldBytes() {
    return heldBytes;
  }
}
